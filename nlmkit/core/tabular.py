"""Reports as tables: frames of pandas, Markdown, LaTeX, CSV, and HTML in notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final

from nlmkit.core import markup
from nlmkit.core.optional import require
from nlmkit.core.short_repr import Rendered
from nlmkit.errors import HyperParameterError

_SHOWN: Final = 50  # rows of a table in a notebook


class Tabular(Rendered):
    """Report that consists of named tables, of which the first has its figures.

    ``to_frame``, ``to_markdown``, ``to_latex`` and ``to_csv`` return one of the tables. A notebook shows all of them.
    """

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables by name, the first one that of the figures: rows of values by column.

        All rows of a table have the same columns. Values are strings, numbers, booleans or None.
        """
        raise NotImplementedError

    def to_frame(self, table: str | None = None) -> Any:
        """Return a table as a frame of pandas, a row of the table per row.

        Args:
            table: Name of the table, as in ``tables()``; by default the first one, of the figures.

        Raises:
            HyperParameterError: There is no table of this name.
            NlmkitError: pandas is not installed.
        """
        rows = self._rows(table)
        pandas = require("pandas", extra="pandas", who="to_frame")
        return pandas.DataFrame(rows)

    def to_markdown(self, table: str | None = None) -> str:
        """Return a table in GitHub's Markdown; as ``to_frame`` otherwise."""
        return markup.markdown(self._rows(table))

    def to_latex(self, table: str | None = None) -> str:
        r"""Return a table as a ``tabular`` of LaTeX, with the rules of ``\usepackage{booktabs}``."""
        return markup.latex(self._rows(table))

    def to_csv(self, table: str | None = None) -> str:
        """Return a table as CSV with a header and all digits; as ``to_frame`` otherwise."""
        return markup.comma_separated(self._rows(table))

    def _rows(self, table: str | None) -> Sequence[dict[str, Any]]:
        found = self.tables()
        name = next(iter(found)) if table is None else table
        if name not in found:
            raise HyperParameterError(
                f"table must be one of {', '.join(found)} of a {type(self).__name__}, not {table!r}"
            )
        return found[name]

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        parts = []
        for number, (name, rows) in enumerate(self.tables().items()):
            if number == 0 and len(rows) == 1:
                parts.append(markup.html_facts(rows[0]))
            else:
                parts.append(markup.html_table(rows, caption=name.replace("_", " "), most=_SHOWN))
        signature = getattr(self, "signature", "")
        parts += [f"<p><code>{html.escape(str(signature))}</code></p>"] if signature else []
        return "".join(parts)


def with_intervals(figures: dict[str, Any], intervals: dict[str, tuple[float, float] | None]) -> dict[str, Any]:
    """Return figures, each followed by the bounds of its interval: ``f1``, ``f1_low``, ``f1_high``.

    Args:
        figures: Figures by name.
        intervals: Those of some of them; None for an undefined one.
    """
    found: dict[str, Any] = {}
    for name, value in figures.items():
        found[name] = value
        if name in intervals:
            found[f"{name}_low"], found[f"{name}_high"] = intervals[name] or (None, None)
    return found
