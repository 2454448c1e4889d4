"""Picture of a tagging report: which tags are taken for which; matplotlib is imported only for drawing."""

from __future__ import annotations

import os

import numpy as np

from nlmkit.plots.figure import by_type, check_plot, printable
from nlmkit.plots.matrix import draw_confusion
from nlmkit.taggers.rendering import percent, shown
from nlmkit.taggers.report import TaggingReport


def plot_report(report: TaggingReport, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw the confusion matrix of the tags: shades are shares of each tag's tokens, numbers are tokens.

    Tags are sorted by type, then by letter. With more than 50, the 50 with most errors are drawn, and all others merged
    into one.

    Args:
        report: The report to draw.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title above the figures.

    Characters missing from all fonts are noted.

    Raises:
        DataError: The file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    order = sorted(range(len(report.tags)), key=lambda at: by_type(report.tags[at]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    cells = report.cells.copy()
    cells[:, :2] = place[cells[:, :2]]
    heading = f"accuracy {percent(report.accuracy)} %, {report.tokens} tokens"
    if report.f1 is not None:
        heading = f"F1 {percent(report.f1)} %, {heading}"
    draw_confusion(
        [printable(shown(report.tags[at])) for at in order],
        cells,
        path,
        heading=f"{printable(title)}\n{heading}" if title else heading,
        rows="tag of the data",
        shares="share of the tag's tokens",
        called="tags",
    )
