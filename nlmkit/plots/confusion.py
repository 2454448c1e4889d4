"""Picture of a confusion matrix; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.report import ClassificationReport, shown
from nlmkit.plots.figure import check_plot, printable
from nlmkit.plots.fonts import noted_drawing
from nlmkit.saving.written import written

_DARK: Final = 0.6
"""Share above which a cell is so dark that its number is white."""

_MANY: Final = 12
"""Number of classes above which empty cells have no number."""

_DRAWN: Final = 50
"""Maximum number of classes drawn: those with most errors, and the others merged into one."""

_LARGEST: Final = 20.0
"""Maximum size in inches; with more classes than fit, names are drawn smaller."""


def plot_confusion(report: ClassificationReport, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw the confusion matrix: shades are shares of each label's texts, numbers are texts.

    With more than 50 classes, the 50 with most errors are drawn, and all others merged into one.

    Args:
        report: The report to draw.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title above the accuracy.

    Characters missing from all fonts are noted.

    Raises:
        DataError: The file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    names, confusion = _drawn(report)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = min(2.5 + 0.7 * len(names), _LARGEST)
    font_size = min(10.0, 72 * size / (2 * len(names) + 8))
    heading = f"accuracy {report.accuracy:.4f}, n = {report.n}"
    if len(names) <= len(report.per_class) - 1:
        heading += f"\nthe {len(names) - 1} of {len(report.per_class)} classes with most errors"
    heading = f"{printable(title)}\n{heading}" if title else heading
    text = "".join([*names, heading])
    # With a salt, the same report results in the same file.
    with noted_drawing(text, Path(path), {"font.size": font_size, "svg.hashsalt": "nlmkit"}):
        figure = Figure(figsize=(size + 1, size), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(picture, ax=axes, label="share of the label's texts")
        for (row, column), count in np.ndenumerate(confusion):
            if not count and len(names) > _MANY:
                continue
            colour = "white" if shares[row, column] > _DARK else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")
        axes.set_title(heading)
        form = Path(path).suffix.lower()[1:]
        with written(Path(path)) as stream:
            figure.savefig(stream, format=form, metadata={"Date": None} if form == "svg" else None)


def _drawn(report: ClassificationReport) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names and confusion matrix of the classes that are drawn."""
    names = [shown(row.label) for row in report.per_class]
    if len(names) <= _DRAWN:
        return names, report.confusion
    rows, columns, texts = report.cells.T
    errors = np.where(rows != columns, texts, 0)
    both = np.bincount(rows, errors, len(names)) + np.bincount(columns, errors, len(names))
    kept = np.sort(np.argsort(-both, kind="stable")[:_DRAWN])
    place = np.full(len(names), _DRAWN)
    place[kept] = np.arange(_DRAWN)
    confusion = np.zeros((_DRAWN + 1, _DRAWN + 1), np.int64)
    np.add.at(confusion, (place[rows], place[columns]), texts)
    return [*(names[index] for index in kept.tolist()), f"({len(names) - _DRAWN} others)"], confusion
