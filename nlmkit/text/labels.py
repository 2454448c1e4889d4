"""Labels of texts: strings, integers or booleans, in memory and in files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.text.rows import shown_names
from nlmkit.text.tables import is_missing, items_of, refuse_table

LABEL_CHARACTERS: Final = 1000
"""Most characters of a label."""

_FIXED_WIDTH: Final = 64
"""Characters of the longest label in an array of fixed width, which takes as much memory for each label."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}")
_BOOLEANS: Final = {"True": True, "true": True, "False": False, "false": False}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 40  # characters of a value in an error


def as_labels(
    labels: ArrayLike | Sequence[Any], *, source: str | None = None, longest: int | None = LABEL_CHARACTERS
) -> NDArray[Any]:
    """Labels as an array of strings, int64 or booleans; of objects (strings) where one has more than 64 characters.

    Args:
        labels: The labels.
        source: What errors call them.
        longest: Most characters of one; None: any number.

    Raises:
        DataError: They are a table or a mapping, of several types or of another one, or a string cannot be kept as it
            is, or is too long; says which.
    """
    refuse_table(labels, "the list of labels")
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise DataError(f"labels must be a sequence, one label per text, not {type(labels).__name__}", source=source)
    values = [value.item() if isinstance(value, np.generic) else value for value in items_of(labels)]
    wanted = type(values[0]) if values else str
    for number, value in enumerate(values, start=1):
        if type(value) not in _LABELS:
            missing = " (missing)" if is_missing(value) else ""
            problem = f"label {number} is {type(value).__name__}{missing}: labels are strings, integers or booleans"
            raise DataError(problem, source=source)
        if type(value) is not wanted:
            problem = f"label {number} is {type(value).__name__} and the first one {wanted.__name__}: use one type"
            raise DataError(problem, source=source)
        if isinstance(value, str) and (fault := _fault(value, longest)):
            raise DataError(f"label {number} {fault}", source=source)
    is_long = wanted is str and max(map(len, values), default=0) > _FIXED_WIDTH
    try:
        return np.array(values, np.object_ if is_long else _LABELS[wanted])
    except OverflowError:
        raise DataError("an integer label does not fit into 64 bits: use strings", source=source) from None


_LABELS: Final[dict[type, Any]] = {str: np.str_, int: np.int64, bool: np.bool_}


def label_kind(labels: NDArray[Any]) -> str:
    """What labels are: ``U`` (strings, in an array of objects too), ``i`` (integers) or ``b`` (booleans)."""
    return "U" if labels.dtype.kind == "O" else labels.dtype.kind


def _fault(label: str, longest: int | None = LABEL_CHARACTERS) -> str | None:
    """Return the reason why a label cannot be stored unchanged, or None."""
    if longest is not None and len(label) > longest:
        return (
            f"has {len(label)} characters ({label[:_SHOWN]!r}...), and {longest} are the most: were labels and texts "
            "taken for each other?"
        )
    if label.endswith("\0"):  # NumPy would drop it
        return "ends in NUL"
    found = _SURROGATE.search(label)  # which no file could hold, a saved classifier's neither
    return f"contains a lone surrogate, U+{ord(found[0]):04X}, which is not a character" if found else None


def spelt(labels: Sequence[str | int | bool], notes: list[str]) -> list[str]:
    """Labels as strings, and a note where JSON's numbers or booleans and its strings are spelt alike."""
    spelt = [label if isinstance(label, str) else json.dumps(label) for label in labels]
    others = {name for name, label in zip(spelt, labels, strict=True) if not isinstance(label, str)}
    mixed = sorted(others.intersection(label for label in labels if isinstance(label, str)))
    if mixed:
        notes.append(
            "JSON labels are strings in some lines and numbers or booleans in others, and are read as the same class: "
            f"{shown_names(mixed)}"
        )
    return spelt


def of_kind(label: str, kind: str) -> int | bool:
    """Return the integer (kind ``i``) or the boolean (``b``) that a label of a file spells.

    Integers are in digits of ASCII, as in JSON; ``int`` reads ``1_0`` and digits of any script.

    Raises:
        ValueError: It spells none, or an integer that does not fit into 64 bits.
    """
    if kind == "b" and label in _BOOLEANS:
        return _BOOLEANS[label]
    if kind == "b" or not _INTEGER.fullmatch(label) or not -(1 << 63) <= int(label) < 1 << 63:
        raise ValueError(label)
    return int(label)


def checked_label(label: Any, name: str, line: int) -> str | int | bool:
    """Return a label of a file, where it is one: of JSON also an integer or a boolean."""
    if not isinstance(label, (str, int)):
        problem = f"the label is {json.dumps(label)[:_SHOWN]}: it must be a string, an integer or a boolean"
        raise DataError(problem, source=name, line=line)
    if not isinstance(label, str):
        return label if isinstance(label, bool) else int(label)
    if not label.strip():
        raise DataError("the label is empty", source=name, line=line)
    if fault := _fault(label):
        raise DataError(f"the label {fault}", source=name, line=line)
    return label
