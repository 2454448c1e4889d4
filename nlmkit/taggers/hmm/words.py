"""Probability of a word given its tag and the words before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import ascends, require, require_array
from nlmkit.taggers.hmm.tag_counts import TagCounts

if TYPE_CHECKING:
    from nlmkit.taggers.hmm.lexicon import Lexicon
    from nlmkit.taggers.hmm.tokens import DistinctTokens

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

_UNSEEN: Final = 0.5  # count of a word that training lacks
_STRENGTH: Final = 3.0  # weight of the shorter history, per different word seen after a history and with the tag


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """Counts of tags with sequences of words, of one length.

    Attributes:
        keys: Sequences that training has seen, ascending: int64. The number of the history, among those one word
            shorter, times the number of words and one, plus the number of the last word; words count from 1, and 0 is
            what is before the sentence.
        counts: Counts of the last word's tag.
        histories: Number of histories.
    """

    keys: Ids
    counts: TagCounts
    histories: int
    words: int

    @cached_property
    def _of_histories(self) -> tuple[TagCounts, NDArray[np.int64], NDArray[np.int64]]:
        """Tags per history, with total counts and numbers of different last words."""
        tags = self.counts.number_of_tags
        pairs = (self.keys // (self.words + 1))[self.counts.rows] * tags + self.counts.tags
        unique, inverse, different = np.unique(pairs, return_inverse=True, return_counts=True)
        totals = np.bincount(inverse, self.counts.counts, minlength=len(unique)).astype(np.int64)
        ends = np.cumsum(np.bincount(unique // tags, minlength=self.histories))
        shape = TagCounts(ends, (unique % tags).astype(np.int32), totals.astype(np.int32), tags)
        return shape, totals, different

    def find(self, histories: Ids, words: Ids) -> Ids:
        """Return the number of each sequence: int64, −1 where training lacks it; −1 is an unknown history or word."""
        wanted = np.where((histories >= 0) & (words >= 0), histories * (self.words + 1) + words, -1)
        if not len(self.keys):
            return np.full(len(wanted), -1)
        place = np.searchsorted(self.keys, wanted)
        return np.where(self.keys.take(place, mode="clip") == wanted, place, -1)

    def probabilities(self, histories: Ids, sequences: Ids, lower: Floats) -> Floats:
        """Return p(word | tag, history) from that of shorter histories: float64 [n, K]."""
        shape, totals, different = self._of_histories
        weight = _STRENGTH * shape.dense(histories, different)
        total = shape.dense(histories, totals) + weight
        return np.divide(self.counts.dense(sequences) + weight * lower, total, out=lower.copy(), where=total > 0)


@dataclasses.dataclass(frozen=True, eq=False)
class WordModel:
    """log p(word | tag, words before): the emissions of the HMM.

    p(w | t) = p(t | w) p(w) / p(t) by the lexicon; a word that training lacks counts as half an occurrence. With
    histories, p(w | t, h w′) = (n(w′, h, w, t) + λ p(w | t, h)) / (n(w′, h, t) + λ), where λ is three times the number
    of different words after that history with tag t.

    Attributes:
        lexicon: p(tag | word).
        histories: Sequences of two words, and of three.
    """

    lexicon: Lexicon
    histories: tuple[History, ...]

    @classmethod
    def learn(
        cls, lexicon: Lexicon, tokens: DistinctTokens, tags: NDArray[Any], offsets: NDArray[np.int64], order: int
    ) -> WordModel:
        """Count sequences of up to ``order`` words.

        Args:
            lexicon: Fitted on the same tokens.
            tokens: The distinct training tokens.
            tags: Tag of each token: [tokens].
            offsets: Where each sentence begins, and the last one ends: int64 [sentences + 1].
            order: Length of the longest sequence.
        """
        words = len(lexicon.keys[-1])
        numbers = lexicon.rows(tokens)[tokens.ids] + 1
        is_first = _are_first(offsets)
        histories, found = words + 1, []
        before = np.where(is_first, 0, np.roll(numbers, 1))
        for _ in range(order - 1):
            keys = np.where(before >= 0, before * (words + 1) + numbers, -1)
            unique, rows = np.unique(keys, return_inverse=True)
            rows = rows - int(len(unique) > 0 and unique[0] < 0)
            unique = unique[unique >= 0]
            found.append(
                History(
                    unique, TagCounts.of(rows, tags, len(unique), lexicon.counts[0].number_of_tags), histories, words
                )
            )
            before = np.where(is_first, -1, np.roll(rows, 1))
            histories = len(unique)
        return cls(lexicon, tuple(found))

    def log_probabilities(self, scored: Scored, at: Ids, is_first: NDArray[np.bool_]) -> Floats:
        """Return log p(word | tag, words before) at some tokens, whole sentences: float64 [n, K].

        Args:
            scored: From ``scored``.
            at: The tokens: int64 [n].
            is_first: Whether each begins a sentence: bool [n].
        """
        base = scored.base[scored.ids[at]]
        if not self.histories:
            return base
        numbers = scored.rows[scored.ids[at]]
        words = np.where(numbers >= 0, numbers + 1, -1)
        found = np.exp(base)
        before = np.where(is_first, 0, np.roll(words, 1))
        for history in self.histories:
            sequences = history.find(before, words)
            found = history.probabilities(before, sequences, found)
            before = np.where(is_first, -1, np.roll(sequences, 1))
        log: Floats = np.log(found)
        return log

    def scored(self, tokens: DistinctTokens) -> Scored:
        """Return what is to be known of the distinct tokens of some sentences."""
        rows = self.lexicon.rows(tokens)
        words = self.lexicon.counts[-1]
        totals = np.bincount(words.rows, words.counts, minlength=len(words))
        own = np.where(rows >= 0, np.append(totals, 0)[rows], _UNSEEN)
        shares = np.log(own / totals.sum())[:, None]
        base = np.log(self.lexicon.probabilities(tokens)) - np.log(self.lexicon.prior) + shares
        return Scored(base, rows, tokens.ids)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the sequences as arrays; those of the lexicon are not among them."""
        found: dict[str, NDArray[Any]] = {}
        for number, history in enumerate(self.histories):
            found[f"sequences.{number}"] = history.keys
            found |= history.counts.arrays(f"sequence_counts.{number}")
        return found

    @classmethod
    def restored(cls, lexicon: Lexicon, arrays: Mapping[str, NDArray[Any]], order: int) -> WordModel:
        """Return the model that ``arrays`` gave.

        Raises:
            SavedModelError: An array is missing or is something else.
        """
        words, found = len(lexicon.keys[-1]), []
        histories = words + 1
        for number in range(order - 1):
            keys = require_array(arrays, f"sequences.{number}", dtype="int64", shape=(None,))
            sound = ascends(keys) and (not len(keys) or int(keys[-1]) < histories * (words + 1))
            require(sound, f"array 'sequences.{number}' does not hold sequences of words; save the model again")
            counts = TagCounts.restored(arrays, f"sequence_counts.{number}", len(keys), len(lexicon.prior))
            found.append(History(np.asarray(keys), counts, histories, words))
            histories = len(keys)
        return cls(lexicon, tuple(found))


@dataclasses.dataclass(frozen=True, eq=False)
class Scored:
    """Distinct tokens of some sentences, as far as the words before them do not matter.

    Attributes:
        base: log p(word | tag): float64 [distinct, K].
        rows: Number among the words of training: int64 [distinct], −1 for an unknown one.
        ids: Distinct token of each token: int64 [tokens].
    """

    base: Floats
    rows: Ids
    ids: Ids


def _are_first(offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each token begins a sentence: bool [tokens]."""
    found = np.zeros(int(offsets[-1]), bool)
    found[offsets[:-1][np.diff(offsets) > 0]] = True
    return found
