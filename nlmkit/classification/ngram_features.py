"""Word n-grams as features of documents, on integer ids: counted, looked up and traced back to words with NumPy.

An n-gram is numbered by its first n−1 words, themselves a feature, and its last word; so no n-gram is ever a string,
and tokens may hold spaces. Rare n-grams can be left out without breaking that: no n-gram is in more documents than its
beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import NlmkitError
from nlmkit.saving import require, require_array
from nlmkit.text import Corpus, Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ARRAY: Final = "ngrams.{}"


class NGramFeatures:
    """The n-grams of the training documents, and how often other documents have them.

    Features are numbered from 0: words by id, then bigrams, and so on.

    Args:
        vocabulary: The words.
        codes: For each order, the number of each feature's first words among those of the order below, times the
            vocabulary's size, plus the id of its last word; ascending int64.
    """

    def __init__(self, vocabulary: Vocabulary, codes: Sequence[NDArray[np.int64]]) -> None:
        self.vocabulary = vocabulary
        self._codes = tuple(codes)
        self._offsets = np.cumsum([0, *map(len, self._codes)])

    @classmethod
    def of(cls, corpus: Corpus, vocabulary: Vocabulary, *, order: int, min_documents: int) -> NGramFeatures:
        """All n-grams up to ``order`` that occur in at least ``min_documents`` documents of ``corpus``."""
        ids, documents = _ids_and_documents(corpus, vocabulary)
        codes: list[NDArray[np.int64]] = []
        ranks = np.zeros(len(ids), np.int64)
        for n in range(1, order + 1):
            code = _codes_of(ids, documents, ranks, n, len(vocabulary))
            known = np.flatnonzero(code >= 0)
            kept, numbers = np.unique(code[known], return_inverse=True)
            pairs = np.unique(numbers * np.int64(corpus.sentences) + documents[known])
            frequent = np.bincount(pairs // max(corpus.sentences, 1), minlength=len(kept)) >= min_documents
            codes.append(kept[frequent])
            ranks = _lookup(codes[-1], code)
        return cls(vocabulary, codes)

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def matrix(self, corpus: Corpus) -> csr_matrix:
        """How often each document has each feature: float64 CSR [documents, features], indices ascending.

        Raises:
            NlmkitError: SciPy is not installed.
        """
        try:
            from scipy.sparse import csr_matrix
        except ModuleNotFoundError as error:
            if error.name != "scipy":
                raise
            raise NlmkitError("n-gram features need SciPy: pip install 'nlmkit[classifiers]'") from None

        documents, features = self.occurrences(corpus)[:2]
        shape = (corpus.sentences, len(self))
        matrix = csr_matrix((np.ones(len(features)), (documents, features)), shape=shape)
        matrix.sum_duplicates()
        return matrix

    def occurrences(self, corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Every occurrence of a feature.

        Returns:
            The document, the feature, and the position of its first word among the corpus's words: int64 each.
        """
        ids, all_documents = _ids_and_documents(corpus, self.vocabulary)
        documents, features, positions = [], [], []
        ranks = np.zeros(len(ids), np.int64)
        for n, codes in enumerate(self._codes, start=1):
            ranks = _lookup(codes, _codes_of(ids, all_documents, ranks, n, len(self.vocabulary)))
            at = np.flatnonzero(ranks >= 0)
            documents.append(all_documents[at])
            features.append(ranks[at] + self._offsets[n - 1])
            positions.append(at)
        return np.concatenate(documents), np.concatenate(features), np.concatenate(positions)

    def token_weights(self, corpus: Corpus, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share out what a document's features count for among its words.

        A feature's weight is divided equally among its occurrences, and an occurrence's among its words.

        Args:
            corpus: One document.
            weights: What each feature that the document has counts for: float64 [features].

        Returns:
            What each word counts for: float64 [words]; they sum to the weights of the document's features.
        """
        _, features, positions = self.occurrences(corpus)
        shares = weights[features] / np.bincount(features, minlength=len(self))[features]
        orders = np.searchsorted(self._offsets, features, side="right")
        found = np.zeros(corpus.tokens)
        for n in range(1, len(self._codes) + 1):
            for step in range(n):
                chosen = orders == n
                np.add.at(found, positions[chosen] + step, shares[chosen] / n)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The features as arrays to be saved."""
        return {_ARRAY.format(n): codes for n, codes in enumerate(self._codes, start=1)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], vocabulary: Vocabulary, order: int) -> NGramFeatures:
        """Rebuild the features of a saved model.

        Raises:
            SavedModelError: arrays are missing, or no features of this vocabulary.
        """
        codes: list[NDArray[np.int64]] = []
        limit = len(vocabulary)
        for n in range(1, order + 1):
            name = _ARRAY.format(n)
            found = np.asarray(require_array(arrays, name, dtype="int64", shape=(None,)), np.int64)
            require(bool((found[1:] > found[:-1]).all()), f"array {name!r} is not in order")
            inside = not len(found) or (found[0] >= 0 and found[-1] < limit)
            require(inside, f"array {name!r} holds n-grams of words that the vocabulary lacks")
            codes.append(found)
            limit = len(found) * len(vocabulary)
        return cls(vocabulary, codes)


def _ids_and_documents(corpus: Corpus, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each word's id and its document: int64 [words]."""
    documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
    known = ~corpus.oov_mask(vocabulary)
    return np.where(known, corpus.ids_for(vocabulary), -1).astype(np.int64), documents


def _codes_of(
    ids: NDArray[np.int64], documents: NDArray[np.int64], ranks: NDArray[np.int64], n: int, words: int
) -> NDArray[np.int64]:
    """Code of the n-gram that begins at each word, −1 where none does: int64 [words].

    Args:
        ids: Id of each word, −1 where unknown.
        documents: Document of each word.
        ranks: Number of the (n−1)-gram that begins at each word among those of its order, −1 where none does.
        n: The order.
        words: Size of the vocabulary.
    """
    codes = np.full(len(ids), -1, np.int64)
    starts = max(len(ids) - n + 1, 0)
    last = ids[n - 1 :]
    there = (ranks[:starts] >= 0) & (last >= 0) & (documents[:starts] == documents[n - 1 :])
    codes[:starts][there] = ranks[:starts][there] * words + last[there]
    return codes


def _lookup(known: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each code among the known ones, −1 where it is none of them: int64."""
    if not len(known):
        return np.full(len(codes), -1, np.int64)
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[at] == codes, at, -1)
