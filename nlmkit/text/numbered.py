"""Texts, each with a number, in memory and from files: the forms are those of labelled texts, the label is a number."""

from __future__ import annotations

import json
import math
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.text.labelled import LabelledTexts, label_kind
from nlmkit.text.tables import is_missing, items_of, refuse_table

LARGEST: Final = 1e100
"""Size of the largest number: squares of such numbers can still be summed."""

_SPELLING: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA: Final = re.compile(r"[+-]?[0-9]+,[0-9]+")
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_MISSING: Final = frozenset({"", "?", "-", "na", "n/a", "none", "null", "missing"})
_SHOWN: Final = 40  # characters of a value in an error


class NumberedTexts(LabelledTexts):
    """Texts, each with its number. Immutable.

    As ``LabelledTexts``, with numbers for labels: ``labels`` and ``numbers`` are the same
    array. In files a number is written in digits of ASCII, with a point where it has decimals, and perhaps an exponent
    (``7``, ``-0.5``, ``1e3``), with or without spaces around it; JSON Lines may also have it as a JSON number.

    Attributes:
        numbers: One number per text: float64 [texts], each finite and from −1e100 to 1e100.

    Raises:
        DataError: The texts are a table or a mapping, a text is not a string, the numbers of texts and numbers differ,
            or a number is missing, a boolean, a string, not finite, or beyond ±1e100.
    """

    _called: ClassVar[str] = "numbers"

    @classmethod
    def of(cls, data: LabelledTexts) -> NumberedTexts:
        """Labelled texts whose labels are integers, or strings that spell numbers, as texts with numbers.

        Raises:
            DataError: A label is not a number; names the source and its line.
        """
        if isinstance(data, cls):
            return data
        labels: Any = data.labels
        if label_kind(labels) == "U":
            lines = [None] * len(data) if data.lines is None else data.lines.tolist()
            labels = [_of_text(str(label), data.source, line) for label, line in zip(labels, lines, strict=True)]
        return cls(
            data.texts,
            labels,
            source=data.source,
            lines=data.lines,
            encoding=data.encoding,
            errors=data.errors,
            reading_notes=data.reading_notes,
            marks=data.marks,
        )

    @property
    def numbers(self) -> NDArray[np.float64]:
        """One number per text: float64 [texts]."""
        return self.labels

    @property
    def notes(self) -> list[str]:  # what is odd about classes does not concern numbers
        """Notes for users of the texts."""
        from nlmkit.text.label_notes import mark_note

        mark = mark_note(self.texts)
        return [*self.reading_notes, *([mark] if mark else [])]

    @classmethod
    def _kept(cls, labels: ArrayLike | Sequence[Any], source: str) -> NDArray[Any]:
        return as_numbers(labels, source=source)

    @classmethod
    def _checked(cls, label: Any, name: str, line: int) -> float:
        if isinstance(label, str):
            return _of_text(label, name, line)
        if isinstance(label, bool) or not isinstance(label, (int, float)):
            what = "missing (null)" if label is None else f"{json.dumps(label)[:_SHOWN]}: it must be a number"
            raise DataError(f"the number is {what}", source=name, line=line)
        return _within(label, "the number", name, line)

    @classmethod
    def _of_rows(cls, labels: Sequence[Any], notes: list[str]) -> Sequence[Any]:
        return labels

    def __repr__(self) -> str:
        values = f"numbers from {self.numbers.min():g} to {self.numbers.max():g}" if len(self) else "no numbers"
        return f"<NumberedTexts: {len(self)} texts, {values}, from {self.source}>"


def as_numbers(values: ArrayLike | Sequence[Any], *, source: str | None = None) -> NDArray[np.float64]:
    """Number as an array: float64 [n].

    Args:
        values: Integers or floats, of Python or NumPy, in a sequence, an array or a column of a table.
        source: What errors call them.

    Raises:
        DataError: They are a table or a mapping, or one is missing, a boolean, no number, not finite, or beyond
            ±1e100; says which.
    """
    refuse_table(values, "the list of numbers")
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        problem = f"numbers must be a sequence, one number per text, not {type(values).__name__}"
        raise DataError(problem, source=source)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        found = values.astype(np.float64)
        wrong = np.flatnonzero(~(np.abs(found) <= LARGEST))  # NaN is not
        if len(wrong):
            _number(values[wrong[0]].item(), int(wrong[0]) + 1, source)
        return found
    return np.array([_number(value, place, source) for place, value in enumerate(items_of(values), 1)], np.float64)


def _number(value: Any, place: int, source: str | None) -> float:
    """Return a number of those given in Python, as a float."""
    value = value.item() if isinstance(value, np.generic) else value
    which = f"number {place}"
    if is_missing(value):
        raise DataError(f"{which} is missing (None or NaN): drop such texts", source=source)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        some = f" ({value[:_SHOWN]!r})" if isinstance(value, str) else ""
        remedy = ": convert it, as in float(value)" if isinstance(value, (str, bool)) else ""
        raise DataError(f"{which} is {type(value).__name__}{some}, not an integer or a float{remedy}", source=source)
    return _within(value, which, source, None)


def _of_text(text: str, source: str, line: int | None) -> float:
    """Return the number that a string spells in digits of ASCII; ``float`` reads ``1_0`` and digits of any script."""
    written = text.strip(" ")
    if _SPELLING.fullmatch(written):
        return _within(float(written), "the number", source, line)
    shown = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
    if written.casefold() in _MISSING:
        problem = f"the number is missing ({shown!r})" if written else "the number is missing"
    elif _NOT_FINITE.fullmatch(written):
        problem = f"the number is {shown!r}, which is not finite"
    elif _COMMA.fullmatch(written):
        problem = f"{shown!r} is not a number: write {written.replace(',', '.')} with a point"
    else:
        problem = f"{shown!r} is not a number"
        if line == 1:
            problem += ": if this line is a header, name its columns with --label-column and --text-column"
    raise DataError(problem, source=source, line=line)


def _within(value: Any, which: str, source: str | None, line: int | None) -> float:
    """Return a number as a float, where it is finite and not absurdly large."""
    try:
        found = float(value)
    except OverflowError:  # an integer
        found = math.inf
    if math.isnan(found):
        raise DataError(f"{which} is NaN, which is not finite", source=source, line=line)
    if abs(found) > LARGEST:
        what = "infinite or too large" if math.isinf(found) else f"{found:g}"
        raise DataError(f"{which} is {what}: numbers must be finite, from -1e100 to 1e100", source=source, line=line)
    return found
