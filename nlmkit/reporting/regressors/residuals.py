"""Sections with the ranking of regressors, their residuals, and their largest errors."""

from __future__ import annotations

import numpy as np

from nlmkit.core.tables import figure_text
from nlmkit.regressors.report import FIGURES
from nlmkit.reporting.blocks import Block, Column, Grid, Panel, Panels, Picture, Section, Table, Value
from nlmkit.reporting.charts.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    drawing,
    number_axis,
    value_axis,
)
from nlmkit.reporting.charts.lines import mark
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.common.ranking import in_order, section
from nlmkit.reporting.markup import Element
from nlmkit.reporting.regressors.study import Reading, RegressorStudy

_POINTS = 500
_ERRORS = 12
_CHARACTERS = 300  # of a text that are shown


def comparison(study: RegressorStudy) -> Section | None:
    """Return the ranking and the differences of adjacent regressors; None without texts."""
    found = study.comparison
    if found is None:
        return None
    columns = (
        Column("Model"),
        *(Column(title, numeric=True) for title in FIGURES.values()),
        Column("95% interval of RMSE", numeric=True),
    )
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            *(figure(getattr(each.report, name), ".4g", emphasis=name == "rmse" and row.rank == 1) for name in FIGURES),
            between(row.interval, ".4g"),
        )
        for row, each in in_order(found, study.readings)
    )
    table = Table(caption=f"Ranking on {found.items:,} texts", columns=columns, rows=rows)
    lead = (
        "R² is the share of the variance that the predictions explain; RMSE and MAE are errors in the unit of the "
        "numbers, of which lower is better."
    )
    return section(found, study.readings, table, title="RMSE", form=".4g", lead=lead)


def residuals(study: RegressorStudy) -> Section | None:
    """Return predictions by numbers, residuals, and the largest errors; None without texts."""
    if not study.readings or study.data is None:
        return None
    texts = study.data.texts
    panels = tuple(
        Panel(each.subject.name, _of(each, texts, study.options.seed), color=each.subject.color)
        for each in study.readings
    )
    lead = (
        "Right predictions lie on the diagonal of the first picture. A residual is the number minus the prediction: "
        "those of a good model lie around zero at all heights of the prediction."
    )
    return Section(title="Residuals", lead=lead, blocks=(Panels(label="Regressors", panels=panels),))


def _of(reading: Reading, texts: tuple[str, ...], seed: int) -> list[Block]:
    report, name = reading.report, reading.subject.name
    places = np.arange(report.n)
    if report.n > _POINTS:
        places = np.sort(np.random.default_rng(seed).choice(report.n, _POINTS, replace=False))
    some = f", {len(places)} texts drawn with the seed {seed}" if report.n > len(places) else ""
    numbers, predicted = report.numbers[places].tolist(), report.predictions[places].tolist()
    left = report.residuals[places].tolist()
    tips = [
        f"text {place + 1}: {figure_text(number)}, predicted {figure_text(guess)}"
        for place, number, guess in zip(places.tolist(), numbers, predicted, strict=True)
    ]
    color = reading.subject.color
    caption = f"{name}: predictions by numbers{some}"
    first = scatter(caption, numbers, predicted, tips, axes=("number", "prediction"), color=color)
    caption = f"{name}: residuals by predictions{some}"
    second = scatter(caption, predicted, left, tips, axes=("prediction", "residual"), color=color)
    return [Grid((first, second)), _errors(reading, texts)]


def scatter(
    caption: str, across: list[float], up: list[float], tips: list[str], *, axes: tuple[str, str], color: int
) -> Picture:
    """Return marks of points with tips, and the line of right predictions or of no residual."""
    x_title, y_title = axes
    is_residual = y_title == "residual"
    floor = HEIGHT - BOTTOM
    x_scale = Scale.over(across if is_residual else [*across, *up], LEFT, WIDTH - RIGHT)
    y_scale = Scale.over([*up, 0.0] if is_residual else [*across, *up], floor, TOP)
    picture = drawing(caption).add(value_axis(y_scale, y_title), number_axis(x_scale, x_title, y=floor))
    ends = [(x, 0.0 if is_residual else x) for x in (x_scale.low, x_scale.high)]
    (x1, y1), (x2, y2) = ((x_scale.at(x), y_scale.at(y)) for x, y in ends)
    picture.add(Element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="ideal"))
    marks = (mark(color, x_scale.at(x), y_scale.at(y), tip) for x, y, tip in zip(across, up, tips, strict=True))
    return Picture(caption=caption, drawing=picture.add(Element("g", class_=f"series c{color}").extend(marks)))


def _errors(reading: Reading, texts: tuple[str, ...]) -> Table:
    report = reading.report
    order = np.argsort(-np.abs(report.residuals), kind="stable")[:_ERRORS].tolist()
    columns = (Column("Number", numeric=True), Column("Predicted", numeric=True), Column("Text"))
    rows = tuple(
        (
            figure(float(report.numbers[place]), ".4g"),
            figure(float(report.predictions[place]), ".4g"),
            texts[place] if len(texts[place]) <= _CHARACTERS else f"{texts[place][:_CHARACTERS]}…",
        )
        for place in order
    )
    return Table(caption="Largest errors", columns=columns, rows=rows)
