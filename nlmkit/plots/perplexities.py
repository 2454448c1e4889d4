"""Pictures of comparisons, drawn by matplotlib, which is imported when one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nlmkit.language_models.measures import measure
from nlmkit.plots.figure import check_plot, printable
from nlmkit.plots.fonts import noted_drawing
from nlmkit.saving.written import written

if TYPE_CHECKING:
    from nlmkit.language_models.comparison import Comparison, Ranked

_COLOUR: Final = "#3b6ea5"
_ADAPTED: Final = "#c8863c"
_TALLEST: Final = 200.0
"""Inches; beyond 2^16 pixels no picture can be written."""


def plot_perplexities(comparison: Comparison, path: str | os.PathLike[str], *, title: str) -> None:
    """Draw what models are ranked by as horizontal bars with their intervals, the best on top.

    Args:
        comparison: What to draw; at least one model is ranked.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: What the text is.

    Characters that no font has are noted.

    Raises:
        DataError: The file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    rows = comparison.ranked
    labels = [_label(row, comparison.differing) for row in rows]
    text = "".join([*labels, printable(title)])
    with noted_drawing(text, Path(path)):
        figure = Figure(figsize=(8, min(1.6 + 0.55 * len(rows), _TALLEST)), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        places = range(len(rows))
        values = [_value(comparison, row) for row in rows]
        widths = [value if math.isfinite(value) else 0.0 for value in values]
        colours = [_ADAPTED if row.report.adapted else _COLOUR for row in rows]
        axes.barh(places, widths, height=0.6, color=colours)
        reach = [
            _draw_interval(axes, place, row, value) for place, row, value in zip(places, rows, values, strict=True)
        ]
        largest = max([*reach, *widths]) or 1.0
        digits = 2 if comparison.by == "perplexity" else 3
        for place, (value, end) in enumerate(zip(values, reach, strict=True)):
            axes.text(end + 0.012 * largest, place, _figure(value, digits), va="center", fontsize=10)
        axes.set_yticks(places, labels, fontsize=10)
        axes.set_xlim(0, largest * 1.15)
        axes.invert_yaxis()
        axes.set_xlabel(_axis(comparison), fontsize=10)
        axes.set_title(printable(title), fontsize=11, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        if any(row.report.adapted for row in rows):
            handles = [Patch(color=_ADAPTED, label="adapted to the text")]
            if not all(row.report.adapted for row in rows):
                handles.append(Patch(color=_COLOUR, label="not adapted"))
            figure.legend(handles=handles, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
        with written(Path(path)) as stream:
            figure.savefig(stream, format=Path(path).suffix.lower()[1:])


def _value(comparison: Comparison, row: Ranked) -> float:
    """Return the figure that the models are ranked by."""
    value = measure(comparison.by).value(row.report)
    return math.nan if value is None else value


def _draw_interval(axes: object, place: int, row: Ranked, value: float) -> float:
    """Return the whiskers of a bar; returns where bar and whiskers end."""
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    if not math.isfinite(value):
        return 0.0
    if row.interval is None or not math.isfinite(row.interval[1]):
        return value
    low, high = row.interval
    errors = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
    axes.errorbar([value], [place], xerr=errors, color="black", capsize=3, linewidth=1.2)
    return max(value, high)


def _label(row: Ranked, differing: Sequence[str]) -> str:
    """Return the model, and below it what is not the same for all of them."""
    report = row.report
    facts = {
        "context": report.context,
        "direction": report.direction,
        "adapted": "",  # shown by the colour
        "unknown_rule": f"<unk> {report.unknown_rule}",
        "text_pipeline": report.text_pipeline,
    }
    below = ", ".join(facts[label] for label in differing if facts[label])
    return f"{printable(row.model, 40)}\n{below}" if below else printable(row.model, 40)


def _axis(comparison: Comparison) -> str:
    rows = comparison.ranked
    events = f"{rows[0].report.events:,} events".replace(",", "\u202f")
    whiskers = "\nwhiskers: 95 % of bootstrap samples" if any(row.interval for row in rows) else ""
    if comparison.by == "perplexity":
        return f"Perplexity on {events}, lower is better{whiskers}"
    return f"Bits per character, lower is better{whiskers}"


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "infinite"
