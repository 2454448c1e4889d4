"""Text of many ARPA lines at once, in cells of eight bytes.

Each field is laid out in one or more cells, filled up with NUL, which no field contains. The cells of a block are
written next to each other as 64-bit integers, and the NULs are then deleted. So a line costs a few operations on
integers, whatever its length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.vocabulary import BOS_ID

Cells = NDArray[np.uint64]

LOG_ZERO = -99.0
"""Logarithm of zero as SRILM writes it."""

DIGITS = 9
"""Significant digits of a number: enough to restore single precision exactly."""

_LN10: Final = math.log(10.0)
_CELL: Final = 8  # bytes
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e8  # "%g" writes numbers of this size without an exponent
_FAST_TO: Final = 10.0  # larger numbers have no room for their integer digits in one cell
_LEAST_FAST: Final = -4  # decimal exponent
_NEAR_HALF: Final = 1e-5  # a product nearer to a half may be rounded to the wrong side


def _cells_of(texts: Sequence[bytes]) -> Cells:
    """Return short texts as one cell each."""
    return _as_cells(np.array(texts, f"S{_CELL}").tobytes())


def _as_cells(data: bytes) -> Cells:
    return np.frombuffer(data, "<u8").astype(np.uint64)


def _heads() -> Cells:
    """Return what comes before the last eight digits: by sign, exponent from −4 to 0, first digit, and if it is all."""
    texts = []
    for sign in ("", "-"):
        for exponent in range(_LEAST_FAST, 1):
            for digit in range(10):
                before = "" if exponent == 0 else "0." + "0" * (-exponent - 1)
                texts.append(f"{sign}{before}{digit}{'.' if exponent == 0 else ''}".encode())
                texts.append(f"{sign}{before}{digit}".encode())
    return _cells_of(texts)


_HEADS: Final = _heads()
_FOUR: Final = _cells_of([b"%04d" % i for i in range(10_000)])
_FOUR_LAST: Final = _cells_of([(b"%04d" % i).rstrip(b"0") for i in range(10_000)])
_STEPS: Final = np.array([10.0**exponent for exponent in range(_LEAST_FAST + 1, 1)])
_SCALES: Final = np.array([10.0 ** (DIGITS - 1 - exponent) for exponent in range(_LEAST_FAST, 1)])  # exact
_ZERO: Final = _cells_of([b"0"])[0]


class NumberCells:
    """Base-10 logarithms as text: nine significant digits, no exponents, equal to ``%.9g`` where that has none.

    Attributes:
        first, second: The two cells of each number.
        others: Cells of the numbers that two cells do not hold, by position.
    """

    def __init__(self, natural_logs: NDArray[np.floating[Any]]) -> None:
        values = natural_logs.astype(np.float64) / _LN10
        values[np.isneginf(values)] = LOG_ZERO
        sizes = np.abs(values)
        place = np.searchsorted(_STEPS, sizes, side="right")  # of the decimal exponent, from −4
        scaled = sizes * _SCALES[place]  # rounded once: off by less than 1e-7
        whole = np.rint(scaled)
        is_exact = np.abs(scaled - whole) < 0.5 - _NEAR_HALF
        is_exact &= (sizes >= _PLAIN_FROM) & (sizes < _FAST_TO) & (whole >= 1e8) & (whole < 1e9)
        number = np.where(is_exact, whole, 1e8).astype(np.uint32)
        high = number // np.uint32(10_000)
        low = number - high * np.uint32(10_000)
        digit = high // np.uint32(10_000)
        high -= digit * np.uint32(10_000)
        ends_here = low == 0
        self.second = np.where(ends_here, _FOUR_LAST[high], _FOUR[high] | _FOUR_LAST[low] << np.uint64(32))
        ends_here &= high == 0
        row = (values < 0.0) * np.int64(len(_SCALES)) + place
        self.first = _HEADS[(row * 10 + digit) * 2 + ends_here]
        zero = sizes == 0.0
        self.first[zero] = _ZERO
        self.second[zero] = 0
        rest = np.flatnonzero(~(is_exact | zero))
        texts = map(_decimal, values[rest].tolist())
        self.others = {at: _as_cells(_filled(text.encode())) for at, text in zip(rest.tolist(), texts, strict=True)}

    def widths(self) -> NDArray[np.int64]:
        """Return the number of cells of each number."""
        widths = np.full(len(self.first), 2, np.int64)
        for at, cells in self.others.items():
            widths[at] = len(cells)
        return widths

    def write(self, cells: Cells, begins: NDArray[np.int64]) -> None:
        """Write each number to ``cells`` from its position."""
        if self.others:
            keep = np.ones(len(begins), bool)
            keep[list(self.others)] = False
            for at, own in self.others.items():
                cells[begins[at] : begins[at] + len(own)] = own
            cells[begins[keep]] = self.first[keep]
            cells[begins[keep] + 1] = self.second[keep]
            return
        cells[begins] = self.first
        cells[begins + 1] = self.second


class WordCells:
    """Words as text, each with the byte that comes before it.

    Args:
        words: Words by vocabulary id.
        separator: The byte before each.
    """

    def __init__(self, words: Sequence[str], separator: bytes) -> None:
        texts = [separator + word.encode() for word in words]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self.widths = -(-lengths // _CELL)
        padded = b"".join(
            text.ljust(width * _CELL, b"\0") for text, width in zip(texts, self.widths.tolist(), strict=True)
        )
        self._cells = _as_cells(padded)
        self._begins = np.cumsum(self.widths) - self.widths

    def write(self, cells: Cells, begins: NDArray[np.int64], ids: Ids, widths: NDArray[np.int64]) -> None:
        """Write the words of some ids, which have these widths, to ``cells`` from their positions."""
        sources = self._begins[ids]
        cells[begins] = self._cells[sources]
        number = 1
        at = np.flatnonzero(widths > number)
        while len(at):
            cells[begins[at] + number] = self._cells[sources[at] + number]
            number += 1
            at = at[widths[at] > number]


class LineWriter:
    """Formats blocks of n-grams of a table as lines.

    Args:
        table: The model.
        words: Words by vocabulary id.
    """

    def __init__(self, table: BackoffTable, words: Sequence[str]) -> None:
        self._table = table
        self._first = WordCells(words, b"\t")
        self._later = WordCells(words, b" ")

    def lines(self, k: int, begin: int, end: int) -> bytes:
        """Return the lines of the k-grams from ``begin`` to ``end``."""
        table = self._table
        log_probs = np.minimum(table.log_probs[k - 1][begin:end], 0.0)
        if k == 1 and begin <= BOS_ID < end:
            log_probs[BOS_ID - begin] = 0.0
        probabilities = NumberCells(log_probs)
        backoffs = NumberCells(table.backoffs[k - 1][begin:end]) if k < table.order else None
        columns = word_columns(table, k, begin, end)
        widths: list[NDArray[np.int64]] = [probabilities.widths()]
        widths += [(self._later if j else self._first).widths[ids] for j, ids in enumerate(columns)]
        if backoffs:
            widths.append(1 + backoffs.widths())
        line = np.sum(widths, axis=0) + 1  # the line feed
        at: NDArray[np.int64] = np.cumsum(line) - line
        cells = np.zeros(int(line.sum()), np.uint64)
        probabilities.write(cells, at)
        at += widths[0]
        for j, ids in enumerate(columns):
            (self._later if j else self._first).write(cells, at, ids, widths[j + 1])
            at += widths[j + 1]
        if backoffs:
            cells[at] = ord("\t")
            backoffs.write(cells, at + 1)
            at += widths[-1]
        cells[at] = ord("\n")
        return cells.astype("<u8", copy=False).tobytes().translate(None, b"\0")


def word_columns(table: BackoffTable, k: int, begin: int, end: int) -> list[Ids]:
    """Return the ids of the first, second, … words of the k-grams from ``begin`` to ``end``.

    The suffixes of neighbors are neighbors, so they are looked up as a range, which is shorter.
    """
    columns = [table.first[k - 1][begin:end]]
    if k > 1 and begin < end:
        children = table.children[k - 2]
        low = int(np.searchsorted(children, np.int32(begin), side="right")) - 1
        high = int(np.searchsorted(children, np.int32(end), side="left"))
        bounds = np.clip(children[low : high + 1], begin, end)
        counts = bounds[1:] - bounds[:-1]
        columns += [np.repeat(ids, counts) for ids in word_columns(table, k - 1, low, high)]
    return columns


def _decimal(value: float) -> str:
    size = abs(value)
    if _PLAIN_FROM <= size < _PLAIN_TO or size == 0.0:
        return f"{value:.{DIGITS}g}"
    return np.format_float_positional(value, precision=DIGITS, unique=False, fractional=False, trim="-")


def _filled(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // _CELL) * _CELL, b"\0")
