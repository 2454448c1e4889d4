"""Section with the calibration of classifiers."""

from __future__ import annotations

import numpy as np

from nlmkit.reporting.blocks import Column, Grid, Key, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import Line, line_chart
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading
from nlmkit.reporting.common.figures import figure

_BINS = 10


def calibration(study: ClassifierStudy) -> Section | None:
    """Return the reliability diagram and its figures; None without texts."""
    if not study.readings:
        return None
    lines = [
        Line(each.subject.name, each.subject.color, [(mean, share) for mean, share, _ in bins(each)])
        for each in study.readings
    ]
    caption = "Probability of the predicted label, and how often it is right"
    drawing = line_chart(
        caption, lines, x_title="predicted probability", y_title="share right", low=0.0, high=1.0, diagonal=True
    )
    legend = tuple(Key(each.subject.name, each.subject.color) for each in study.readings)
    lead = (
        "A calibrated classifier is right as often as its probabilities say: its points lie on the diagonal. Points "
        f"below it mean too much confidence. Each point is a tenth of the texts ({_BINS} bins of equal size)."
    )
    picture = Picture(caption=caption, drawing=drawing, legend=legend, numbers=_numbers(study.readings))
    return Section(title="Calibration", lead=lead, blocks=(_table(study.readings), Grid((picture,))))


def bins(reading: Reading) -> list[tuple[float, float, int]]:
    """Return mean probability, share right and number of texts of each bin of texts, by increasing probability."""
    order = np.argsort(reading.confidence, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    return [(float(reading.confidence[part].mean()), float(reading.hits[part].mean()), len(part)) for part in parts]


def error(reading: Reading) -> float:
    """Return the expected calibration error over the bins (Guo, Pleiss, Sun & Weinberger 2017)."""
    found = bins(reading)
    return sum(abs(mean - share) * count for mean, share, count in found) / sum(count for _, _, count in found)


def _table(readings: tuple[Reading, ...]) -> Table:
    columns = (
        Column("Model"),
        Column("Mean probability", numeric=True),
        Column("Accuracy", numeric=True),
        Column("Calibration error", numeric=True),
    )
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            figure(float(each.confidence.mean())),
            figure(each.report.accuracy),
            figure(error(each)),
        )
        for each in readings
    )
    return Table(caption="Confidence and accuracy", columns=columns, rows=rows)


def _numbers(readings: tuple[Reading, ...]) -> Table:
    columns = (
        Column("Model"),
        Column("Predicted", numeric=True),
        Column("Right", numeric=True),
        Column("Texts", numeric=True),
    )
    rows = tuple(
        (each.subject.name, figure(mean), figure(share), Value(f"{count:,}", count))
        for each in readings
        for mean, share, count in bins(each)
    )
    return Table(caption="Bins of the diagram", columns=columns, rows=rows)
