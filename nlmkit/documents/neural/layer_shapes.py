"""Shapes of the layers of a network over a text: positions, features, receptive fields, parameters.

This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

_HEAD: Final = ("layer", "positions", "features", "receptive field", "parameters")
_WHOLE: Final = "whole text"


@dataclasses.dataclass(frozen=True)
class LayerShape:
    """Output of a layer for a text of a given length.

    Attributes:
        name: Name of the layer.
        positions: Number of positions; 1 for what the whole text has once.
        features: Features per position.
        receptive_field: Tokens that one value depends on at most; None for the whole text.
        parameters: Trained parameters of the layer; None if unknown before a fit.
    """

    name: str
    positions: int
    features: int
    receptive_field: int | None
    parameters: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the attributes, JSON-ready."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return the shape in one line."""
        size = self.receptive_field
        field = _WHOLE if size is None else f"{size:,} token{'s' if size > 1 else ''}"
        count = "" if self.parameters is None else f", {self.parameters:,} parameters"
        return f"{self.positions:,} × {self.features:,}, receptive field {field}{count}"


@dataclasses.dataclass(frozen=True)
class LayerSummary:
    """Layers of a network from input to output; ``str`` gives a table.

    Attributes:
        length: Tokens of the text that the shapes are for.
        layers: The layers.
    """

    length: int
    layers: tuple[LayerShape, ...]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerShape]:
        return iter(self.layers)

    def as_json(self) -> dict[str, Any]:
        """Return length and layers, JSON-ready."""
        return {"length": self.length, "layers": [layer.as_json() for layer in self.layers]}

    def by_name(self) -> dict[str, str]:
        """Return one line per layer, by name."""
        return {layer.name: str(layer) for layer in self.layers}

    def __str__(self) -> str:
        rows = [_HEAD, *(_cells(layer) for layer in self.layers)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join([f"for a text of {self.length:,} tokens", *lines])


def _cells(layer: LayerShape) -> tuple[str, ...]:
    field = _WHOLE if layer.receptive_field is None else f"{layer.receptive_field:,}"
    count = "?" if layer.parameters is None else f"{layer.parameters:,}"
    return layer.name, f"{layer.positions:,}", f"{layer.features:,}", field, count


class ShapeTracer:
    """Positions and receptive field from layer to layer.

    Args:
        length: Tokens of the text.
    """

    def __init__(self, length: int) -> None:
        self.positions = length
        self.field: int | None = 1
        self.layers: list[LayerShape] = []
        self._stride = 1

    def windows(self, width: int, *, count: int = 1, stride: int = 1) -> None:
        """Pass ``count`` layers whose windows have a width, the first of them with a stride."""
        for number in range(count):
            if self.field is not None:
                self.field += (width - 1) * self._stride
            if number == 0 and stride == 2:
                self.halve()

    def halve(self) -> None:
        """Halve the positions, rounded up."""
        self.positions = (self.positions + 1) // 2
        self._stride *= 2

    def reach_all(self) -> None:
        """Let further values depend on the whole text."""
        self.field = None

    def add(self, name: str, features: int, parameters: int | None) -> None:
        """Append the layer with the present positions and field."""
        self.layers.append(LayerShape(name, self.positions, features, self.field, parameters))

    def add_once(self, name: str, features: int, parameters: int, *, positions: int = 1) -> None:
        """Append a layer of which each value depends on the whole text."""
        self.layers.append(LayerShape(name, positions, features, None, parameters))

    def add_windows(self, name: str, positions: int, features: int, width: int, parameters: int) -> None:
        """Append a layer over windows of the text that the next layer does not read."""
        self.layers.append(LayerShape(name, positions, features, width, parameters))
