"""Tables of figures as Markdown, LaTeX, CSV and HTML; every cell is escaped for its format.

A table is a list of rows, each a mapping from names of columns to values: strings, numbers, booleans or None. The first
row has all columns. CSV has all digits of a number, the others as many as a reader needs.
"""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from nlmkit.core.tables import escape_controls, figure_text

Row: TypeAlias = Mapping[str, Any]
"""A row of a table: values by the names of columns."""

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|~#])")
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}
_LATEX_TABLE: Final = str.maketrans(_LATEX)


def cell_text(value: Any) -> str:
    """Return a value as a reader sees it: four decimals of a fraction, a dash for None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return figure_text(value)
    return escape_controls(str(value))


def markdown(rows: Sequence[Row]) -> str:
    """Return a table in GitHub's Markdown; empty without rows."""
    if not rows:
        return ""
    names = list(rows[0])
    rules = [":---" if _is_text(rows, name) else "---:" for name in names]
    lines = [[_in_markdown(_heading(name)) for name in names], rules]
    lines += [[_in_markdown(cell_text(row[name])) for name in names] for row in rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def latex(rows: Sequence[Row]) -> str:
    """Return a ``tabular`` for LaTeX with the rules of the package ``booktabs``; empty without rows."""
    if not rows:
        return ""
    names = list(rows[0])
    layout = "".join("l" if _is_text(rows, name) else "r" for name in names)
    lines = [_latex_line(map(_heading, names)), *(_latex_line(cell_text(row[name]) for name in names) for row in rows)]
    body = [lines[0], "\\midrule", *lines[1:]]
    return "\n".join([f"\\begin{{tabular}}{{{layout}}}", "\\toprule", *body, "\\bottomrule", "\\end{tabular}", ""])


def comma_separated(rows: Sequence[Row]) -> str:
    """Return a table as CSV (RFC 4180, line feeds at the ends of lines) with a header; empty without rows."""
    if not rows:
        return ""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([["" if value is None else value for value in row.values()] for row in rows])
    return stream.getvalue()


def html_table(rows: Sequence[Row], *, caption: str = "", most: int | None = None) -> str:
    """Return a table in HTML; empty without rows.

    Args:
        rows: The rows.
        caption: Caption of the table, not escaped yet.
        most: Most rows to show; a last row has the number of the others.
    """
    if not rows:
        return ""
    names, shown = list(rows[0]), rows[:most]
    head = "".join(f'<th scope="col">{html.escape(_heading(name))}</th>' for name in names)
    body = ["".join(_html_cell(row[name]) for name in names) for row in shown]
    if len(rows) > len(shown):
        body.append(f'<td colspan="{len(names)}">… {len(rows) - len(shown)} more rows</td>')
    title = f"<caption>{html.escape(escape_controls(caption))}</caption>" if caption else ""
    lines = "".join(f"<tr>{cells}</tr>" for cells in body)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def html_facts(row: Row) -> str:
    """Return one row as a table in HTML, with one line per value that is not None."""
    lines = "".join(
        f'<tr><th scope="row">{html.escape(_heading(name))}</th>{_html_cell(value)}</tr>'
        for name, value in row.items()
        if value is not None
    )
    return f"<table><tbody>{lines}</tbody></table>"


def _html_cell(value: Any) -> str:
    side = "left" if isinstance(value, str) else "right"
    return f'<td style="text-align: {side}">{html.escape(cell_text(value))}</td>'


def _heading(name: str) -> str:
    return escape_controls(name.replace("_", " "))


def _is_text(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row[name], str) for row in rows)


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text).replace("&", "&amp;")


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(cell.translate(_LATEX_TABLE) for cell in cells) + r" \\"
