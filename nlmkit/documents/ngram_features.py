"""Word n-grams as document features, on integer ids: counting, lookup and tracing back to words with NumPy.

An n-gram is identified by its first n−1 words, themselves a feature, and its last word; so n-grams are never strings,
and tokens may contain spaces. Dropping rare n-grams preserves this: an n-gram never occurs in more documents than its
prefix.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core import optional
from nlmkit.saving import require, require_array
from nlmkit.text import Corpus, Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ARRAY: Final = "ngrams.{}"

_KEY_BITS: Final = 63
"""Bits of a packed key of code and position."""


class NGramFeatures:
    """N-grams of the training documents, counted in any documents.

    Features are numbered from 0: words by id, then bigrams, and so on.

    Args:
        vocabulary: The words.
        codes: For each order, the index of each feature's prefix among those of the order below, times the
            vocabulary size, plus the id of its last word; ascending int64.
    """

    def __init__(self, vocabulary: Vocabulary, codes: Sequence[NDArray[np.int64]]) -> None:
        self.vocabulary = vocabulary
        self._codes = tuple(codes)
        self._offsets = np.cumsum([0, *map(len, self._codes)])

    @classmethod
    def of(cls, corpus: Corpus, vocabulary: Vocabulary, *, order: int, min_documents: int) -> NGramFeatures:
        """Return all n-grams up to ``order`` that occur in at least ``min_documents`` documents of ``corpus``."""
        return cls.counted(corpus, vocabulary, order=order, min_documents=min_documents)[0]

    @classmethod
    def counted(
        cls, corpus: Corpus, vocabulary: Vocabulary, *, order: int, min_documents: int
    ) -> tuple[NGramFeatures, csr_matrix]:
        """Return the features of ``of`` and their ``matrix`` for the same corpus, in one pass.

        Raises:
            NlmkitError: SciPy is not installed.
        """
        optional.require("scipy.sparse", extra="classifiers", who="the matrix of n-gram features")
        ids, documents = _ids_and_documents(corpus, vocabulary)
        codes: list[NDArray[np.int64]] = []
        columns = _Columns(corpus.sentences)
        ranks = np.zeros(len(ids), np.int64)
        for n in range(1, order + 1):
            groups = _Groups.of(_codes_of(ids, documents, ranks, n, len(vocabulary)))
            counts = groups.by_document(documents)
            kept = counts.features >= min_documents
            codes.append(groups.codes[kept])
            numbers = np.where(kept, np.cumsum(kept) - 1, -1)
            columns.add(counts, numbers, len(codes[-1]))
            ranks = groups.scattered(numbers, len(ids))
        return cls(vocabulary, codes), columns.matrix()

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def matrix(self, corpus: Corpus) -> csr_matrix:
        """Count the features of each document: float64 CSR [documents, features], indices ascending.

        Raises:
            NlmkitError: SciPy is not installed.
        """
        optional.require("scipy.sparse", extra="classifiers", who="the matrix of n-gram features")
        ids, documents = _ids_and_documents(corpus, self.vocabulary)
        columns = _Columns(corpus.sentences)
        ranks = np.zeros(len(ids), np.int64)
        for n, known in enumerate(self._codes, start=1):
            groups = _Groups.of(_codes_of(ids, documents, ranks, n, len(self.vocabulary)))
            numbers = _lookup(known, groups.codes)
            columns.add(groups.by_document(documents), numbers, len(known))
            ranks = groups.scattered(numbers, len(ids))
        return columns.matrix()

    def occurrences(self, corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return all occurrences of features.

        Returns:
            Document, feature, and position of the first word among the corpus's words: int64 each.
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
        """Distribute the weights of a document's features over its words.

        A feature's weight is divided equally among its occurrences, and an occurrence's among its words.

        Args:
            corpus: One document.
            weights: Weight of each feature of the document: float64 [features].

        Returns:
            Weight of each word: float64 [words]; they sum to the weights of the document's features.
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
        """Return the features as arrays for saving."""
        return {_ARRAY.format(n): codes for n, codes in enumerate(self._codes, start=1)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], vocabulary: Vocabulary, order: int) -> NGramFeatures:
        """Rebuild the features of a saved model.

        Raises:
            SavedModelError: Arrays are missing, or not features of this vocabulary.
        """
        codes: list[NDArray[np.int64]] = []
        limit = len(vocabulary)
        for n in range(1, order + 1):
            name = _ARRAY.format(n)
            found = np.asarray(require_array(arrays, name, dtype="int64", shape=(None,)), np.int64)
            require(bool((found[1:] > found[:-1]).all()), f"array {name!r} is not sorted")
            inside = not len(found) or (found[0] >= 0 and found[-1] < limit)
            require(inside, f"array {name!r} contains n-grams of words missing from the vocabulary")
            codes.append(found)
            limit = len(found) * len(vocabulary)
        return cls(vocabulary, codes)


def _ids_and_documents(corpus: Corpus, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return id and document of each word: int64 [words]."""
    documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
    known = ~corpus.oov_mask(vocabulary)
    return np.where(known, corpus.ids_for(vocabulary), -1).astype(np.int64), documents


def _codes_of(
    ids: NDArray[np.int64], documents: NDArray[np.int64], ranks: NDArray[np.int64], n: int, words: int
) -> NDArray[np.int64]:
    """Return the code of the n-gram that starts at each word, −1 if there is none: int64 [words].

    Args:
        ids: Id of each word, −1 if unknown.
        documents: Document of each word.
        ranks: Index of the (n−1)-gram that starts at each word among those of its order, −1 if there is none.
        n: The order.
        words: Size of the vocabulary.
    """
    codes = np.full(len(ids), -1, np.int64)
    starts = max(len(ids) - n + 1, 0)
    last = ids[n - 1 :]
    there = (ranks[:starts] >= 0) & (last >= 0) & (documents[:starts] == documents[n - 1 :])
    codes[:starts][there] = ranks[:starts][there] * words + last[there]
    return codes


@dataclasses.dataclass
class _DocumentCounts:
    """Counts of the n-grams of an order per document: nonzero pairs, ordered by n-gram and document.

    Attributes:
        documents: Document of each pair: int64 [pairs].
        counts: Occurrences of each pair: int64 [pairs].
        features: Number of pairs of each n-gram: int64 [n-grams].
    """

    documents: NDArray[np.int64]
    counts: NDArray[np.int64]
    features: NDArray[np.int64]


@dataclasses.dataclass
class _Groups:
    """Start positions of the n-grams of a corpus, grouped by n-gram.

    Attributes:
        codes: Code of each n-gram, ascending: int64 [n-grams].
        sizes: Number of occurrences of each n-gram: int64 [n-grams].
        positions: Start positions, ascending within an n-gram: int64 [occurrences].
    """

    codes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    positions: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.int64]) -> _Groups:
        """Group the code of each word: int64 [words], −1 if no n-gram starts there."""
        positions = np.flatnonzero(codes >= 0)
        found = codes[positions]
        bits = max(len(codes) - 1, 0).bit_length()
        if int(found.max(initial=0)).bit_length() + bits <= _KEY_BITS:
            # Sorting values is much faster than sorting a permutation; the position restores the mapping.
            found <<= bits
            found |= positions
            found.sort()
            positions = found & ((1 << bits) - 1)
            found >>= bits
        else:
            order = np.argsort(found, kind="stable")
            found, positions = found[order], positions[order]
        starts = np.flatnonzero(_changes(found))
        return cls(found[starts], np.diff(starts, append=len(found)), positions)

    def by_document(self, documents: NDArray[np.int64]) -> _DocumentCounts:
        """Count the n-grams of each document.

        Args:
            documents: Document of each word, ascending: int64 [words].
        """
        where = documents[self.positions]
        new = _changes(where)
        firsts = np.cumsum(self.sizes) - self.sizes
        new[firsts] = True
        starts = np.flatnonzero(new)
        pairs = np.add.reduceat(new, firsts, dtype=np.int64) if len(firsts) else firsts
        return _DocumentCounts(where[starts], np.diff(starts, append=len(where)), pairs)

    def scattered(self, numbers: NDArray[np.int64], words: int) -> NDArray[np.int64]:
        """Return the index of the n-gram that starts at each word, −1 if there is none: int64 [words].

        Args:
            numbers: Index of each n-gram: int64 [n-grams].
            words: Number of words in the corpus.
        """
        found = np.full(words, -1, np.int64)
        found[self.positions] = np.repeat(numbers, self.sizes)
        return found


class _Columns:
    """Builder of a matrix by document from counts by feature."""

    def __init__(self, documents: int) -> None:
        self._documents = documents
        self._rows: list[NDArray[np.int32]] = []
        self._counts: list[NDArray[np.float64]] = []
        self._sizes: list[NDArray[np.int64]] = []

    def add(self, found: _DocumentCounts, numbers: NDArray[np.int64], features: int) -> None:
        """Append the features of one order.

        Args:
            found: Counts of n-grams.
            numbers: Feature index of each n-gram within its order, −1 for none, the others ascending.
            features: Number of features of the order.
        """
        known = numbers >= 0
        pairs = np.repeat(known, found.features)
        self._rows.append(found.documents[pairs].astype(np.int32))
        self._counts.append(found.counts[pairs].astype(np.float64))
        sizes = np.zeros(features, np.int64)
        sizes[numbers[known]] = found.features[known]
        self._sizes.append(sizes)

    def matrix(self) -> csr_matrix:
        """Return the matrix: float64 CSR [documents, features], indices ascending."""
        from scipy.sparse import csc_matrix

        sizes = np.concatenate(self._sizes)
        pointers = np.concatenate([[0], np.cumsum(sizes)])
        arrays = (np.concatenate(self._counts), np.concatenate(self._rows), pointers)
        # With columns in order, the rows of the transpose are ascending without a sort.
        return csc_matrix(arrays, shape=(self._documents, len(sizes))).tocsr()


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each value differs from the one before; True for the first."""
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def _lookup(known: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of each code among the known ones, −1 if it is not one of them: int64."""
    if not len(known):
        return np.full(len(codes), -1, np.int64)
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[at] == codes, at, -1)
