"""Plain-text tables, and escaping of terminal control characters."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

# C0 and C1 controls, the line and paragraph separators, and every bidirectional mark, embedding and isolate.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

JOINERS = "\u200c\u200d"
"""Invisible characters used in Persian and Indic words and in emoji."""

_BETWEEN_LETTERS = re.compile(f"(?<=[^\x00-\xff])[{JOINERS}](?=[^\x00-\xff])")
_INVISIBLE = ("Mn", "Me", "Cf")  # categories of marks above and below letters, and of joiners
_BETWEEN_WORDS = re.compile("(?<![≥≤<>]) ")  # a bound stays with its sign
_GAP = 2  # spaces between columns
_NARROWEST = 24  # columns of a wrapped one, however narrow the terminal is
_SMALLEST_FIXED, _LARGEST_FIXED = 1e-4, 1e4  # sizes between which a figure is written without an exponent
_LEAST_P = 0.001  # a smaller p-value is shown as smaller than this


def escape_controls(text: str) -> str:
    r"""Return ``text`` with control characters as ``\xNN`` and separators and bidirectional controls as ``\uNNNN``."""
    return _CONTROLS.sub(_escape, text)


def visible(text: str) -> str:
    r"""Return ``text`` with control characters as of ``escape_controls`` and halves of surrogate pairs as ``\udcNN``.

    Names of files can hold bytes that are not UTF-8, and words can hold marks that reorder what follows them.
    """
    return escape_controls(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def is_plain(text: str) -> bool:
    """Return whether all characters of ``text`` are visible, except joiners in scripts that use them."""
    return _BETWEEN_LETTERS.sub("", text).isprintable()


def width(text: str) -> int:
    """Return the width of ``text`` on a terminal in columns (two for East Asian wide characters, none for marks)."""
    return sum(
        0 if unicodedata.category(char) in _INVISIBLE else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def table(rows: Iterable[Sequence[str]], *, columns: int | None = None, least: Sequence[int] = ()) -> str:
    """Format rows as aligned columns, two spaces apart; the last column is not padded.

    Args:
        rows: Cells; all rows have the same length.
        columns: Terminal width to which the last column is wrapped between words; None disables wrapping.
        least: Minimum widths of the first columns, to align two tables.
    """
    cells = [[escape_controls(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    widths = [max(pair) for pair in itertools.zip_longest(widths, least, fillvalue=0)]
    room = None if columns is None else max(_NARROWEST, columns - sum(widths[:-1]) - _GAP * (len(widths) - 1))
    lines = []
    for row in cells:
        padded = [cell + " " * (wanted - width(cell)) for cell, wanted in zip(row[:-1], widths, strict=False)]
        first, *more = [row[-1]] if room is None else wrap(row[-1], room)
        lines.append("  ".join([*padded, first]).rstrip() + "\n")
        indent = " " * (sum(widths[:-1]) + _GAP * (len(widths) - 1))
        lines += [f"{indent}{line}\n" for line in more]
    return "".join(lines)


def wrap(text: str, columns: int) -> list[str]:
    """Wrap ``text`` between words to lines of bounded width; a longer word gets its own line."""
    lines: list[str] = []
    for word in _BETWEEN_WORDS.split(text):
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def figure_text(value: float | None) -> str:
    """Return a figure for display: four decimals, or an exponent for small or large values."""
    if value is None:
        return "undefined"
    return f"{value:.4f}" if value == 0 or _SMALLEST_FIXED <= abs(value) < _LARGEST_FIXED else f"{value:.4e}"


def p_value_text(value: float | None) -> str:
    """Return a p-value for display: three decimals, ``<0.001`` for smaller ones, and a dash for none."""
    if value is None:
        return "-"
    return f"<{_LEAST_P}" if value < _LEAST_P else f"{value:.3f}"
