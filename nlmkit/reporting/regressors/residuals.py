"""Sections with the ranking of regressors, their residuals, and their largest errors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from nlmkit.core.tables import figure_text
from nlmkit.regressors.report import FIGURES
from nlmkit.reporting.blocks import Block, Code, Column, Fold, Grid, Panel, Panels, Picture, Section, Table, Value
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
from nlmkit.reporting.common.figures import between, figure, p_value, sign_test
from nlmkit.reporting.markup import Element
from nlmkit.reporting.regressors.study import Reading, RegressorStudy

_POINTS = 500
_ERRORS = 12
_CHARACTERS = 300  # of a text that are shown


def comparison(study: RegressorStudy) -> Section | None:
    """Return the ranking and the differences of adjacent regressors; None without texts."""
    if not study.readings:
        return None
    ranked = sorted(study.readings, key=lambda reading: reading.report.rmse)
    columns = (Column("Model"), *(Column(title, numeric=True) for title in FIGURES.values()), Column("95 % of RMSE"))
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            *(
                figure(getattr(each.report, name), ".4g", emphasis=name == "rmse" and each is ranked[0])
                for name in FIGURES
            ),
            between(each.report.intervals.get("rmse"), ".4g"),
        )
        for each in ranked
    )
    blocks: list[Block] = [Table(caption=f"Ranking on {ranked[0].report.n:,} texts", columns=columns, rows=rows)]
    if len(ranked) > 1:
        blocks.append(_differences(ranked))
    signatures = [Code(each.report.signature, each.subject.name) for each in study.readings]
    blocks.append(Fold("Signatures: everything that the figures depend on", signatures))
    lead = (
        "R² is the share of the variance that the predictions explain; RMSE and MAE are errors in the unit of the "
        "numbers, of which lower is better."
    )
    return Section(title="Comparison", lead=lead, blocks=tuple(blocks))


def _differences(ranked: list[Reading]) -> Table:
    columns = (
        Column("Better"),
        Column("Worse"),
        Column("Nearer", numeric=True),
        Column("Farther", numeric=True),
        Column("p", numeric=True),
    )
    caption = "Each regressor against the next one, text by text: exact sign test"
    rows = tuple(tuple(_difference(*pair)) for pair in pairwise(ranked))
    return Table(caption=caption, columns=columns, rows=rows, sortable=False)


def _difference(better: Reading, worse: Reading) -> Iterator[Value | str]:
    own, other = np.abs(better.report.residuals), np.abs(worse.report.residuals)
    wins, losses = int((own < other).sum()), int((own > other).sum())
    yield Value(better.subject.name, color=better.subject.color)
    yield Value(worse.subject.name, color=worse.subject.color)
    yield Value(f"{wins:,}", wins)
    yield Value(f"{losses:,}", losses)
    yield p_value(sign_test(wins, losses))


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
    columns = (Column("Text"), Column("Number", numeric=True), Column("Predicted", numeric=True))
    rows = tuple(
        (
            texts[place] if len(texts[place]) <= _CHARACTERS else f"{texts[place][:_CHARACTERS]}…",
            figure(float(report.numbers[place]), ".4g"),
            figure(float(report.predictions[place]), ".4g"),
        )
        for place in order
    )
    return Table(caption="Largest errors", columns=columns, rows=rows)
