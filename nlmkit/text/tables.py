"""Tables where a text or a list of texts is wanted, and the columns that can be taken from them.

Iterating over a table gives the names of its columns, or arrays: never the texts. The kinds of table are told apart by
what they have, so that no library is imported for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from nlmkit.errors import DataError

_LIKELY = ("text", "sentence", "line", "document", "content", "review")
_AT_ONCE = 4096


def refuse_table(data: object, what: str) -> None:
    """Raise if something that should be one column, or one sequence, is a table, a mapping, a set or raw bytes.

    Args:
        data: A pandas, Polars, Arrow or Hugging Face table, a mapping, a NumPy array, or anything else.
        what: What it should be, in the error's words, such as "text".

    Raises:
        DataError: It is one of these; says how to pass the one column.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        raise DataError(f"{what} was given as {type(data).__name__}: decode it first, as in data.decode('utf-8')")
    if isinstance(data, (set, frozenset)):
        raise DataError(f"{what} was given as a {type(data).__name__}, which has no order: pass a list")
    names = _columns(data)
    if names is not None:
        column = next((name for name in _LIKELY if name in names), next(iter(names), "text"))
        which = "one of its values" if isinstance(data, Mapping) else "one column"
        raise DataError(f"{what} was given as a {_type(data)}: pass {which}, as in data[{column!r}]")
    dimensions = getattr(data, "ndim", None)
    if isinstance(dimensions, int) and dimensions != 1 and hasattr(data, "shape"):
        remedy = "pass one column, as in data[:, 0]" if dimensions > 1 else "put it in a list"
        raise DataError(f"{what} was given as a {_type(data)} of {dimensions} dimensions: {remedy}")


def refuse_columns(data: object, what: str, remedy: str) -> None:
    """Raise if something that should be a sequence of rows is a table with named columns, or a mapping.

    Args:
        data: What was given.
        what: What it should be, in the error's words.
        remedy: What to pass instead.

    Raises:
        DataError: It is one of these.
    """
    if _columns(data) is not None:
        raise DataError(f"{what} was given as a {_type(data)}: pass {remedy}")


def items_of(data: Any) -> Any:
    """Return what to iterate over: of a column of Arrow its values as Python has them, else the data itself."""
    return _arrow_values(data) if hasattr(data, "to_pylist") and hasattr(data, "slice") else data


def is_missing(item: object) -> bool:
    """Whether an item is None, NaN, or the NA or NaT of pandas."""
    is_nan = isinstance(item, float) and math.isnan(item)
    return item is None or is_nan or type(item).__name__ in ("NAType", "NaTType")


def problem_of_item(item: object) -> str | None:
    """Say what an item that should be a text is and how to mend it, where that is known."""
    if is_missing(item):
        return "is missing (None or NaN): drop such rows, or fill them with ''"
    if isinstance(item, (bytes, bytearray)):
        return f"is {type(item).__name__}: decode it first, as in item.decode('utf-8')"
    if isinstance(item, Mapping):
        return (
            f"is a {type(item).__name__}, a row of a table: pass the texts alone, as in [row['text'] for row in data]"
        )
    return None


def _columns(data: object) -> list[Any] | None:
    """The names of the columns or keys of a table; None for anything else."""
    if isinstance(data, Mapping):
        return list(data)
    structured = getattr(getattr(data, "dtype", None), "names", None)
    if isinstance(structured, tuple):
        return list(structured)
    if isinstance(data, type) or getattr(data, "ndim", None) == 1:
        return None
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):
        return []  # a lazy table of Polars, which would have to compute the names
    for attribute in ("column_names", "columns"):  # `columns` are the columns themselves in Arrow
        names = getattr(data, attribute, None)
        if names is not None and not isinstance(names, str) and not callable(names):
            return list(names)
    # A streamed table of Hugging Face may not know its columns before it is read.
    return [] if hasattr(data, "column_names") and hasattr(data, "features") else None


def _arrow_values(data: Any) -> Iterator[Any]:
    for start in range(0, len(data), _AT_ONCE):
        yield from data.slice(start, _AT_ONCE).to_pylist()


def _type(data: object) -> str:
    return f"{type(data).__module__.partition('.')[0]} {type(data).__name__}".removeprefix("builtins ")
