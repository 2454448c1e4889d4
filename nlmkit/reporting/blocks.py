"""Blocks of a section: text, tables, pictures and shaded words, as data that the template writes.

Blocks hold plain strings, which the template escapes; nothing in a block is HTML, except pictures, which are elements
that escape themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from nlmkit.reporting.markup import Element

COLORS = 8
"""Number of colors, with a dash and a mark each; a ninth model has the first color again."""

LEVELS = 9
"""Number of shades: 0 to 8; of the diverging scale, 4 is the middle."""


@dataclasses.dataclass(frozen=True)
class Key:
    """Entry of a legend.

    Attributes:
        label: Text.
        color: Number of the color, as in charts.
    """

    label: str
    color: int


@dataclasses.dataclass(frozen=True)
class Value:
    """Cell of a table.

    Attributes:
        text: What is shown.
        sort: Number to sort by; None sorts by the text.
        color: Color of a mark before the text; None for no mark.
        emphasis: Whether the cell is emphasized, such as the best of its column.
    """

    text: str
    sort: float | None = None
    color: int | None = None
    emphasis: bool = False


@dataclasses.dataclass(frozen=True)
class Column:
    """Head of a column.

    Attributes:
        title: Text.
        numeric: Whether cells are aligned to the right.
        wraps: Whether cells may wrap inside words, such as digests.
    """

    title: str
    numeric: bool = False
    wraps: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """Table; the first cell of each row is its header.

    Attributes:
        caption: Caption, which names the table for screen readers.
        columns: Heads.
        rows: Cells of each row, strings or values.
        sortable: Whether readers can sort it by a column (with the page's script).
    """

    form: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value | str, ...], ...]
    sortable: bool = True

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of the table {self.caption!r} does not have {len(self.columns)} cells")


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Paragraph of text."""

    form: ClassVar[str] = "paragraph"
    text: str


@dataclasses.dataclass(frozen=True)
class Note:
    """Text that is set apart, such as a limit of what is shown."""

    form: ClassVar[str] = "note"
    text: str


@dataclasses.dataclass(frozen=True)
class Code:
    """One line of code or a signature."""

    form: ClassVar[str] = "code"
    text: str
    label: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picture:
    """Chart with its caption, legend and numbers.

    Attributes:
        caption: What the chart shows; also its accessible name.
        drawing: The element ``svg``, from ``charts``.
        legend: Colors and their labels; empty where one series needs none.
        numbers: The same as a table, folded below the chart.
        wide: Whether it takes the whole width on large screens.
    """

    form: ClassVar[str] = "picture"
    caption: str
    drawing: Element
    legend: tuple[Key, ...] = ()
    numbers: Table | None = None
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Shade:
    """Shaded cell of a word.

    Attributes:
        level: Shade, from 0 to ``LEVELS`` - 1; None for no shade.
        text: Short text in the cell, such as a number.
        tip: Longer text, shown under the pointer or at the keyboard's position.
    """

    level: int | None
    text: str
    tip: str = ""


@dataclasses.dataclass(frozen=True)
class Word:
    """Word with one shaded cell per model below it.

    Attributes:
        text: The word.
        shades: Cells; where there are none with a text, ``shade`` is that of the word itself.
        shade: Shade of the word itself.
    """

    text: str
    shades: tuple[Shade, ...] = ()
    shade: Shade | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShadedText:
    """Text of shaded words.

    Attributes:
        title: Heading, such as the place of the sentence.
        words: The words.
        rows: Legend of the cells below each word, in their order.
        scale: ``sequential`` or ``diverging``.
        about: Short text after the heading.
    """

    form: ClassVar[str] = "shaded"
    title: str
    words: tuple[Word, ...]
    rows: tuple[Key, ...] = ()
    scale: Literal["sequential", "diverging"] = "sequential"
    about: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """Legend of shades: what the palest and the darkest mean.

    Attributes:
        low: Meaning of level 0.
        high: Meaning of the last level.
        scale: ``sequential`` or ``diverging``.
    """

    form: ClassVar[str] = "scale"
    low: str
    high: str
    scale: Literal["sequential", "diverging"] = "sequential"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """List of short texts, such as samples.

    Attributes:
        items: The texts.
        ordered: Whether they are numbered.
    """

    form: ClassVar[str] = "listing"
    items: tuple[str, ...]
    ordered: bool = True


@dataclasses.dataclass(frozen=True)
class Panel:
    """Titled blocks, one of several.

    Attributes:
        title: Heading.
        blocks: Contents.
        color: Color of a mark before the heading.
    """

    title: str
    blocks: Sequence[Block]
    color: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panels:
    """Panels that the page's script turns into tabs; without it they follow each other.

    Attributes:
        label: Name of the group.
        panels: The panels.
    """

    form: ClassVar[str] = "panels"
    label: str
    panels: tuple[Panel, ...]


@dataclasses.dataclass(frozen=True)
class Fold:
    """Blocks behind a line that unfolds them."""

    form: ClassVar[str] = "fold"
    title: str
    blocks: Sequence[Block]


@dataclasses.dataclass(frozen=True)
class Grid:
    """Blocks beside each other where the screen is wide enough."""

    form: ClassVar[str] = "grid"
    blocks: Sequence[Block]


Block: TypeAlias = Table | Paragraph | Note | Code | Picture | ShadedText | Scale | Listing | Panels | Fold | Grid
"""What a section consists of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """Section of a report.

    Attributes:
        title: Heading.
        lead: One or two sentences on what the section shows and how to read it.
        blocks: Contents.
    """

    title: str
    lead: str
    blocks: tuple[Block, ...]
