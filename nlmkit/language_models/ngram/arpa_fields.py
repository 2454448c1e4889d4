"""Fields of many ARPA lines at once: numbers and words, read in windows of eight bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats

_Words64 = NDArray[np.uint64]
_Places = NDArray[np.int64]

_WINDOW: Final = 8  # bytes
_MOST_FRACTION: Final = 14  # digits; with one before the point, an integer that float64 holds exactly
_BITS: Final = np.arange(0, 65, 8, dtype=np.uint64)  # by number of bytes
_KEPT: Final = np.array([(1 << 8 * size) - 1 for size in range(_WINDOW + 1)], np.uint64)  # mask of the first bytes
_ZEROS: Final = np.array([0x3030303030303030 & ((1 << 8 * (8 - n)) - 1) for n in range(_WINDOW + 1)], np.uint64)
_POWERS: Final = np.array([10.0**n for n in range(_MOST_FRACTION + 1)])
_SHIFT: Final = np.array([10**n for n in range(_WINDOW + 1)], np.uint64)
_MINUS, _POINT, _DIGIT_ZERO = ord("-"), ord("."), ord("0")
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # of a multiplicative hash (Knuth 1998, section 6.4)


def _u64(value: int) -> np.uint64:
    return np.uint64(value)


class Fields:
    """Fields of a text, separated by space, tab, CR or LF.

    Args:
        text: Whole lines.

    Attributes:
        text: The text.
        begins, sizes: Position and length of each field in bytes: int64 [fields].
        line_ends: Position of each line feed: int64 [lines].
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        padded = np.zeros((len(text) // _WINDOW + 4) * _WINDOW, np.uint8)
        padded[: len(text)] = np.frombuffer(text, np.uint8)
        self._bytes = padded
        # every position has a window, most of which are not aligned: indexing copes with that
        self._windows: _Words64 = np.ndarray((len(padded) - _WINDOW + 1,), "<u8", padded.data, strides=(1,))
        given = padded[: len(text)]
        is_space = np.ones(len(text) + 2, bool)
        inner = is_space[1:-1]
        np.less_equal(given, ord(" "), out=inner)
        is_line_end = given == ord("\n")
        others = sum(int(np.count_nonzero(given == space)) for space in b" \t\r")
        if np.count_nonzero(inner) != others + np.count_nonzero(is_line_end):  # other control characters
            inner[:] = is_line_end | (given == ord(" ")) | (given == ord("\t")) | (given == ord("\r"))
        edges = np.flatnonzero(is_space[1:] != is_space[:-1])
        self.begins = edges[0::2]
        self.sizes = edges[1::2] - self.begins
        self.line_ends = np.flatnonzero(is_line_end)

    def field(self, at: int) -> bytes:
        """Return one field."""
        begin = int(self.begins[at])
        return self.text[begin : begin + int(self.sizes[at])]

    def window(self, begins: _Places) -> _Words64:
        """Return the eight bytes from each position, the first one lowest."""
        return self._windows[begins]

    def numbers(self, at: _Places) -> tuple[Floats, _Places]:
        """Read fields such as ``-1.25`` or ``0``: exactly as ``float`` does.

        Args:
            at: Indices of the fields.

        Returns:
            The values, float64 [n]; and the positions in ``at`` of the fields that are written in another way, for
            which the values are meaningless.
        """
        begins, sizes = self.begins[at], self.sizes[at]
        is_negative = self._bytes[begins] == _MINUS
        begins += is_negative
        sizes -= is_negative
        digit = self._bytes[begins] - np.uint8(_DIGIT_ZERO)
        values = digit.astype(np.float64)
        places = sizes - 2  # after the point
        is_good = (digit < 10) & ((sizes == 1) | ((places >= 1) & (places <= _MOST_FRACTION)))
        is_good &= (sizes == 1) | (self._bytes[begins + 1] == _POINT)
        long = np.flatnonzero(is_good & (sizes > 1))
        if len(long):
            places, begins = places[long], begins[long] + 2
            number, good = _digits(self.window(begins), np.minimum(places, _WINDOW))
            number += digit[long].astype(np.uint64) * _SHIFT[np.minimum(places, _WINDOW)]
            longer = np.flatnonzero(places > _WINDOW)
            if len(longer):
                rest = places[longer] - _WINDOW
                more, more_good = _digits(self.window(begins[longer] + _WINDOW), rest)
                number[longer] = number[longer] * _SHIFT[rest] + more
                good[longer] &= more_good
            values[long] = number.astype(np.float64) / _POWERS[places]  # both exact, so rounded once
            is_good[long] = good
        np.negative(values, out=values, where=is_negative)
        return values, np.flatnonzero(~is_good)


def _digits(windows: _Words64, sizes: _Places) -> tuple[_Words64, NDArray[np.bool_]]:
    """Return the integers in the first ``sizes`` bytes (1 to 8) of windows, and whether these are digits."""
    digits = (windows << _BITS[_WINDOW - sizes]) | _ZEROS[sizes]  # the last digit highest
    tens = _u64(0xF0F0F0F0F0F0F0F0)
    zeros = _u64(0x3030303030303030)
    good = ((digits & tens) == zeros) & (((digits + _u64(0x0606060606060606)) & tens) == zeros)
    digits &= _u64(0x0F0F0F0F0F0F0F0F)
    digits = (digits * _u64(10) + (digits >> _u64(8))) & _u64(0x00FF00FF00FF00FF)
    digits = (digits * _u64(100) + (digits >> _u64(16))) & _u64(0x0000FFFF0000FFFF)
    return (digits * _u64(10_000) + (digits >> _u64(32))) & _u64(0xFFFFFFFF), good


class WordIndex:
    """Hash table from the bytes of words to ids; a word is found only if all its bytes agree.

    Args:
        ids: Id by word.
    """

    def __init__(self, ids: Mapping[bytes, int]) -> None:
        words = [*ids]
        self._ids = np.fromiter(ids.values(), np.int32, len(words))
        text = b" ".join(words) + b"\n"
        self._fields = Fields(text)
        self._sizes = self._fields.sizes
        if len(self._sizes) != len(words):
            raise ValueError("a word is empty or contains a space")
        self._firsts, hashes = _hashed(self._fields, self._fields.begins, self._sizes)
        bits = max(4, (4 * len(words)).bit_length())
        self._shift = _u64(64 - bits)
        self._mask = (1 << bits) - 1
        self._slots = np.full(1 << bits, -1, np.int32)
        slots = (hashes >> self._shift).astype(np.int64)
        waiting = np.arange(len(words))
        while len(waiting):
            free = self._slots[slots] < 0
            self._slots[slots[free]] = waiting[free]
            lost = self._slots[slots] != waiting
            waiting, slots = waiting[lost], (slots[lost] + 1) & self._mask

    def find(self, fields: Fields, at: _Places) -> Ids:
        """Return the ids of the words in some fields; −1 for unknown words."""
        begins, sizes = fields.begins[at], fields.sizes[at]
        firsts, hashes = _hashed(fields, begins, sizes)
        slots = (hashes >> self._shift).astype(np.int64)
        entries = self._slots.take(slots)
        unlike = self._firsts.take(entries, mode="clip") != firsts
        long = np.flatnonzero(sizes >= _WINDOW)
        unlike[long] |= ~self._rest_agrees(entries[long], fields, begins[long], sizes[long])
        again = np.flatnonzero(unlike | (entries < 0))
        while len(again):
            unlike = entries[again] >= 0
            again = again[unlike]  # an empty slot ends the search
            slots[again] = (slots[again] + 1) & self._mask
            found = self._slots[slots[again]]
            entries[again] = found
            unlike = (found < 0) | (self._firsts[found] != firsts[again])
            unlike |= ~self._rest_agrees(found, fields, begins[again], sizes[again])
            again = again[unlike]
        return np.where(entries < 0, np.int32(-1), self._ids.take(entries, mode="clip"))

    def _rest_agrees(self, entries: Ids, fields: Fields, begins: _Places, sizes: _Places) -> NDArray[np.bool_]:
        """Compare all after the first eight bytes."""
        agrees: NDArray[np.bool_] = (entries >= 0) & (self._sizes[entries] == sizes)
        done = _WINDOW
        rows = np.flatnonzero(agrees & (sizes > done))
        while len(rows):
            kept = _KEPT[np.minimum(sizes[rows] - done, _WINDOW)]
            own = self._fields.window(self._fields.begins[entries[rows]] + done)
            agrees[rows] = ((own ^ fields.window(begins[rows] + done)) & kept) == 0
            done += _WINDOW
            rows = rows[agrees[rows] & (sizes[rows] > done)]
        return agrees


def _hashed(fields: Fields, begins: _Places, sizes: _Places) -> tuple[_Words64, _Words64]:
    """Return the first eight bytes of words, and a hash of all their bytes."""
    firsts: Any = fields.window(begins) & _KEPT[np.minimum(sizes, _WINDOW)]
    hashes = firsts * _FACTOR
    done = _WINDOW
    rows = np.flatnonzero(sizes > done)
    while len(rows):
        more = fields.window(begins[rows] + done) & _KEPT[np.minimum(sizes[rows] - done, _WINDOW)]
        mixed = hashes[rows]
        hashes[rows] = ((mixed ^ (mixed >> _u64(29))) + more) * _FACTOR
        done += _WINDOW
        rows = rows[sizes[rows] > done]
    hashes ^= hashes >> _u64(32)
    hashes *= _FACTOR
    return firsts, hashes
