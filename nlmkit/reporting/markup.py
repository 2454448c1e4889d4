"""Elements of SVG as a tree that escapes its texts and attributes when it is written."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from typing import Final, Self

from nlmkit.core.tables import visible

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class Element:
    """Element with attributes and children; text is escaped when the element is written.

    Args:
        tag: Name of the element.
        children: Elements and texts.
        attributes: Attributes; an underscore is a hyphen, a trailing one is dropped (``class_``), and None omits the
            attribute. Numbers are rounded to two decimals, since hundredths of a pixel are invisible.
    """

    def __init__(self, tag: str, *children: Element | str, **attributes: str | float | None) -> None:
        self._tag, self._children = _checked(tag), list(children)
        self._attributes = {
            _checked(name.rstrip("_").replace("_", "-")): value
            for name, value in attributes.items()
            if value is not None
        }

    def add(self, *children: Element | str) -> Self:
        """Append children, and return the element."""
        self._children += children
        return self

    def extend(self, children: Iterable[Element | str]) -> Self:
        """Append children from an iterable, and return the element."""
        return self.add(*children)

    def __html__(self) -> str:
        """Return the element as escaped markup, which templates insert unchanged."""
        attributes = "".join(f' {name}="{_value(value)}"' for name, value in self._attributes.items())
        inner = "".join(
            html.escape(visible(child)) if isinstance(child, str) else child.__html__() for child in self._children
        )
        return f"<{self._tag}{attributes}>{inner}</{self._tag}>"

    def __str__(self) -> str:
        return self.__html__()


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of an element or attribute")
    return name


def _value(value: str | float) -> str:
    return html.escape(visible(value)) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Return a coordinate with at most two decimals.

    Raises:
        ValueError: It is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"a coordinate cannot be {value}")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
