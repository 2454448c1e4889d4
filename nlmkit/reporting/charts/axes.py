"""Scales, ticks and the frame of a chart."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

from nlmkit.reporting.markup import Element

WIDTH: Final = 380.0
HEIGHT: Final = 250.0
LEFT: Final = 58.0
RIGHT: Final = 12.0
TOP: Final = 12.0
BOTTOM: Final = 46.0

CHARACTER: Final = 6.8  # mean width of a character at the size of labels
_STEPS: Final = (1, 2, 2.5, 5, 10)


@dataclasses.dataclass(frozen=True)
class Scale:
    """Map from values to coordinates.

    Attributes:
        low: Value at ``start``.
        high: Value at ``end``.
        start: Coordinate of the lowest value.
        end: Coordinate of the highest value.
        logarithmic: Whether distances are those of logarithms.
        whole: Whether all values are whole numbers, so that ticks are, too.
        step: Distance between ticks; None for one that suits the ends.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False
    whole: bool = False
    step: float | None = None

    def at(self, value: float) -> float:
        """Return the coordinate of a value, clipped to the scale."""
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(max(value, self.low) if self.logarithmic else value) - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    @classmethod
    def over(
        cls,
        values: Sequence[float],
        start: float,
        end: float,
        *,
        logarithmic: bool = False,
        low: float | None = None,
        high: float | None = None,
    ) -> Scale:
        """Return a scale that covers finite values, with round ends; a logarithmic one ignores values up to zero.

        Args:
            values: The values.
            start: Coordinate of the lowest value.
            end: Coordinate of the highest value.
            logarithmic: Whether the scale is logarithmic.
            low: Fixed lower end.
            high: Fixed upper end.
        """
        found = [value for value in values if math.isfinite(value) and (value > 0 or not logarithmic)] or [1.0]
        least = min(found) if low is None else low
        most = max(found) if high is None else high
        if logarithmic:
            least, most = (least, most) if most > least * 1.0001 else (least / 2, most * 2)
            pad = (most / least) ** 0.04
            return cls(
                least / pad if low is None else low, most * pad if high is None else high, start, end, logarithmic=True
            )
        if most - least <= 1e-9 * max(abs(least), abs(most), 1e-9):
            least, most = least - (abs(least) / 2 or 1), most + (abs(most) / 2 or 1)
        if all(float(value).is_integer() for value in found):
            return cls(least, most, start, end, whole=True)
        step = _step(least, most)
        floor = math.floor(least / step + 1e-9) * step if low is None else low
        ceiling = math.ceil(most / step - 1e-9) * step if high is None else high
        return cls(floor, ceiling, start, end, step=step)

    @property
    def ticks(self) -> list[float]:
        """Round values to label, four to eight of them."""
        if not self.logarithmic:
            step = self.step or _step(self.low, self.high)
            step = math.ceil(step) if self.whole else step
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            return [number * step for number in range(first, last + 1)]
        for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
            found = [
                digit * 10.0**power
                for power in range(math.floor(math.log10(self.low)) - 1, math.ceil(math.log10(self.high)) + 1)
                for digit in digits
                if self.low <= digit * 10.0**power <= self.high
            ]
            if len(found) >= 4:
                break
        else:
            if len(found) < 3:  # less than a factor of two: steps as on a linear scale
                return Scale(self.low, self.high, self.start, self.end).ticks
        return found[:: math.ceil(len(found) / 8)]


def _step(low: float, high: float) -> float:
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in _STEPS if step * power >= rough * 0.999) * power


def label(value: float) -> str:
    """Return the label of a tick or value, such as 0.25, 1,500, 20k, 3M or 2e-07."""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if size >= limit:
            divisor = 1e6 if unit == "M" else 1e3
            return f"{value / divisor:,.1f}".removesuffix(".0") + unit
    digits = 4 if size < 10 else 2
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if value else "0"


def drawing(name: str, *, height: float = HEIGHT, width: float = WIDTH) -> Element:
    """Return an empty picture with an accessible name."""
    view = f"0 0 {width:g} {height:g}"
    return Element("svg", viewBox=view, role="img", aria_label=name, class_="chart", focusable="false")


def value_axis(scale: Scale, title: str, *, right: float = WIDTH - RIGHT) -> Element:
    """Return the vertical axis with its grid lines and labels, and the title beside it."""
    group = Element("g", class_="axis")
    for tick in scale.ticks:
        y = scale.at(tick)
        group.add(
            Element("line", x1=LEFT, x2=right, y1=y, y2=y, class_="grid"),
            Element("text", label(tick), x=LEFT - 6, y=y + 4, text_anchor="end"),
        )
    middle = (scale.start + scale.end) / 2
    return group.add(
        Element("text", title, transform=f"rotate(-90 12 {middle:g})", x=12.0, y=middle, text_anchor="middle")
    )


def number_axis(scale: Scale, title: str, *, y: float) -> Element:
    """Return the horizontal axis of numbers at a height, with its title below."""
    group = Element("g", Element("line", x1=scale.start, x2=scale.end, y1=y, y2=y, class_="base"), class_="axis")
    for tick in scale.ticks:
        x = scale.at(tick)
        group.add(
            Element("line", x1=x, x2=x, y1=y, y2=y + 4, class_="base"),
            Element("text", label(tick), x=x, y=y + 17, text_anchor="middle"),
        )
    return group.add(Element("text", title, x=(scale.start + scale.end) / 2, y=y + 36, text_anchor="middle"))


def category_axis(places: Sequence[float], names: Sequence[str], title: str, *, y: float) -> Element:
    """Return the horizontal axis of categories; names are slanted where they would touch.

    Args:
        places: Coordinates.
        names: Names, one per place.
        title: Title below the axis.
        y: Height of the axis.
    """
    group = Element("g", Element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="base"), class_="axis")
    distance = places[1] - places[0] if len(places) > 1 else WIDTH
    slanted = is_slanted(names, distance)
    for x, name in zip(places, names, strict=True):
        turn = f"rotate(-35 {x:.2f} {y + 14:.2f})" if slanted else None
        anchor = "end" if slanted else "middle"
        group.add(Element("text", name, x=x, y=y + (14 if slanted else 17), text_anchor=anchor, transform=turn))
    below = slant_height(names) if slanted else 20
    return group.add(
        Element("text", title, x=(LEFT + WIDTH - RIGHT) / 2, y=y + below + 16, text_anchor="middle") if title else ""
    )


def is_slanted(names: Sequence[str], distance: float) -> bool:
    """Return whether names are too long for the distance between them."""
    return max((len(name) for name in names), default=0) * CHARACTER > distance - 10


def slant_height(names: Sequence[str]) -> float:
    """Return the height of slanted names."""
    return 14 + max((len(name) for name in names), default=0) * CHARACTER * 0.58
