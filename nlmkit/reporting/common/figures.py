"""Cells of figures, intervals and p-values; and reading of files for studies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

from nlmkit.reporting.blocks import Value
from nlmkit.reporting.study import Files
from nlmkit.text import TextPipeline

_LEAST_P: Final = 0.001


def figure(value: float | None, form: str = ".4f", *, emphasis: bool = False) -> Value:
    """Return a number as a cell; a dash for None and NaN."""
    if value is None or math.isnan(value):
        return Value("–")
    return Value(f"{value:{form}}", float(value), emphasis=emphasis)


def between(interval: tuple[float, float] | None, form: str = ".4f") -> Value:
    """Return an interval as a cell."""
    return Value("–") if interval is None else Value(f"{interval[0]:{form}} to {interval[1]:{form}}", interval[0])


def p_value(p: float | None) -> Value:
    """Return a p-value as a cell; a dash for None."""
    if p is None:
        return Value("–")
    return Value(f"< {_LEAST_P}" if p < _LEAST_P else f"{p:.3f}", p)


def read_files(text: Files, read: Callable[..., Any], **own: Any) -> Any:
    """Read the files of a report with a kind's reader.

    Args:
        text: The files.
        read: Reader, such as ``LabelledTexts.read``.
        own: Further arguments of the reader.
    """
    decoding = text.decoded(TextPipeline(marks="literal")).decoding
    return read(list(text.names), **_layout(text), **own, **dataclasses.asdict(decoding))


def _layout(text: Files) -> dict[str, Any]:
    labels = {} if text.label_column is None else {"label_column": text.label_column}
    return labels if text.column is None else labels | {"text_column": text.column.name, "format": text.column.format}


def source_of(text: Any) -> str:
    """Return what a report calls a text: the names of files as they were given."""
    return ", ".join(text.names) if isinstance(text, Files) else "given in memory"
