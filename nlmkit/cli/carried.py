"""The other columns of a table whose text is read, carried along in what is printed of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nlmkit.cli import output


def carried(others: Mapping[str, list[Any]], taken: Iterable[str]) -> dict[str, list[Any]]:
    """Return the other columns of a table, by names that none of the columns ``taken`` has."""
    names = {*taken, "reasons"}  # to_json adds those
    found = {}
    for name, values in others.items():
        free = name
        while free in names:
            free = f"input_{free}"
        names.add(free)
        found[free] = values
    return found


def carried_cell(value: Any) -> str:
    """Return a cell of the table that is read; only JSON has other values than strings."""
    if value is None:
        return ""
    return output.escape_controls(value if isinstance(value, str) else output.to_json(value))
