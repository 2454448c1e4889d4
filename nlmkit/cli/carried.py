"""Other columns of an input table, copied to the output rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nlmkit.cli import output


def carried(others: Mapping[str, list[Any]], taken: Iterable[str]) -> dict[str, list[Any]]:
    """Return the other columns of a table, under names that do not clash with ``taken``."""
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
    """Return a cell of the input table; only JSON has values that are not strings."""
    if value is None:
        return ""
    return output.escape_controls(value if isinstance(value, str) else output.to_json(value))
