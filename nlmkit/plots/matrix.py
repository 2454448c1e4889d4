"""Picture of a confusion matrix given by its cells; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.plots.figure import save_figure
from nlmkit.plots.fonts import noted_drawing

MOST: Final = 50
"""Maximum number of names drawn: those with most errors, and the others merged into one."""

_DARK: Final = 0.6
"""Share above which a cell is so dark that its number is white."""

_MANY: Final = 12
"""Number of names above which empty cells have no number."""

_LARGEST: Final = 20.0
"""Maximum size in inches; with more names than fit, they are drawn smaller."""


def draw_confusion(
    names: Sequence[str],
    cells: NDArray[np.int64],
    path: str | os.PathLike[str],
    *,
    heading: str,
    rows: str,
    shares: str,
    called: str,
) -> None:
    """Draw a confusion matrix: shades are shares of a row's sum, numbers are counts.

    With more than 50 names, the 50 with most errors are drawn, and all others merged into one; the heading says so.

    Args:
        names: Names of rows and columns.
        cells: Nonzero cells: row, column and count: int64 [cells, 3].
        path: File to write, whose suffix has been checked.
        heading: Title.
        rows: Name of the axis of the rows.
        shares: Name of the scale of the shades.
        called: What the names are called in the heading.
    """
    from matplotlib.figure import Figure

    drawn, confusion = _drawn(names, cells)
    if len(names) > MOST:
        heading += f"\nthe {MOST} of {len(names)} {called} with most errors"
    shade = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = min(2.5 + 0.7 * len(drawn), _LARGEST)
    font_size = min(10.0, 72 * size / (2 * len(drawn) + 8))
    # With a salt, the same report results in the same file.
    with noted_drawing("".join([*drawn, heading]), Path(path), {"font.size": font_size, "svg.hashsalt": "nlmkit"}):
        figure = Figure(figsize=(size + 1, size), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(shade, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(picture, ax=axes, label=shares)
        for (row, column), count in np.ndenumerate(confusion):
            if not count and len(drawn) > _MANY:
                continue
            colour = "white" if shade[row, column] > _DARK else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
        axes.set_xticks(range(len(drawn)), drawn, rotation=45, ha="right")
        axes.set_yticks(range(len(drawn)), drawn)
        axes.set_xlabel("predicted")
        axes.set_ylabel(rows)
        axes.set_title(heading)
        save_figure(figure, path)


def _drawn(names: Sequence[str], cells: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names and confusion matrix that are drawn."""
    rows, columns, counts = cells.T
    place, size = np.arange(len(names)), len(names)
    drawn = list(names)
    if size > MOST:
        errors = np.where(rows != columns, counts, 0)
        both = np.bincount(rows, errors, size) + np.bincount(columns, errors, size)
        kept = np.sort(np.argsort(-both, kind="stable")[:MOST])
        place = np.full(size, MOST)
        place[kept] = np.arange(MOST)
        drawn = [*(names[index] for index in kept.tolist()), f"({size - MOST} others)"]
    confusion = np.zeros((len(drawn), len(drawn)), np.int64)
    np.add.at(confusion, (place[rows], place[columns]), counts)
    return drawn, confusion
