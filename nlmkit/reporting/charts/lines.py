"""Line charts: over numbers, such as learning curves, and over categories, such as bands of word frequency."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

from nlmkit.reporting.blocks import COLORS
from nlmkit.reporting.charts.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    category_axis,
    drawing,
    is_slanted,
    label,
    number_axis,
    slant_height,
    value_axis,
)
from nlmkit.reporting.markup import Element, number

_MARKED: Final = 40  # points of a line up to which each has a mark
_MOST: Final = 300  # points of a line that are drawn; a screen shows no more


@dataclasses.dataclass(frozen=True)
class Line:
    """Series of a line chart.

    Attributes:
        label: Name.
        color: Number of the color.
        points: Pairs of x and y; pairs with a value that is not finite are left out.
        faint: Whether the line is thin and has no marks, such as the training loss beside the validation loss.
        bands: Lower and upper bound per point, for a band around the line; empty for none.
    """

    label: str
    color: int
    points: Sequence[tuple[float, float]]
    faint: bool = False
    bands: Sequence[tuple[float, float]] = ()


def line_chart(
    name: str,
    lines: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
    low: float | None = None,
    high: float | None = None,
    x_unit: str = "",
    diagonal: bool = False,
) -> Element:
    """Draw lines over numbers.

    Args:
        name: Accessible name.
        lines: The series.
        x_title: Title of the horizontal axis.
        y_title: Title of the vertical axis.
        log_x: Whether x is on a logarithmic scale, which leaves out values up to zero.
        log_y: The same of y.
        low: Lower end of the vertical axis; by default that of the values.
        high: Upper end of the vertical axis.
        x_unit: Word before the x value in tips, such as ``epoch``.
        diagonal: Whether a line shows where y equals x.
    """
    kept = [(line, [point for point in line.points if _drawable(point, log_x=log_x, log_y=log_y)]) for line in lines]
    floor, ceiling = HEIGHT - BOTTOM, TOP
    bounds = [edge for line in lines for pair in line.bands for edge in pair if math.isfinite(edge)]
    ys = [y for _, points in kept for _, y in points] + bounds
    y_scale = Scale.over(ys, floor, ceiling, logarithmic=log_y, low=low, high=high)
    xs = [x for _, points in kept for x, _ in points]
    x_scale = Scale.over(xs, LEFT, WIDTH - RIGHT, logarithmic=log_x)
    picture = drawing(name).add(value_axis(y_scale, y_title), number_axis(x_scale, x_title, y=floor))
    if diagonal:
        ends = max(x_scale.low, y_scale.low), min(x_scale.high, y_scale.high)
        picture.add(_path([(x_scale.at(end), y_scale.at(end)) for end in ends], "ideal"))
    for line, points in kept:
        where = [(x_scale.at(x), y_scale.at(y)) for x, y in points]
        tips = [f"{line.label}: {label(y)} at {x_unit} {label(x)}".replace("  ", " ") for x, y in points]
        picture.add(_series(line, where, tips, x_scale, y_scale))
    return picture


def category_chart(
    name: str,
    categories: Sequence[str],
    lines: Sequence[tuple[str, int, Sequence[float]]],
    *,
    x_title: str,
    y_title: str,
    log_y: bool = False,
    low: float | None = None,
) -> Element:
    """Draw lines over categories.

    Args:
        name: Accessible name.
        categories: Names of the categories.
        lines: Label, color and one value per category of each series; NaN for none.
        x_title: Title of the horizontal axis.
        y_title: Title of the vertical axis.
        log_y: Whether y is on a logarithmic scale.
        low: Lower end of the vertical axis.
    """
    step = (WIDTH - RIGHT - LEFT) / max(1, len(categories))
    places = [LEFT + (place + 0.5) * step for place in range(len(categories))]
    below = slant_height(categories) + 24 if is_slanted(categories, step) else BOTTOM
    floor = HEIGHT - BOTTOM
    values = [value for _, _, series in lines for value in series]
    y_scale = Scale.over(values, floor, TOP, logarithmic=log_y, low=low)
    picture = drawing(name, height=floor + below).add(
        value_axis(y_scale, y_title), category_axis(places, categories, x_title, y=floor)
    )
    for title, color, series in lines:
        shown = [
            (x, category, value)
            for x, category, value in zip(places, categories, series, strict=True)
            if _drawable((1.0, value), log_x=False, log_y=log_y)
        ]
        where = [(x, y_scale.at(value)) for x, _, value in shown]
        tips = [f"{title}: {label(value)} ({category})" for _, category, value in shown]
        picture.add(_series(Line(title, color, ()), where, tips, y_scale, y_scale))
    return picture


def _drawable(point: tuple[float, float], *, log_x: bool, log_y: bool) -> bool:
    x, y = point
    return math.isfinite(x) and math.isfinite(y) and (x > 0 or not log_x) and (y > 0 or not log_y)


def _series(
    line: Line, where: Sequence[tuple[float, float]], tips: Sequence[str], x_scale: Scale, y_scale: Scale
) -> Element:
    group = Element("g", class_=f"series c{line.color % COLORS}{' faint' if line.faint else ''}")
    if line.bands:
        band = [
            (x_scale.at(x), y_scale.at(low), y_scale.at(high))
            for (x, _), (low, high) in zip(line.points, line.bands, strict=True)
        ]
        upper = [(x, high) for x, _, high in band]
        group.add(_path([*upper, *((x, low) for x, low, _ in reversed(band))], "band"))
    every = max(1, math.ceil(len(where) / _MOST))
    thinned = [*where[:-1:every], *where[-1:]]
    if len(thinned) > 1:
        group.add(_path(thinned, "line"))
    if line.faint:
        return group
    marked = range(len(where)) if len(where) <= _MARKED else range(0, len(where), math.ceil(len(where) / _MARKED))
    return group.extend(mark(line.color, *where[place], tips[place]) for place in marked)


def _path(points: Sequence[tuple[float, float]], name: str) -> Element:
    steps = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return Element("polygon" if name == "band" else "polyline", points=steps, class_=name)


def mark(color: int, x: float, y: float, tip: str) -> Element:
    """Return the mark of a point: a circle, square, triangle or diamond by the color, with a tip."""
    shape = color % 4
    if shape == 0:
        return Element("circle", cx=x, cy=y, r=3.4, class_="mark", data_tip=tip)
    if shape == 1:
        return Element("rect", x=x - 3.1, y=y - 3.1, width=6.2, height=6.2, class_="mark", data_tip=tip)
    corners = ((0, -4.2), (4, 3.2), (-4, 3.2)) if shape == 2 else ((0, -4.4), (4.4, 0), (0, 4.4), (-4.4, 0))
    points = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners)
    return Element("polygon", points=points, class_="mark", data_tip=tip)
