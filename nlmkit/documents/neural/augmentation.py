"""Altered copies of training texts: "EDA: Easy Data Augmentation Techniques" (Wei & Zou 2019).

Each copy of a text undergoes one operation, with n = max(1, ⌊rate · words⌋):

- ``swap``: two words change places, n times.
- ``deletion``: each word is dropped with probability ``rate``; at least one is kept.
- ``replacement``: n words of different types are replaced by synonyms.
- ``insertion``: a synonym of a random word of the text is inserted at a random place, n times.

Synonyms are the nearest words in the vectors of a representation, instead of the paper's WordNet, so that only plain
text is required and any language works. Nearest words include antonyms; check that they help on held-out texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.representations.base import Representation
    from nlmkit.text import Corpus

SYNONYMS: Final = 5
"""Number of nearest words from which a synonym is drawn, uniformly."""

NEED_VECTORS: Final = ("insertion", "replacement")

Words = list[str]


def swap(words: Words, rate: float, source: np.random.Generator) -> Words:
    """Return the words with n pairs of positions swapped; fewer than two words are returned unchanged."""
    changed = list(words)
    if len(changed) > 1:
        for _ in range(_count(words, rate)):
            first, second = source.choice(len(changed), 2, replace=False).tolist()
            changed[first], changed[second] = changed[second], changed[first]
    return changed


def deletion(words: Words, rate: float, source: np.random.Generator) -> Words:
    """Return the words that are not dropped; if all would be, one is kept."""
    if not words:
        return []
    kept = source.random(len(words)) >= rate
    if not kept.any():
        kept[source.integers(len(words))] = True
    return [word for word, stays in zip(words, kept.tolist(), strict=True) if stays]


class Augmenter:
    """Generator of altered copies of texts.

    Args:
        rate: Share of a text's words that an operation changes.
        operations: Names of the operations, drawn uniformly; ``insertion`` and ``replacement`` are used only if
            there are vectors.
        vectors: Fitted representation whose nearest words are the synonyms.
        seed: Random seed; the copies of a text depend on it and on the texts before.

    Raises:
        HyperParameterError: An operation is unknown, or none is usable.
    """

    def __init__(
        self, *, rate: float, operations: Sequence[str], vectors: Representation | None = None, seed: int = 0
    ) -> None:
        known: Mapping[str, Callable[[Words], Words]] = {
            "swap": lambda words: swap(words, self._rate, self._source),
            "deletion": lambda words: deletion(words, self._rate, self._source),
            "insertion": self._insert,
            "replacement": self._replace,
        }
        for name in operations:
            if name not in known:
                raise HyperParameterError(f"unknown augmentation operation {name!r}{suggestion(name, known)}")
        self.operations = tuple(name for name in operations if vectors is not None or name not in NEED_VECTORS)
        if not self.operations:
            what = "none is given" if not operations else f"{', '.join(operations)} need vectors"
            raise HyperParameterError(f"no augmentation operation is usable: {what}; add swap or deletion, or vectors")
        self._functions = [known[name] for name in self.operations]
        self._rate, self._vectors = rate, vectors
        self._source = np.random.default_rng([seed, 0x656461])
        self._synonyms: dict[str, list[str]] = {}

    def __call__(self, words: Words) -> Words:
        """Return an altered copy of a text's words."""
        return self._functions[int(self._source.integers(len(self._functions)))](list(words))

    def synonyms(self, word: str) -> list[str]:
        """Return the nearest words, at most five; none if the word has no vector."""
        found = self._synonyms.get(word)
        if found is None:
            assert self._vectors is not None
            known = word in self._vectors
            found = [near for near, _ in self._vectors.most_similar(word, SYNONYMS)] if known else []
            self._synonyms[word] = found
        return found

    def _synonym_of(self, word: str) -> str | None:
        found = self.synonyms(word)
        return found[int(self._source.integers(len(found)))] if found else None

    def _replace(self, words: Words) -> Words:
        left = _count(words, self._rate)
        kinds = list(dict.fromkeys(words))
        for index in self._source.permutation(len(kinds)).tolist():
            if not left:
                break
            if (synonym := self._synonym_of(kinds[index])) is not None:
                words = [synonym if word == kinds[index] else word for word in words]
                left -= 1
        return words

    def _insert(self, words: Words) -> Words:
        for _ in range(_count(words, self._rate) if words else 0):
            for index in self._source.permutation(len(words)).tolist()[:10]:
                if (synonym := self._synonym_of(words[index])) is not None:
                    words.insert(int(self._source.integers(len(words) + 1)), synonym)
                    break
        return words


def augmented(
    corpus: Corpus,
    copies: int,
    *,
    rate: float,
    operations: Sequence[str],
    vectors: Representation | None,
    seed: int,
    run: RunOptions,
) -> Corpus:
    """Return the documents of a corpus, followed by altered copies of all of them, pass by pass.

    Args:
        corpus: One document per "sentence".
        copies: Number of altered copies per document.
        rate: See ``Augmenter``.
        operations: See ``Augmenter``.
        vectors: See ``Augmenter``; one-hot vectors, which are all equally far apart, count as None.
        seed: See ``Augmenter``.
        run: Receives progress.

    Raises:
        HyperParameterError: An operation is unknown, or none is usable.
    """
    from nlmkit.text import Corpus

    usable = None if vectors is not None and vectors.name == "one-hot" else vectors
    altered = Augmenter(rate=rate, operations=operations, vectors=usable, seed=seed)
    run.stage("augmentation", corpus.sentences * copies)
    texts = [corpus.sentence(number) for number in range(corpus.sentences)]
    found = []
    for _ in range(copies):
        for text in texts:
            found.append(altered(text))
            run.advance(1)
    return Corpus.of_tokens([*texts, *found], corpus.pipeline)


def _count(words: Sequence[str], rate: float) -> int:
    return max(1, int(rate * len(words)))
