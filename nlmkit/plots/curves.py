"""Learning curves as pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nlmkit.errors import DataError
from nlmkit.saving.written import written
from nlmkit.training.records import Evaluation, LogRecord, perplexity_of, read_log

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST_NAME: Final = 60  # of a curve
_LARGEST: Final = 1e300


def check_picture(file: str | os.PathLike[str], *, to_come: str | os.PathLike[str] | None = None) -> None:
    """Find out before hours of training whether a picture could be drawn.

    Args:
        file: Where the picture will go.
        to_come: A folder that will be there by then, that of the model.

    Raises:
        NlmkitError: matplotlib is not installed, or cannot be imported.
        DataError: The file's ending is no format that it draws, or its folder cannot be written.
    """
    from nlmkit.plots.figure import check_folder

    path = Path(file)
    known = _figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in known:
        raise DataError(f"no format of a picture: end it in one of {', '.join(sorted(known))}", source=str(path))
    check_folder(path, to_come=to_come)


def _figure() -> Figure:
    from nlmkit.plots.figure import load_matplotlib

    load_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(7, 4.5), layout="constrained")


def plot_learning_curve(
    curves: Mapping[str, Sequence[LogRecord] | Sequence[Evaluation]] | str | os.PathLike[str],
    file: str | os.PathLike[str],
) -> None:
    """Draw perplexity over minutes, of training text as a thin line and of validation text with marks.

    Where no curve has a perplexity, as GloVe's and those of a sampled softmax without validation text, it is the loss.
    Values that are null or not finite are left out, and characters that no font has are noted.

    Args:
        curves: A log file; or several curves by name, each the records of a log or the evaluations of a run.
        file: Where the picture goes; its ending says in which format (png, svg, pdf).

    Raises:
        NlmkitError: matplotlib is not installed, or cannot be imported.
        DataError: The log cannot be read, no curve has a point, or the picture cannot be written.
    """
    if isinstance(curves, (str, os.PathLike)):
        curves = {Path(curves).stem: read_log(curves)}
    from nlmkit.plots.figure import load_matplotlib, printable
    from nlmkit.plots.fonts import noted_drawing

    load_matplotlib()
    named = [(printable(name, _LONGEST_NAME), points) for name, points in curves.items()]
    text = "".join(name for name, _ in named)
    with noted_drawing(text, Path(file)):
        figure = _figure()
        _draw(figure, named)
        try:
            with written(Path(file)) as stream:
                figure.savefig(stream, format=Path(file).suffix[1:].lower() or None, dpi=150)
        except (OSError, ValueError) as error:
            raise DataError(f"the picture cannot be written ({error})", source=os.fspath(file)) from None


def _draw(figure: Figure, curves: Sequence[tuple[str, Sequence[LogRecord] | Sequence[Evaluation]]]) -> None:
    from matplotlib.ticker import LogFormatter

    axes = figure.subplots()
    labels: list[str] = []
    lowest = math.inf
    for number, (name, points) in enumerate(curves):
        for label, style, values in (
            (f"{name}, training", {"linewidth": 0.8, "alpha": 0.6}, _training_curve(points)),
            (f"{name}, validation", {"marker": "o", "markersize": 4}, _validation_curve(points)),
        ):
            if values:
                axes.plot(*zip(*values, strict=True), color=f"C{number}", **style)
                labels.append(label)
                lowest = min(lowest, *(value for _, value in values))
    quantity = "perplexity"
    if not axes.lines:
        quantity = "loss"
        for name, points in curves:
            if values := _losses(points):
                axes.plot(*zip(*values, strict=True))
                labels.append(name)
                lowest = min(lowest, *(value for _, value in values))
    if not axes.lines:
        raise DataError("there is nothing to draw: no curve has a finite perplexity or loss")
    axes.set_xlabel("minutes of training")
    axes.set_ylabel(quantity)
    if lowest > 0:  # a loss may be less
        axes.set_yscale("log")
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axes.grid(visible=True, which="both", linewidth=0.3)
    # Set afterwards, since a legend leaves out what begins with an underscore.
    legend = axes.legend(axes.lines, list(map(str, range(len(labels)))))
    for shown, label in zip(legend.get_texts(), labels, strict=True):
        shown.set_text(label)


def _training_curve(points: Sequence[LogRecord] | Sequence[Evaluation]) -> list[tuple[float, float]]:
    return _curve(
        (point.seconds, _perplexity_of(point.loss) if isinstance(point, Evaluation) else point.perplexity)
        for point in points
    )


def _validation_curve(points: Sequence[LogRecord] | Sequence[Evaluation]) -> list[tuple[float, float]]:
    return _curve(
        (point.seconds, point.perplexity if isinstance(point, Evaluation) else point.validation_perplexity)
        for point in points
    )


def _losses(points: Sequence[LogRecord] | Sequence[Evaluation]) -> list[tuple[float, float]]:
    return _curve((point.seconds, point.loss) for point in points)


def _perplexity_of(loss: float | None) -> float | None:
    return None if loss is None else perplexity_of(loss)


def _curve(values: Iterable[tuple[float | None, float | None]]) -> list[tuple[float, float]]:
    """Minutes and values, without those that are null, not finite, or too large to be drawn."""
    found = []
    for seconds, value in values:
        if seconds is not None and value is not None and abs(seconds) < _LARGEST and abs(value) < _LARGEST:
            found.append((seconds / 60, float(value)))
    return found
