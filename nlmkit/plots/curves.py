"""Learning curves as pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import DataError
from nlmkit.saving.written import written
from nlmkit.training.metrics import perplexity_of
from nlmkit.training.records import Evaluation, LogRecord, read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST_NAME: Final = 60  # maximum length of a curve's name
_LARGEST: Final = 1e300
"""Limit above which values are not drawn, since the axes would overflow."""

_LOGARITHMIC: Final = frozenset({"perplexity", "loss", "cost"})
"""Metrics drawn on a logarithmic axis if all of their values are above 0."""

_TRAINING: Final[Mapping[str, Any]] = {"linewidth": 0.8, "alpha": 0.6}
_VALIDATION: Final[Mapping[str, Any]] = {"marker": "o", "markersize": 4}

Points = Sequence[LogRecord] | Sequence[Evaluation]
Curve = tuple[str, int, Mapping[str, Any], list[tuple[float, float]]]
"""Label, number of the run, style, and minutes with values."""


def plot_learning_curve(
    curves: Mapping[str, Points] | str | os.PathLike[str],
    file: str | os.PathLike[str],
) -> None:
    """Draw each metric of the logs over minutes, of training data as a thin line, of held-out data with marks.

    Each metric has a panel: perplexity of a language model, accuracy and loss of a classifier, the cost of GloVe. The
    loss is omitted if there is a perplexity, of which it is the logarithm. Values that are null or not finite are
    omitted, and characters missing from all fonts are noted.

    Args:
        curves: Log file; or several curves by name, each the records of a log or the evaluations of a run.
        file: Path of the picture; its suffix determines the format (png, svg, pdf).

    Raises:
        NlmkitError: matplotlib is not installed, or cannot be imported.
        DataError: The log cannot be read, no curve has a point, the file's suffix is unknown, or the picture cannot be
            written.
    """
    if isinstance(curves, (str, os.PathLike)):
        curves = {Path(curves).stem: read_log(curves)}
    from nlmkit.plots.figure import check_plot, printable
    from nlmkit.plots.fonts import noted_drawing

    check_plot(file)
    from matplotlib.figure import Figure

    named = [(printable(name, _LONGEST_NAME), points) for name, points in curves.items()]
    text = "".join(name for name, _ in named)
    with noted_drawing(text, Path(file)):
        panels = _panels(named)
        figure = Figure(figsize=(7, 4.5 if len(panels) == 1 else 3 * len(panels)), layout="constrained")
        _draw(figure, panels)
        try:
            with written(Path(file)) as stream:
                figure.savefig(stream, format=Path(file).suffix[1:].lower(), dpi=150)
        except (OSError, ValueError) as error:
            raise DataError(f"the picture cannot be written ({error})", source=os.fspath(file)) from None


def _panels(curves: Sequence[tuple[str, Points]]) -> dict[str, list[Curve]]:
    """Return the curves of each metric with values, the most informative metric first."""
    found: dict[str, list[Curve]] = {}
    for number, (name, points) in enumerate(curves):
        for what, style, values_of in (("training", _TRAINING, _training), ("validation", _VALIDATION, _validation)):
            for metric in dict.fromkeys(name for point in points for name in values_of(point)):
                values = _curve((point.seconds, values_of(point).get(metric)) for point in points)
                if values:
                    found.setdefault(metric, []).append((f"{name}, {what}", number, style, values))
    if "perplexity" in found:
        found.pop("loss", None)
    if not found:
        raise DataError("nothing to draw: no curve has a finite metric, such as a perplexity or a loss")
    return dict(sorted(found.items(), key=lambda panel: panel[0] in ("loss", "cost")))


def _training(point: LogRecord | Evaluation) -> Mapping[str, float | None]:
    """Return the metrics of the training data."""
    if isinstance(point, LogRecord):
        return point.metrics
    if "perplexity" in point.metrics:
        return {"perplexity": None if point.loss is None else perplexity_of(point.loss)}
    return {"loss": point.loss}


def _validation(point: LogRecord | Evaluation) -> Mapping[str, float | None]:
    """Return the metrics of the held-out data."""
    return point.validation if isinstance(point, LogRecord) else point.metrics


def _draw(figure: Figure, panels: Mapping[str, Sequence[Curve]]) -> None:
    for axes, (metric, curves) in zip(
        figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0], panels.items(), strict=True
    ):
        _draw_panel(axes, metric, curves)
    axes.set_xlabel("minutes of training")


def _draw_panel(axes: Axes, metric: str, curves: Sequence[Curve]) -> None:
    from matplotlib.ticker import LogFormatter

    for _, number, style, values in curves:
        axes.plot(*zip(*values, strict=True), color=f"C{number}", **style)
    axes.set_ylabel(metric.replace("_", " "))
    lowest = min(value for *_, values in curves for _, value in values)
    if metric in _LOGARITHMIC and lowest > 0:  # a loss can be negative
        axes.set_yscale("log")
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axes.grid(visible=True, which="both", linewidth=0.3)
    # Set afterwards, since a legend omits labels that start with an underscore.
    legend = axes.legend(axes.lines, list(map(str, range(len(curves)))))
    for shown, (label, *_) in zip(legend.get_texts(), curves, strict=True):
        shown.set_text(label)


def _curve(values: Iterable[tuple[float | None, float | None]]) -> list[tuple[float, float]]:
    """Return minutes and values, without those that are null, not finite, or too large to draw."""
    found = []
    for seconds, value in values:
        if seconds is not None and value is not None and abs(seconds) < _LARGEST and abs(value) < _LARGEST:
            found.append((seconds / 60, float(value)))
    return found
