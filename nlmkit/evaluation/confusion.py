"""A picture of a confusion matrix, drawn by matplotlib, which is imported when one is drawn."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.classification.report import ClassificationReport, shown
from nlmkit.evaluation.plots import _FONTS, check_plot

_DARK: Final = 0.6
"""From this share on a cell is so dark that its number is white."""

_MANY: Final = 12
"""With more classes than this, cells without texts have no number."""

_DRAWN: Final = 50
"""Of more classes those with most errors are drawn, and the others as one."""

_LARGEST: Final = 20.0
"""Inches; with so many classes that they do not fit, their names are drawn smaller."""


def plot_confusion(report: ClassificationReport, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw the confusion matrix: shades are shares of each label's texts, numbers are texts.

    Of more than 50 classes the 50 with most errors are drawn, and all others together as one.

    Args:
        report: What to draw.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: What stands above the accuracy.

    Raises:
        DataError: the file's name tells no format that is known.
        NlmkitError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    check_plot(path)
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in _FONTS if name in installed]
    names, confusion = _drawn(report)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = min(2.5 + 0.7 * len(names), _LARGEST)
    font_size = min(10.0, 72 * size / (2 * len(names) + 8))
    settings: dict[Any, Any] = {"font.family": fonts, "font.size": font_size, "svg.fonttype": "none"}
    settings["svg.hashsalt"] = "nlmkit"  # so that the same report gives the same file
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(size + 1, size), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(picture, ax=axes, label="share of the label's texts")
        for (row, column), count in np.ndenumerate(confusion):
            if not count and len(names) > _MANY:
                continue
            colour = "white" if shares[row, column] > _DARK else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
        # A label may hold a dollar sign, which begins no formula.
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")
        heading = f"accuracy {report.accuracy:.4f}, n = {report.n}"
        if len(names) <= len(report.per_class) - 1:
            heading += f"\nthe {len(names) - 1} of {len(report.per_class)} classes with most errors"
        axes.set_title(f"{title}\n{heading}" if title else heading, parse_math=False)
        figure.savefig(path, metadata={"Date": None} if Path(path).suffix.lower() == ".svg" else None)


def _drawn(report: ClassificationReport) -> tuple[list[str], NDArray[np.int64]]:
    """Names and confusion matrix of the classes that are drawn."""
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
