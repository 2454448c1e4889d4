"""Charts of cells and bars: heat maps, and stacked horizontal bars of shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nlmkit.reporting.blocks import LEVELS
from nlmkit.reporting.charts.axes import CHARACTER, RIGHT, WIDTH, drawing
from nlmkit.reporting.markup import Element

_CELL = 15.0
_LONGEST = 22  # characters of a name that are shown


def level(value: float, low: float, high: float) -> int | None:
    """Return the shade of a value between two bounds; None for NaN."""
    if math.isnan(value):
        return None
    share = (value - low) / (high - low) if high > low else 0.0
    return min(LEVELS - 1, max(0, int(share * LEVELS)))


def heat_map(
    name: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    low: float,
    high: float,
    diverging: bool = False,
    tip: Callable[[str, str, float], str] = lambda row, column, value: f"{row}, {column}: {value:.3g}",
) -> Element:
    """Draw a matrix as shaded cells, with the names of columns slanted above.

    Args:
        name: Accessible name.
        rows: Names of the rows; empty strings for none.
        columns: Names of the columns.
        values: Value of each cell, [rows][columns]; NaN leaves it empty.
        low: Value of the palest shade, or of the first of the diverging scale.
        high: Value of the last shade.
        diverging: Whether the scale has two colors.
        tip: Function that returns the tip of a cell from its row, column and value.
    """
    rows, columns = [_short(row) for row in rows], [_short(column) for column in columns]
    left = 10 + max((len(row) for row in rows), default=0) * CHARACTER * 1.1
    top = 16 + max((len(column) for column in columns), default=0) * CHARACTER * 0.76
    right = RIGHT + (len(columns[-1]) * CHARACTER * 0.72 if columns else 0)
    width = max(WIDTH, left + right + 12 * len(columns))
    across = (width - left - right) / max(1, len(columns))
    down = min(_CELL, max(6.0, across)) if any(rows) else max(5.0, min(9.0, across))
    picture = drawing(name, width=width, height=top + down * len(rows) + 6)
    names = Element("g", class_="axis")
    for place, column in enumerate(columns):
        x = left + (place + 0.6) * across
        names.add(Element("text", column, x=x, y=top - 6, transform=f"rotate(-45 {x:.2f} {top - 6:.2f})"))
    picture.add(names)
    letter = "d" if diverging else "q"
    for line, (row, found) in enumerate(zip(rows, values, strict=True)):
        y = top + line * down
        if row:
            names.add(Element("text", row, x=left - 5, y=y + down / 2 + 4, text_anchor="end"))
        for place, (column, value) in enumerate(zip(columns, found, strict=True)):
            shade = level(value, low, high)
            if shade is not None:
                picture.add(
                    Element(
                        "rect",
                        x=left + place * across,
                        y=y,
                        width=across - 0.6,
                        height=down - 0.6,
                        class_=f"{letter}{shade}",
                        data_tip=tip(row, column, value),
                    )
                )
    return picture


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def stacked_bars(
    name: str,
    rows: Sequence[str],
    parts: Sequence[str],
    shares: Sequence[Sequence[float]],
    *,
    darkest_first: bool = False,
) -> Element:
    """Draw a horizontal bar of shares per row, the name of the row above it.

    Args:
        name: Accessible name.
        rows: Names of the rows.
        parts: Names of the parts, for tips; shaded from pale to dark in their order.
        shares: Shares of each row, [rows][parts], which sum to one.
        darkest_first: Whether parts are shaded from dark to pale.
    """
    height, left = 46.0, 4.0
    picture = drawing(name, height=height * len(rows) + 4)
    for line, (row, found) in enumerate(zip(rows, shares, strict=True)):
        top, x = line * height + 4, left
        picture.add(Element("text", row, x=left, y=top + 12, class_="name"))
        for place, (part, share) in enumerate(zip(parts, found, strict=True)):
            width = share * (WIDTH - RIGHT - left)
            shade = round(place * (LEVELS - 1) / max(1, len(parts) - 1))
            shade = LEVELS - 1 - shade if darkest_first else shade
            tip = f"{row}: {part} {share:.1%}"
            if width > 0:
                picture.add(
                    Element("rect", x=x, y=top + 18, width=width, height=20.0, class_=f"q{shade} edge", data_tip=tip)
                )
            text = f"{share:.0%}"
            if width > len(text) * CHARACTER + 6:
                place_x = x + width / 2
                picture.add(Element("text", text, x=place_x, y=top + 32, class_=f"t{shade}", text_anchor="middle"))
            x += width
    return picture
