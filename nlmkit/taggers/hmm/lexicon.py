"""Probability of each tag given a word, known or not, from contexts that say ever more of the word.

The contexts are: the feature columns, the shape or class of the word, its endings from short to long, the word in lower
case, and the word. Each smooths the next one: p(t | c) = (n(c, t) + λ p(t | shorter c)) / (n(c) + λ), where λ is the
number of different tags that c occurs with (Witten & Bell 1991). Endings and shapes are counted on rare words alone,
which unknown words are like, and apart for words that begin with a capital letter or a digit (Samuelsson 1993; Brants
2000).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import require, require_array
from nlmkit.saving.strings import require_strings, strings_as_bytes
from nlmkit.taggers.crf.views import character_class, shape
from nlmkit.taggers.hmm.tag_counts import TagCounts

if TYPE_CHECKING:
    from nlmkit.taggers.hmm.tokens import DistinctTokens

Floats = NDArray[np.float64]

_ADDED: Final = 0.1  # to the count of each tag, so that none has probability zero


@dataclasses.dataclass(frozen=True, eq=False)
class Lexicon:
    """Counts of tags in contexts, from the least to the most specific kind of context.

    Attributes:
        prior: Probability of each tag: float64 [K].
        keys: Of each kind, number of each context.
        counts: Of each kind, counts of tags in each context.
        characters: Whether tokens are characters.
        suffix: Length of the longest ending.
    """

    prior: Floats
    keys: tuple[Mapping[str, int], ...]
    counts: tuple[TagCounts, ...]
    characters: bool
    suffix: int

    @classmethod
    def learn(
        cls,
        tokens: DistinctTokens,
        tags: NDArray[Any],
        number_of_tags: int,
        *,
        characters: bool,
        suffix: int,
        rare: int,
    ) -> Lexicon:
        """Count tags in the contexts of training tokens.

        Args:
            tokens: The distinct training tokens.
            tags: Tag of each token: [tokens].
            number_of_tags: K.
            characters: Whether tokens are characters.
            suffix: Length of the longest ending.
            rare: How often a word occurs at most whose endings and shape are counted.
        """
        numbers: dict[str, int] = {}
        words = np.array([numbers.setdefault(word, len(numbers)) for word in tokens.words], np.int64)
        is_rare = (np.bincount(words[tokens.ids], minlength=len(numbers)) <= rare)[words]
        keys, counts = [], []
        for of_rare, contexts in _contexts(tokens, characters, suffix):
            own: dict[str, int] = {}
            rows = np.full(len(tokens), -1, np.int64)
            for place, context in enumerate(contexts):
                if context is not None and (is_rare[place] or not of_rare):
                    rows[place] = own.setdefault(context, len(own))
            keys.append(own)
            counts.append(TagCounts.of(rows[tokens.ids], tags, len(own), number_of_tags))
        prior = np.bincount(tags, minlength=number_of_tags) + _ADDED
        return cls(prior / prior.sum(), tuple(keys), tuple(counts), characters, suffix)

    def probabilities(self, tokens: DistinctTokens) -> Floats:
        """Return p(tag | token) of distinct tokens: float64 [tokens, K], all above zero."""
        found = np.tile(self.prior, (len(tokens), 1))
        for keys, counts, (_, contexts) in zip(
            self.keys, self.counts, _contexts(tokens, self.characters, self.suffix), strict=True
        ):
            rows = np.array([-1 if context is None else keys.get(context, -1) for context in contexts], np.int64)
            found = smoothed(counts.dense(rows), found)
        return found

    def rows(self, tokens: DistinctTokens) -> NDArray[np.int64]:
        """Return the number of each distinct token among those of training: int64 [tokens], −1 for an unknown one."""
        *_, (_, contexts) = _contexts(tokens, self.characters, self.suffix)
        known = self.keys[-1]
        return np.array([known.get(str(context), -1) for context in contexts], np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything but settings as arrays."""
        found: dict[str, NDArray[Any]] = {"prior": self.prior}
        for number, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True)):
            found[f"contexts.{number}"] = strings_as_bytes(list(keys))
            found |= counts.arrays(f"context_counts.{number}")
        return found

    @classmethod
    def restored(
        cls, arrays: Mapping[str, NDArray[Any]], number_of_tags: int, *, columns: bool, characters: bool, suffix: int
    ) -> Lexicon:
        """Return the lexicon that ``arrays`` gave.

        Raises:
            SavedModelError: An array is missing or is something else.
        """
        prior = require_array(arrays, "prior", dtype="float64", shape=(number_of_tags,))
        require(
            bool((prior > 0).all() and abs(float(prior.sum()) - 1) < 1e-6),
            "array 'prior' holds no probabilities; save the model again",
        )
        keys, counts = [], []
        for number in range(columns + 2 + (0 if characters else 1 + suffix)):
            strings = require_strings(arrays, f"contexts.{number}")
            own = {string: place for place, string in enumerate(strings)}
            require(len(own) == len(strings), f"array 'contexts.{number}' has a string twice; save the model again")
            keys.append(own)
            counts.append(TagCounts.restored(arrays, f"context_counts.{number}", len(own), number_of_tags))
        occur = np.bincount(counts[-1].rows, minlength=len(keys[-1])) > 0
        require(len(occur) and occur.all(), "its words have no counts; save the model again")
        return cls(np.asarray(prior), tuple(keys), tuple(counts), characters, suffix)


def smoothed(counts: Floats, lower: Floats, strength: float = 1.0) -> Floats:
    """Return counts [n, K] as distributions, with the ``lower`` ones as far as they are uncertain."""
    weight = strength * np.count_nonzero(counts, axis=1)[:, None]
    total = counts.sum(axis=1)[:, None] + weight
    found: Floats = np.divide(counts + weight * lower, total, out=lower.copy(), where=total > 0)
    return found


def _contexts(tokens: DistinctTokens, characters: bool, suffix: int) -> Iterator[tuple[bool, list[str | None]]]:
    """Yield kinds of contexts, the least specific first.

    Yields:
        Whether the kind is counted on rare words alone, and the context of each distinct token; None for none.
    """
    columns, words = tokens.columns, tokens.words
    pairs = list(zip(columns, words, strict=True))
    if any(columns):  # values are never empty
        yield False, list(columns)
    outline = character_class if characters else shape
    yield True, [f"{column}\t{outline(word)}" for column, word in pairs]
    if not characters:
        kinds = [_kind(word) for word in words]
        for size in range(1, suffix + 1):
            yield (
                True,
                [
                    f"{column}\t{kind}{word[-size:].lower()}" if len(word) >= size else None
                    for (column, word), kind in zip(pairs, kinds, strict=True)
                ],
            )
        yield False, [f"{column}\t{word.lower()}" for column, word in pairs]
    yield False, [f"{column}\t{word}" for column, word in pairs]


def _kind(word: str) -> str:
    return "X" if word[0].isupper() else "d" if word[0].isdigit() else "x"
