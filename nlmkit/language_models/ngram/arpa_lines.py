"""N-grams of a block of ARPA lines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.arpa_fields import Fields, WordIndex
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.table import LEAST_LOG_PROB

LN10 = math.log(10.0)

FindIds: TypeAlias = Callable[[Fields, NDArray[np.int64], Ids], Ids]
"""Function of fields, the indices of some of them, and the numbers of their lines; returns ids, int32 [n]."""

_FIRST_ROOM: Final = 1 << 16  # n-grams
_LARGEST_LOG_PROB: Final = 1e-6  # above zero: rounding by the program that wrote the file
_LARGEST_BACKOFF: Final = 99.0  # where a context leaves hardly anything, some programs write large ones


@dataclasses.dataclass
class Section:
    """The n-grams of one order, in the order of the file; arrays are [n].

    Attributes:
        columns: Ids of the first, second, … words.
        log_probs: Natural logarithms; NaN for an n-gram that is missing from the file and still needs a probability.
        backoffs: Natural logarithms; 0 at the highest order.
        lines: Line numbers.
    """

    columns: list[Ids]
    log_probs: Floats
    backoffs: Floats
    lines: Ids

    def __len__(self) -> int:
        return len(self.lines)

    def arrays(self) -> list[NDArray[Any]]:
        """Return all arrays."""
        return [*self.columns, self.log_probs, self.backoffs, self.lines]

    def resized(self, size: int) -> Section:
        """Return a copy with room for more n-grams."""
        new = [np.empty(size, array.dtype) for array in self.arrays()]
        for array, old in zip(new, self.arrays(), strict=True):
            array[: len(old)] = old
        return Section(new[:-3], *new[-3:])

    @staticmethod
    def joined(parts: Sequence[Section], order: int) -> Section:
        """Concatenate the n-grams of several parts."""
        return Section(
            [np.concatenate([part.columns[j] for part in parts]) for j in range(order)],
            np.concatenate([part.log_probs for part in parts]),
            np.concatenate([part.backoffs for part in parts]),
            np.concatenate([part.lines for part in parts]),
        )

    def taken(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Section:
        """Return a selection of the n-grams, or all of them reordered."""
        return Section(
            [column[rows] for column in self.columns], self.log_probs[rows], self.backoffs[rows], self.lines[rows]
        )


class Collector:
    """Arrays for the n-grams of one order, filled part by part.

    Args:
        order: Length of the n-grams.
        size: Number of n-grams that the file declares; more are counted and not kept.
        is_sure: Whether the file is large enough for this number; if not, memory is reserved as it is needed.
    """

    def __init__(self, order: int, size: int, *, is_sure: bool) -> None:
        self.number = 0
        self._size = size
        room = size if is_sure else min(size, _FIRST_ROOM)
        ids = [np.empty(room, np.int32) for _ in range(order)]
        self._section = Section(ids, np.empty(room), np.empty(room), np.empty(room, np.int32))

    def add(self, part: Section) -> None:
        """Add n-grams; the arrays are copied."""
        begin, end = self.number, self.number + len(part)
        self.number = end
        if end > self._size:
            return
        if end > len(self._section):
            self._section = self._section.resized(min(self._size, max(end, 2 * len(self._section))))
        for own, given in zip(self._section.arrays(), part.arrays(), strict=True):
            own[begin:end] = given

    def section(self) -> Section:
        """Return what was collected."""
        return self._section


class NGramLines:
    """Parser of the lines of one order.

    Args:
        name: File name for error messages.
        order: Length of the n-grams.
        is_highest: Whether it is the highest order, whose backoff weights are not used.
    """

    def __init__(self, name: str, order: int, *, is_highest: bool) -> None:
        self._name = name
        self._order = order
        self._is_highest = is_highest

    def read(self, text: bytes, first_line: int, ids_of: FindIds) -> Section:
        """Parse whole lines.

        Args:
            text: The lines.
            first_line: Number of the first one.
            ids_of: Function that returns the ids of the words in some fields, given these and their line numbers.

        Raises:
            DataError: A line is malformed.
        """
        k = self._order
        fields = Fields(text)
        field_ends = np.searchsorted(fields.begins, fields.line_ends)
        widths = np.diff(field_ends, prepend=0)
        filled = np.flatnonzero(widths)
        widths, at = widths[filled], field_ends[filled] - widths[filled]
        lines = (filled + first_line).astype(np.int32)
        bad = (widths != k + 1) & (widths != k + 2)
        if bad.any():
            self._refuse(
                f"a {k}-gram has {k + 1} or {k + 2} fields (log10 probability, {k} words, backoff weight), not "
                f"{widths[bad][0]}",
                int(lines[bad][0]),
            )
        log_probs = self._numbers(fields, at, lines)
        self._check_log_probs(log_probs, lines)
        backoffs = np.zeros(len(at))
        given = widths == k + 2
        backoffs[given] = self._numbers(fields, at[given] + k + 1, lines[given])
        self._check_backoffs(backoffs, lines)
        columns = [ids_of(fields, at + j, lines) for j in range(1, k + 1)]
        if self._is_highest:
            backoffs[:] = 0.0  # never used
        for values in (log_probs, backoffs):
            values[values < LEAST_LOG_PROB / LN10] = -np.inf  # the largest negative number is meant as zero
        return Section(columns, np.minimum(log_probs, 0.0) * LN10, backoffs * LN10, lines)

    def _numbers(self, fields: Fields, at: NDArray[np.int64], lines: Ids) -> Floats:
        values, others = fields.numbers(at)
        for place in others.tolist():
            text = fields.field(int(at[place]))
            if not _is_number(text):
                self._refuse(f"{shown(text)} is not a number", int(lines[place]))
            values[place] = float(text)
        return values

    def _check_log_probs(self, values: Floats, lines: Ids) -> None:
        good = values <= _LARGEST_LOG_PROB  # false for NaN
        if not good.all():
            at = int(good.argmin())
            self._refuse(f"{values[at]} is not a log10 probability: it must be at most 0", int(lines[at]))

    def _check_backoffs(self, values: Floats, lines: Ids) -> None:
        good = values <= _LARGEST_BACKOFF  # false for NaN
        if not good.all():
            at = int(good.argmin())
            problem = f"{values[at]} is not a log10 backoff weight: it must be at most {_LARGEST_BACKOFF:g}"
            self._refuse(problem, int(lines[at]))

    def ids_of(self, words: WordIndex) -> FindIds:
        """Return the function for words that are known."""

        def find(fields: Fields, at: NDArray[np.int64], lines: Ids) -> Ids:
            ids = words.find(fields, at)
            if (ids < 0).any():
                first = int((ids < 0).argmax())
                text = fields.field(int(at[first]))
                self._refuse(f"the word {shown(text)} is not among the unigrams of the file", int(lines[first]))
            return ids

        return find

    def _refuse(self, problem: str, line: int) -> NoReturn:
        raise DataError(problem, source=self._name, line=line)


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text


def shown(text: bytes) -> str:
    """Format bytes of the file for an error message."""
    return repr(text[:40].decode("utf-8", "backslashreplace") + ("…" if len(text) > 40 else ""))
