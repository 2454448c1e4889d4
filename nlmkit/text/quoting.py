"""Files of labelled texts with every cell in quotation marks, as written by some programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

QUOTE: Final = '"'

_CELL: Final = r'"[^"]*(?:""[^"]*)*"'


def unquoted(lines: Sequence[tuple[int, str]], separator: str) -> list[tuple[int, list[str]]] | None:
    """Yield records of quoted cells, where a doubled mark is one and a line feed is part of the cell.

    Args:
        lines: Number and content of each line, blank ones too.
        separator: Character between two cells.

    Returns:
        Line on which each record begins, and its cells, two or more; None unless every cell of every record is quoted.
    """
    record = re.compile(f"{_CELL}(?:{re.escape(separator)}{_CELL})+")
    cell = re.compile(_CELL)
    found = []
    for number, text in _records(lines):
        if record.fullmatch(text) is None:
            return None
        found.append((number, [part[1:-1].replace(QUOTE * 2, QUOTE) for part in cell.findall(text)]))
    return found


def _records(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield lines, joined if a quotation mark is open at the end of one."""
    begin, is_open = 0, False
    parts: list[str] = []
    for number, line in lines:
        if not is_open:
            if not line:
                continue
            begin, parts = number, []
        parts.append(line)
        is_open ^= line.count(QUOTE) % 2 == 1
        if not is_open:
            yield begin, "\n".join(parts)
    if is_open:
        yield begin, "\n".join(parts)
