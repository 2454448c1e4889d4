"""The places in a text where n-grams end, sorted by n-gram; the last word compares first.

A part has the n-grams whose last words are in one range of the vocabulary, so that parts need not be merged. From order
to order, the places of each n-gram are sorted by the word before it, the first word of the n-grams one word longer. In
long texts machine code sorts them (``counting_kernels``, extra ``fast``), otherwise NumPy; the result is the same.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram import counting_arrays
from nlmkit.language_models.ngram.threads import Threads
from nlmkit.text.vocabulary import BOS_ID

Ids = NDArray[np.int32]

PART_WORDS: Final = 1 << 20
"""Words of a part, about; the arrays of larger ones do not fit into a processor's cache."""

COMPILED_WORDS: Final = 1 << 22
"""Words from which machine code is started for a text; below, that takes longer than it saves."""

_MOST_PARTS: Final = 1 << 15
_BLOCK: Final = 1 << 18
_NO_IDS: Ids = np.empty(0, np.int32)


@dataclasses.dataclass
class Part:
    """The n-grams of one order whose last words are in one range.

    Attributes:
        at: Places where they end, sorted by n-gram, int32.
        begins: Where those of each n-gram begin in ``at``, and the end, int32 [n + 1].
        first: First word of each, int32 [n].
        events: Places of its words.
    """

    at: Ids
    begins: Ids
    first: Ids
    events: int


@dataclasses.dataclass
class Grams:
    """The n-grams of a part: as in ``Level``, but with indices of suffixes in the part; int32 [n]."""

    first: Ids
    suffix: Ids
    history: Ids
    raw: Ids


class Text:
    """A text whose n-grams are found order by order, from bigrams up: ``grams`` of all parts, then ``joined``.

    Args:
        words: Ids with ``<s>`` before each sentence, int32.
        unigrams: Their numbers, int64 [V].
        part_words: Words of a part, about.
        threads: Threads for the work.

    Attributes:
        parts: The parts, with the n-grams of the order that was joined last; with those of one word at first.
    """

    def __init__(self, words: Ids, unigrams: NDArray[np.int64], part_words: int, threads: Threads) -> None:
        self._words = words
        self._own = _arithmetic(len(words))
        self._word_bits = max(1, (len(unigrams) - 1).bit_length())
        counts = unigrams.copy()
        counts[BOS_ID] = 0  # no n-gram of two words ends there
        before = np.cumsum(counts) - counts
        part_of = (before // max(part_words, len(words) // _MOST_PARTS)).astype(np.uint16)
        number = int(part_of.max()) + 1
        part_of[BOS_ID] = number
        pieces = list(threads.map(partial(self._places, part_of, number), range(0, len(words), _BLOCK)))
        self.parts = list(threads.map(partial(self._part, pieces), range(number)))
        self._part_of = part_of
        self._ids = self._longer_ids = words
        self._bases: Ids = np.zeros(number + 1, np.int32)
        self._base_of: Ids = np.zeros(len(unigrams), np.int32)

    def _places(self, part_of: NDArray[np.uint16], number: int, begin: int) -> tuple[Ids, NDArray[np.int64]]:
        """Return the places of a block of the text, by part, and where those of each part begin."""
        own = part_of[self._words[begin : begin + _BLOCK]]
        places = own.argsort(kind="stable").astype(np.int32)
        places += begin
        return places, np.cumsum(np.bincount(own + np.uint16(1), minlength=number + 2))

    def _part(self, pieces: Sequence[tuple[Ids, NDArray[np.int64]]], number: int) -> Part:
        at = np.concatenate([_NO_IDS, *(places[ends[number] : ends[number + 1]] for places, ends in pieces)])
        whole = np.array([0, len(at)], np.int32)
        one = np.full(1, -1, np.int32)
        _, sorted_at, begins, first = self._own.refined(self._words, at, whole, one, 0, self._word_bits)
        return Part(sorted_at, begins, first, len(at))

    def begin(self, *, highest: bool) -> None:
        """Prepare for the n-grams of the next order."""
        self._longer_ids = _NO_IDS if highest else np.empty(len(self._words), np.int32)

    def grams(self, k: int, part: Part) -> Grams:
        """Return the n-grams of order ``k`` of a part, and replace those that the part has."""
        lower, own = part.first, self._own
        found = own.refined(self._words, part.at, part.begins, part.first, k - 1, self._word_bits)
        suffix, part.at, part.begins, part.first = found
        if k == 2:
            suffix = lower[suffix]
        if len(self._longer_ids):
            own.number(self._longer_ids, part.at, part.begins)
        history = own.histories(self._words, part.at, part.begins, self._ids, self._base_of)
        return Grams(part.first, suffix, history, np.diff(part.begins))

    def joined(self, k: int, found: Sequence[Grams], threads: Threads) -> tuple[Ids, Ids, Ids, NDArray[np.int64]]:
        """Return the n-grams of order ``k`` of all parts: first words, suffixes, histories and numbers."""
        if k > 2:
            for grams, base in zip(found, self._bases, strict=False):
                grams.suffix += base
        names = [(field.name, np.int64 if field.name == "raw" else np.int32) for field in dataclasses.fields(Grams)]

        def joined(name: str, dtype: Any) -> NDArray[Any]:
            return np.concatenate([getattr(grams, name) for grams in found], dtype=dtype)

        first, suffix, history, raw = threads.map(joined, *zip(*names, strict=True))
        ends = np.cumsum([0, *(len(grams.first) for grams in found)])
        for part, begin, end in zip(self.parts, ends[:-1], ends[1:], strict=True):
            part.first = first[begin:end]
        self._bases = ends.astype(np.int32)
        self._base_of = self._bases[self._part_of]
        self._ids = self._longer_ids
        return first, suffix, history, raw


def numbers(words: Ids, size: int) -> NDArray[np.int64]:
    """Return the number of each word, int64 [size]."""
    found = np.zeros(size, np.int64)
    for begin in range(0, len(words), _BLOCK):  # ``bincount`` of all would convert all
        counts = np.bincount(words[begin : begin + _BLOCK])
        found[: len(counts)] += counts
    return found


def _arithmetic(words: int) -> Any:
    """Return the functions for a text of so many words: machine code, if there is any and starting it pays."""
    if words < COMPILED_WORDS or importlib.util.find_spec("numba") is None:
        return counting_arrays
    from nlmkit.language_models.ngram import counting_kernels

    return counting_kernels
