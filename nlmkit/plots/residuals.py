"""Picture of a regression; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.tables import figure_text
from nlmkit.plots.figure import check_plot, printable, save_figure
from nlmkit.plots.fonts import noted_drawing
from nlmkit.regressors.report import RegressionReport

_POINTS: Final = 2000
"""Number of texts above which shaded cells with counts are drawn instead of points."""

_CELLS: Final = 40  # cells per row
_MARGIN: Final = 0.05  # margin around the values, as a share of their range
_LEAST_RANGE: Final = 1e-6  # minimum range of an axis, as a share of its largest value: closer ticks have equal labels

_Limits: TypeAlias = tuple[float, float]


def plot_residuals(report: RegressionReport, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw predictions by numbers, with the diagonal on which they agree, and residuals by predictions.

    With more than 2,000 texts, cells are drawn instead of points, shaded by the number of texts, on a logarithmic
    scale.

    Args:
        report: The report to draw.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title above R² and RMSE.

    Characters missing from all fonts are noted.

    Raises:
        DataError: the file's name has no ending that is known, or its folder cannot be written.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: the file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    heading = f"R² {figure_text(report.r2)}, RMSE {figure_text(report.rmse)}, n = {report.n}"
    heading = f"{printable(title)}\n{heading}" if title else heading
    # With a salt, the same report gives the same file.
    with noted_drawing(heading, Path(path), {"svg.hashsalt": "nlmkit"}):
        figure = Figure(figsize=(11, 5), dpi=150, layout="constrained")
        agreement, errors = figure.subplots(1, 2)
        both = _limits(np.concatenate([report.numbers, report.predictions]))
        _draw(figure, agreement, (report.numbers, report.predictions), (both, both))
        agreement.plot(both, both, color="black", linewidth=0.8)
        agreement.set_xlabel("number")
        agreement.set_ylabel("predicted")
        predicted, residuals = _limits(report.predictions), _limits(np.append(report.residuals, 0.0))
        _draw(figure, errors, (report.predictions, report.residuals), (predicted, residuals))
        errors.plot(predicted, (0.0, 0.0), color="black", linewidth=0.8)
        errors.set_xlabel("predicted")
        errors.set_ylabel("residual: number less predicted")
        figure.suptitle(heading)
        save_figure(figure, path)


def _draw(
    figure: Any,
    axes: Any,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    limits: tuple[_Limits, _Limits],
) -> None:
    """Draw points, or shaded cells if there are many, within limits, which are one pair per axis."""
    across, up = points
    if len(across) <= _POINTS:
        axes.scatter(across, up, s=9, alpha=0.5, linewidths=0)
    else:
        extent = (*limits[0], *limits[1])
        cells = axes.hexbin(across, up, gridsize=_CELLS, bins="log", mincnt=1, cmap="Blues", extent=extent)
        figure.colorbar(cells, ax=axes, label="texts", format="{x:g}")
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _limits(values: NDArray[np.float64]) -> _Limits:
    """Return the limits of an axis that contains all values; around them if they are equal."""
    low, high = float(values.min()), float(values.max())
    largest = max(abs(low), abs(high))
    margin = max(_MARGIN * (high - low), _LEAST_RANGE * largest) or 1.0
    return low - margin, high + margin
