"""Charts: scales and ticks, coordinates inside the picture, escaping, and values that cannot be drawn."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.core.tables import visible
from nlmkit.reporting.charts.axes import HEIGHT, WIDTH, Scale, category_axis, is_slanted, label
from nlmkit.reporting.charts.cells import heat_map, level, stacked_bars
from nlmkit.reporting.charts.lines import Line, category_chart, line_chart
from nlmkit.reporting.markup import Element, number

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)
POSITIVE = st.floats(1e-12, 1e12)


def parsed(element: Element) -> ET.Element:
    return ET.fromstring(str(element))


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_a_linear_scale_covers_its_values_with_a_few_round_ticks(values: list[float]) -> None:
    scale = Scale.over(values, 10.0, 110.0)
    assert all(10.0 <= scale.at(value) <= 110.0 for value in values)
    assert 2 <= len(scale.ticks) <= 9
    assert scale.ticks == sorted(scale.ticks)
    assert scale.at(max(values)) >= scale.at(min(values))


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_a_logarithmic_scale_covers_its_values(values: list[float]) -> None:
    scale = Scale.over([*values, 0.0, -1.0, math.nan], 0.0, 100.0, logarithmic=True)
    assert all(0.0 <= scale.at(value) <= 100.0 for value in values)
    assert 1 <= len(scale.ticks) <= 9
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    assert scale.at(0.0) == 0.0


def test_positions_on_scales() -> None:
    assert Scale(0.0, 10.0, 100.0, 0.0).at(2.5) == 75.0
    assert Scale(1.0, 100.0, 0.0, 100.0, logarithmic=True).at(10.0) == pytest.approx(50.0)
    assert Scale.over([0, 9], 0.0, 90.0).ticks == [0, 3, 6, 9]
    assert Scale.over([0.0, 0.9], 0.0, 90.0).ticks == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert Scale.over([1.5, 5.2], 0.0, 90.0).ticks == [1, 2, 3, 4, 5, 6]
    assert Scale.over([1, 1000], 0.0, 1.0, logarithmic=True).ticks == [1, 10, 100, 1000]
    assert Scale.over([5.0], 0.0, 1.0).at(5.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (1500, "1,500"),
        (20_000, "20k"),
        (3e6, "3M"),
        (2e-7, "2e-7"),
        (-12.5, "-12.5"),
        (4e12, "4e12"),
    ],
)
def test_labels(value: float, text: str) -> None:
    assert label(value) == text


def test_numbers_of_coordinates() -> None:
    assert [number(value) for value in (1.0, 0.126, -0.001, 12.5)] == ["1", "0.13", "0", "12.5"]
    with pytest.raises(ValueError, match="nan"):
        number(math.nan)


def test_text_and_attributes_are_escaped_and_names_are_checked() -> None:
    element = Element("text", "<b>&\u202e", data_tip='"><script>', class_="a", x=None)
    assert str(element) == '<text data-tip="&quot;&gt;&lt;script&gt;" class="a">&lt;b&gt;&amp;\\u202e</text>'
    with pytest.raises(ValueError, match="cannot be the name"):
        Element("text onload=x")
    assert visible("a\udcffb\x00") == r"a\udcffb\x00"


def test_a_line_has_a_mark_with_a_tip_per_point() -> None:
    lines = [Line("<a>", 0, [(0, 1.0), (1, math.nan), (2, 3.0), (3, math.inf)]), Line("b", 1, [(0, 2.0)], faint=True)]
    picture = parsed(line_chart("name", lines, x_title="x", y_title="y", x_unit="step"))
    assert picture.get("aria-label") == "name"
    assert [mark.get("data-tip") for mark in picture.iter("circle")] == ["<a>: 1 at step 0", "<a>: 3 at step 2"]
    assert not list(picture.iter("rect"))


def test_a_ninth_line_has_the_first_color_again() -> None:
    chart = str(line_chart("name", [Line("a", 8, [(0, 1.0), (1, 2.0)])], x_title="x", y_title="y"))
    assert 'class="series c0"' in chart


def test_every_coordinate_is_inside_the_picture() -> None:
    points = [(float(x), 10.0 ** (x % 5)) for x in range(1, 700)]
    chart = line_chart(
        "n", [Line("a", 2, points), Line("b", 3, points[:5], bands=[(1.0, 9.0)] * 5)],
        x_title="x", y_title="y", log_x=True, log_y=True, diagonal=True,
    )  # fmt: skip
    picture = parsed(chart)
    for shape in (*picture.iter("polyline"), *picture.iter("polygon")):
        for pair in (shape.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert -5 <= x <= WIDTH + 5
            assert -5 <= y <= HEIGHT + 5
    (longest, *_) = sorted((len((line.get("points") or "").split()) for line in picture.iter("polyline")), reverse=True)
    assert longest <= 301
    assert len(list(picture.iter("polygon"))) < 60


def test_categories_are_slanted_where_they_would_touch() -> None:
    assert not is_slanted(["1", "2"], 40)
    assert is_slanted(["1,000–9,999"] * 2, 40)
    assert "rotate(-35" in str(category_axis([10.0, 20.0], ["long name", "b"], "", y=5.0))
    chart = category_chart("n", ["a", "b"], [("m", 1, [1.0, math.nan])], x_title="x", y_title="y", low=0.0)
    assert [mark.get("data-tip") for mark in parsed(chart).iter("rect")] == ["m: 1 (a)"]


def test_a_heat_map_has_a_cell_per_value() -> None:
    picture = parsed(heat_map("n", ["r", "s"], ["a", "b" * 40], [[0.0, 1.0], [math.nan, 0.5]], low=0.0, high=1.0))
    assert [cell.get("class") for cell in picture.iter("rect")] == ["q0", "q8", "q4"]
    assert next(cell.get("data-tip") for cell in picture.iter("rect")) == "r, a: 0"
    narrow = parsed(heat_map("n", [""], ["a"], [[-1.0]], low=-1.0, high=1.0, diverging=True))
    assert next(narrow.iter("rect")).get("class") == "d0"


@given(st.floats(0, 1), st.floats(0, 1))
def test_levels_do_not_fall(one: float, two: float) -> None:
    shades = [level(value, 0.0, 1.0) for value in sorted((one, two))]
    assert 0 <= shades[0] <= shades[1] <= 8  # type: ignore[operator]
    assert level(math.nan, 0.0, 1.0) is None
    assert level(3.0, 1.0, 1.0) == 0


def test_bars_are_as_long_as_their_shares() -> None:
    picture = parsed(stacked_bars("n", ["row"], ["a", "b", "c"], [[0.5, 0.25, 0.25]]))
    widths = [float(bar.get("width") or 0) for bar in picture.iter("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.02)
    assert [text.text for text in picture.iter("text")] == ["row", "50%", "25%", "25%"]
    dark = stacked_bars("n", ["row"], ["a", "b", "c"], [[0.5, 0.5, 0.0]], darkest_first=True)
    assert re.findall(r'class="(q\d)', str(dark)) == ["q8", "q4"]
