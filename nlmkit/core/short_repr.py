"""Short representations of large objects: formatted reports; arrays and long lists by dtype, shape and length."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Sized
from typing import Any

_FEW = 8  # items of a list that are shown
_LONGEST = 60  # characters of a value that are shown


class Rendered:
    """Report that ``print`` and notebooks show as returned by ``render``."""

    def render(self) -> str:
        """Format the report."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.render()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls._repr_pretty_ = Rendered._repr_pretty_  # type: ignore[method-assign]  # IPython prefers a class's own repr

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the report in IPython as the result of a cell."""
        printer.text(self.render())


def short_repr(holder: Any) -> str:
    """Return a one-line summary of a dataclass: ``Inspection(inputs=7 × str, log_probs=float64 [7])``."""
    fields = (f"{field.name}={_short(getattr(holder, field.name))}" for field in dataclasses.fields(holder))
    return f"{type(holder).__name__}({', '.join(fields)})"


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"{value.dtype} {list(shape)}" if shape else repr(value.item())
    if isinstance(value, Mapping):
        items = [f"{key}: {_short(item)}" for key, item in list(value.items())[:_FEW]]
        return "{" + ", ".join(items + ["…"] * (len(value) > _FEW)) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        kinds = {type(item) for item in value}
        if value and kinds <= {str, int, float, bool} and len(value) > 2:
            return f"{len(value)} × {'/'.join(sorted(kind.__name__ for kind in kinds))}"
        items = [_short(item) for item in value[:_FEW]]
        return "[" + ", ".join(items + ["…"] * (len(value) > _FEW)) + "]"
    text = repr(value)
    if len(text) > _LONGEST:
        return f"{type(value).__name__} of {len(value)}" if isinstance(value, Sized) else f"{text[:_LONGEST]}…"
    return text
