"""Tables where one column is wanted: iterating over one gives the names of its columns, never its texts."""

from __future__ import annotations

from collections.abc import Mapping

from nlmkit.errors import DataError


def refuse_table(data: object, what: str = "the text") -> None:
    """Raise if something that should be one sequence is a table, a mapping or a set.

    Args:
        data: Anything.
        what: What it should be, in the error's words.

    Raises:
        DataError: It is a mapping, a set, or has columns.
    """
    kind = type(data).__name__
    if isinstance(data, (set, frozenset)):
        raise DataError(f"{what} was given as a {kind}, which has no order: pass a list")
    columns = None if isinstance(data, type) else getattr(data, "columns", getattr(data, "column_names", None))
    if isinstance(data, Mapping) or (columns is not None and not isinstance(columns, str) and not callable(columns)):
        raise DataError(f"{what} was given as a {kind}, which has several columns: pass one of them, as data['text']")
