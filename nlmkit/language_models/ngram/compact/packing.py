"""Arrays of unsigned integers in a set number of bits each: ``Packed``, and sorted ones, ``Offsets``.

Values are packed in blocks of 64, so that a block of ``width`` bits per value is ``width`` words of 64 bits. A word of
zeros follows the last block: any value can be read as a pair of words.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import SavedModelError

BLOCK = 64
"""Values per block, and bits per word."""

WIDEST = 48
"""Most bits of a value."""

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]


def pack(values: NDArray[np.integer], width: int) -> Words:
    """Return non-negative values below 2^width in ``width`` bits each, without the closing word: uint64."""
    blocks = -(-len(values) // BLOCK)
    filled = np.zeros((blocks, BLOCK), np.uint64)
    filled.reshape(-1)[: len(values)] = values
    words = np.zeros((blocks, width), np.uint64)
    for place in range(BLOCK if width else 0):
        at, shift = divmod(place * width, BLOCK)
        words[:, at] |= filled[:, place] << np.uint64(shift)
        if shift + width > BLOCK:
            words[:, at + 1] |= filled[:, place] >> np.uint64(BLOCK - shift)
    return words.reshape(-1)


def unpack(words: Words, width: int) -> Integers:
    """Return the values of whole blocks: int64 [64 · blocks]; ``words`` is [blocks, width]."""
    values = np.zeros((len(words), BLOCK), np.int64)
    mask = np.uint64((1 << width) - 1)
    for place in range(BLOCK if width else 0):
        at, shift = divmod(place * width, BLOCK)
        value = words[:, at] >> np.uint64(shift)
        if shift + width > BLOCK:
            value |= words[:, at + 1] << np.uint64(BLOCK - shift)
        values[:, place] = value & mask
    return values.reshape(-1)


@dataclasses.dataclass(frozen=True, eq=False)
class Packed:
    """Values of one width.

    Attributes:
        words: uint64 [blocks · width + 1].
        width: Bits per value, 0 to 48.
        size: Number of values.
    """

    words: Words
    width: int
    size: int

    @classmethod
    def of(cls, values: NDArray[np.integer], width: int) -> Packed:
        """Pack non-negative values below 2^width."""
        return cls(np.append(pack(values, width), np.uint64(0)), width, len(values))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        at, shift = divmod(index * self.width, BLOCK)
        both = int(self.words[at]) | int(self.words[at + 1]) << BLOCK if self.width else 0
        return (both >> shift) & ((1 << self.width) - 1)

    def take(self, indices: NDArray[np.integer]) -> Integers:
        """Return some values: int64 [indices]."""
        if not self.width:
            return np.zeros(len(indices), np.int64)
        bits = indices.astype(np.uint64) * np.uint64(self.width)
        return _read(self.words, bits >> np.uint64(6), bits & np.uint64(63), np.uint64((1 << self.width) - 1))

    def range(self, begin: int, end: int) -> Integers:
        """Return the values from ``begin`` to ``end``: int64 [end − begin]."""
        first, last = begin // BLOCK, -(-end // BLOCK)
        words = self.words[first * self.width : last * self.width].reshape(last - first, self.width)
        return unpack(words, self.width)[begin - first * BLOCK : end - first * BLOCK]

    def check(self, name: str) -> None:
        """Raise ``SavedModelError`` unless there are as many words as the values need."""
        wanted = -(-self.size // BLOCK) * self.width + 1
        if self.words.dtype != np.uint64 or self.words.shape != (wanted,) or not 0 <= self.width <= WIDEST:
            found = f"{self.words.dtype} {list(self.words.shape)}"
            raise damaged(f"{name} is {found}, expected uint64 [{wanted}] for {self.size} values of {self.width} bits")


@dataclasses.dataclass(frozen=True, eq=False)
class Offsets:
    """Non-decreasing values: per block the first one, and the differences from it in as few bits as they need.

    Attributes:
        words: Blocks of differences, uint64; two words of zeros follow, since the last block may have no words.
        bases: First value of each block, uint32 or uint64 [blocks].
        starts: Index in ``words`` of each block and of the end, uint32 or uint64 [blocks + 1]; a block has as many
            words as its values have bits.
        size: Number of values.
    """

    words: Words
    bases: NDArray[np.unsignedinteger]
    starts: NDArray[np.unsignedinteger]
    size: int

    @classmethod
    def of(cls, values: NDArray[np.integer]) -> Offsets:
        """Pack at least one value."""
        blocks = -(-len(values) // BLOCK)
        filled = np.full(blocks * BLOCK, values[-1], np.int64)
        filled[: len(values)] = values
        table = filled.reshape(blocks, BLOCK)
        bases = table[:, 0].copy()
        widths = np.array([int(gap).bit_length() for gap in (table[:, -1] - bases).tolist()])
        starts = np.concatenate([[0], np.cumsum(widths)])
        words = np.zeros(int(starts[-1]) + 2, np.uint64)
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            packed = pack((table[rows] - bases[rows, None]).reshape(-1), width).reshape(len(rows), width)
            words[starts[rows, None] + np.arange(width)] = packed
        return cls(words, _narrow(bases), _narrow(starts), len(values))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        block, place = divmod(index, BLOCK)
        start = int(self.starts[block])
        width = int(self.starts[block + 1]) - start
        if not width:
            return int(self.bases[block])
        at, shift = divmod(place * width, BLOCK)
        both = int(self.words[start + at]) | int(self.words[start + at + 1]) << BLOCK
        return int(self.bases[block]) + ((both >> shift) & ((1 << width) - 1))

    def take(self, indices: NDArray[np.integer]) -> Integers:
        """Return some values: int64 [indices]."""
        blocks = indices >> 6
        starts = self.starts[blocks].astype(np.uint64)
        widths = self.starts[blocks + 1].astype(np.uint64) - starts
        bits = (indices.astype(np.uint64) & np.uint64(63)) * widths
        masks = (np.uint64(1) << widths) - np.uint64(1)
        places, shifts = starts + (bits >> np.uint64(6)), bits & np.uint64(63)
        found: Integers = self.bases[blocks].astype(np.int64) + _read(self.words, places, shifts, masks)
        return found

    def all(self) -> Integers:
        """Return all values: int64 [size]."""
        table = np.empty((len(self.bases), BLOCK), np.int64)
        starts = self.starts.astype(np.int64)
        widths = np.diff(starts)
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            words = self.words[starts[rows, None] + np.arange(width)]
            table[rows] = unpack(words, width).reshape(len(rows), BLOCK)
        table += self.bases.astype(np.int64)[:, None]
        return table.reshape(-1)[: self.size]

    def check(self, name: str, largest: int) -> None:
        """Raise ``SavedModelError`` unless the values are non-decreasing, from 0 to ``largest``."""
        blocks = -(-self.size // BLOCK)
        steps = np.diff(self.starts.astype(np.int64))
        if (
            self.words.dtype != np.uint64
            or self.bases.shape != (blocks,)
            or self.starts.shape != (blocks + 1,)
            or self.starts[0] != 0
            or int(self.starts[-1]) + 2 != len(self.words)
            or not ((steps >= 0) & (steps <= WIDEST)).all()
        ):
            raise damaged(f"{name} does not have the blocks of {self.size} values")
        values = self.all()
        if values[0] != 0 or values[-1] != largest or not (values[1:] >= values[:-1]).all():
            raise damaged(f"{name} is not a sorted list from 0 to {largest}")


def damaged(problem: str) -> SavedModelError:
    """Return the error for a saved table with this fault."""
    return SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")


def _narrow(values: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    return values.astype(np.uint32 if values[-1] < 1 << 32 else np.uint64)


def _read(words: Words, at: Words, shift: Words, mask: np.uint64 | Words) -> Integers:
    """Return the bits from ``shift`` on of pairs of words."""
    low = words[at] >> shift
    # in two steps, since a shift by 64 is undefined
    high = (words[at + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift)
    found: Integers = ((low | high) & mask).astype(np.int64)
    return found
