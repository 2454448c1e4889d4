"""Picture of a classifier's confusion matrix; matplotlib is imported only for drawing."""

from __future__ import annotations

import os

from nlmkit.classifiers.report import ClassificationReport, shown
from nlmkit.plots.figure import check_plot, printable
from nlmkit.plots.matrix import draw_confusion


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
    heading = f"accuracy {report.accuracy:.4f}, n = {report.n}"
    draw_confusion(
        [shown(row.label) for row in report.per_class],
        report.cells,
        path,
        heading=f"{printable(title)}\n{heading}" if title else heading,
        rows="label",
        shares="share of the label's texts",
        called="classes",
    )
