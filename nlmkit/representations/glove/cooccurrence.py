"""Word co-occurrence counts as in the Stanford GloVe tool (Pennington, Socher & Manning 2014).

Two words at a distance d of at most ``window`` within a sentence add 1/d to the count of each given the other. A word
that is skipped takes no place, so it brings its neighbours nearer together. A word d places from itself therefore adds
2/d to its own count.

Sums of 1/d in floating point depend on their order, and so on how a text is cut into blocks. Here they are sums of
integers: of ``unit``/d, where ``unit`` is a common multiple of all distances. One division at the end gives the double
nearest to the true count, whatever the memory.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.representations.glove.spool import Spool, Spools

Weighting = Literal["harmonic", "uniform"]

MAX_WINDOW: Final = 127
"""The widest window: a distance shares 64 bits with a pair of words."""

_PAIR: Final = np.dtype([("pair", np.int64), ("units", np.int64)])
_DISTANCE_BITS: Final = 7
_MOST_UNITS: Final = 2**62
_BLOCK: Final = 1 << 20
_FEWEST_PAIRS, _MOST_PAIRS = 1 << 10, 1 << 22
_PAIR_WORK, _MERGE_WORK = 64, 96
"""Bytes that a pair needs while a block is counted, and a record while runs are merged."""
_FAN_IN: Final = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Cooccurrences:
    """Counts of pairs of words, one per ordered pair that occurs.

    Attributes:
        size: Number of words; ids are below it.
        symmetric: Whether both orders of a pair are counted; else the row is the left word and the column the right
            one.
        unit: What a stored 1 is a part of: a count is its ``units`` / ``unit``.
        exact: Whether each count is the double nearest to the true sum. If not (windows beyond 22 on large texts),
            weights were rounded to multiples of 1/``unit``.
        stored: Pairs in order, ``row · size + column``, with their units; only those with row ≤ column if symmetric.
    """

    size: int
    symmetric: bool
    unit: int
    exact: bool
    stored: Spool

    def __len__(self) -> int:
        """Number of ordered pairs."""
        if not self.symmetric:
            return len(self.stored)
        pairs = self.stored.array()["pair"]
        pieces = (pairs[begin : begin + _BLOCK] for begin in range(0, len(pairs), _BLOCK))
        # row · size + column is a multiple of size + 1 where the two are equal, and only there.
        return 2 * len(pairs) - sum(int(np.count_nonzero(piece % (self.size + 1) == 0)) for piece in pieces)

    def blocks(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]]:
        """Rows, columns and counts, piece by piece; the pieces and their order follow from the counts alone."""
        pairs = self.stored.array()
        for begin in range(0, len(pairs), _BLOCK):
            block = pairs[begin : begin + _BLOCK]
            rows, columns = (part.astype(np.int32) for part in np.divmod(block["pair"], self.size))
            units = block["units"]
            if self.symmetric:
                other = np.flatnonzero(rows != columns)
                units = np.concatenate([np.where(rows == columns, 2 * units, units), units[other]])
                rows, columns = np.concatenate([rows, columns[other]]), np.concatenate([columns, rows[other]])
            yield rows, columns, units / self.unit

    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
        """All rows, columns (int32 [n]) and counts (float64 [n]), by row and then column."""
        blocks = list(self.blocks())
        if not blocks:
            return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0)
        rows, columns, counts = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.lexsort((columns, rows))
        return rows[order], columns[order], counts[order]


def count_cooccurrences(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    size: int,
    *,
    window: int,
    spools: Spools,
    symmetric: bool = True,
    weighting: Weighting = "harmonic",
    advance: Callable[[float], None] = lambda amount: None,
) -> Cooccurrences:
    """Count co-occurrences of words.

    Args:
        ids: Words of the text, below ``size``, or −1 for one that is skipped: int32 [N].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        size: Number of words.
        window: Largest distance, 1 to `MAX_WINDOW`.
        spools: Hold the counts, in memory or in files. How much memory that is changes nothing in the result.
        symmetric: Count both orders of a pair.
        weighting: ``harmonic``: 1/d; ``uniform``: 1 at any distance.
        advance: Told how many words of the text were read.

    Raises:
        DataError: A temporary file cannot be written.
    """
    if not 1 <= window <= MAX_WINDOW:
        raise ValueError(f"window must be from 1 to {MAX_WINDOW}, not {window}")
    if size >= 1 << 28:
        raise DataError(f"{size} words are too many for co-occurrence counts: raise min_count")
    unit, parts = _units(window, weighting, len(ids))
    runs = _Runs(spools)
    pairs = min(max(spools.working // _PAIR_WORK, _FEWEST_PAIRS), _MOST_PAIRS)
    for packed, read in _packed_pairs(ids, offsets, size, window=window, symmetric=symmetric, pairs=pairs):
        runs.add(_summed(packed, parts))
        advance(read)
    exact = weighting == "uniform" or unit % math.lcm(*range(1, window + 1)) == 0
    return Cooccurrences(size, symmetric, unit, exact, runs.merged())


def _units(window: int, weighting: Weighting, tokens: int) -> tuple[int, NDArray[np.int64]]:
    """Return the unit, and the number of units of each distance from 1 on."""
    if weighting == "uniform":
        return 1, np.ones(window, np.int64)
    unit = math.lcm(*range(1, window + 1))
    largest = tokens * sum(1 / distance for distance in range(1, window + 1))
    if unit * largest >= _MOST_UNITS:
        # No exact sum of so many fits: the finest binary fractions that do are taken.
        unit = 1 << max(0, int(math.log2(_MOST_UNITS / largest)))
    return unit, np.array([(2 * unit + distance) // (2 * distance) for distance in range(1, window + 1)], np.int64)


def _packed_pairs(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], size: int, *, window: int, symmetric: bool, pairs: int
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield pairs of co-occurring words as integers (pair, then distance − 1), and the number of words read.

    Args:
        pairs: About how many to give at once.
    """
    step = max(1, pairs // window)
    words, sentences = np.empty(0, np.int64), np.empty(0, np.int64)
    for begin in range(0, len(ids), step):
        end = min(begin + step, len(ids))
        first, last = np.searchsorted(offsets, begin, "right") - 1, np.searchsorted(offsets, end, "left")
        bounds = np.clip(offsets[first : last + 1], begin, end)
        block = ids[begin:end]
        kept = block >= 0
        before = len(words)
        words = np.concatenate([words, block[kept]])
        sentences = np.concatenate([sentences, np.repeat(np.arange(first, last), bounds[1:] - bounds[:-1])[kept]])
        packed = np.empty(window * (len(words) - before), np.int64)
        count = 0
        for distance in range(1, window + 1):
            at = max(before, distance)
            if at >= len(words):
                continue
            left, right = slice(at - distance, len(words) - distance), slice(at, None)
            near = sentences[left] == sentences[right]
            one, other = words[left][near], words[right][near]
            if symmetric:
                one, other = np.minimum(one, other), np.maximum(one, other)
            packed[count : count + len(one)] = (one * size + other) << _DISTANCE_BITS | (distance - 1)
            count += len(one)
        yield packed[:count], end - begin
        words, sentences = words[-window:], sentences[-window:]


def _summed(packed: NDArray[np.int64], parts: NDArray[np.int64]) -> NDArray[Any]:
    """Return the pairs in order, each once, with their units; ``packed`` is sorted in place."""
    packed.sort()
    units = parts[packed & ((1 << _DISTANCE_BITS) - 1)]
    packed >>= _DISTANCE_BITS
    return _joined(packed, units)


def _joined(pairs: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[Any]:
    """Sorted pairs, each once, with the sums of their units."""
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(pairs), 1), np.bool_), pairs[1:] != pairs[:-1]]))
    joined = np.empty(len(starts), _PAIR)
    joined["pair"] = pairs[starts]
    if len(starts):
        joined["units"] = np.add.reduceat(units, starts)
    return joined


class _Runs:
    """Sorted runs of pairs, merged when there are many: a text of any length leaves few of them."""

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self._levels: list[list[Spool]] = [[]]

    def add(self, run: NDArray[Any]) -> None:
        spool = self._spools.new(_PAIR)
        spool.append(run)
        self._levels[0].append(spool)
        for level, runs in enumerate(self._levels):
            if len(runs) < _FAN_IN:
                return
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(self._merge(runs))
            self._levels[level] = []

    def merged(self) -> Spool:
        """Return all runs merged into one."""
        return self._merge([run for level in self._levels for run in level])

    def _merge(self, runs: Sequence[Spool]) -> Spool:
        runs = [run for run in runs if len(run)]
        if len(runs) == 1:
            return runs[0]
        merged = self._spools.new(_PAIR)
        arrays = [run.array() for run in runs]
        records = max(2 * len(runs), self._spools.working // _MERGE_WORK)
        bounds = [np.zeros(len(arrays), np.int64)]
        bounds += [
            np.array([np.searchsorted(array["pair"], split) for array in arrays])
            for split in _splits([array["pair"] for array in arrays], records)
        ]
        bounds.append(np.array([len(array) for array in arrays], np.int64))
        for begins, ends in itertools.pairwise(bounds):
            pieces = [array[begin:end] for array, begin, end in zip(arrays, begins, ends, strict=True)]
            if any(map(len, pieces)):
                merged.append(_merged_piece(pieces))
        del arrays
        for run in runs:
            run.discard()
        return merged


def _splits(runs: Sequence[NDArray[np.int64]], records: int) -> NDArray[np.int64]:
    """Pairs at which to cut sorted runs, so that no piece of all runs has more than so many records.

    Of k runs each gives every (records / 2k)th of its pairs. Between k consecutive ones of all of these lie at most
    records / 2 pairs, and at most as many again where runs were cut within. Some of the splits may be equal.
    """
    if sum(map(len, runs)) <= records:
        return np.empty(0, np.int64)
    stride = records // (2 * len(runs))
    samples = np.sort(np.concatenate([run[stride - 1 :: stride] for run in runs]))
    splits: NDArray[np.int64] = samples[len(runs) - 1 :: len(runs)]
    return splits


def _merged_piece(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    pairs = np.concatenate([piece["pair"] for piece in pieces])
    units = np.concatenate([piece["units"] for piece in pieces])
    order = np.argsort(pairs, kind="stable")  # which merges runs that are sorted
    return _joined(pairs[order], units[order])
