"""Picture of what a recurrent language model does on a sentence: gates, states, and gradients by distance."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from nlmkit.errors import DataError
from nlmkit.plots.figure import check_plot, printable, save_figure
from nlmkit.plots.fonts import noted_drawing

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STEPS: Final = 60
"""Maximum number of steps drawn: the first ones."""

MOST_UNITS: Final = 64
"""Maximum number of units drawn of a layer: the first ones."""

_GATES: Final = frozenset({"input", "forget", "output", "reset", "update"})
"""Activations from 0 to 1; the others are drawn from −1 to 1, or to their largest value."""

_LONGEST: Final = 16  # characters of a word


class Inspected(Protocol):
    """The part of an inspection that is drawn; ``Inspection`` describes it."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input of each step."""
        ...

    @property
    def layers(self) -> tuple[Mapping[str, NDArray[np.float32]], ...]:
        """Activations by name for each layer: float32 [steps, units]."""
        ...

    def mean_gradient_norms(self) -> dict[str, NDArray[np.float64]]:
        """Return the norms of gradients by distance: float64 [layers, steps]."""
        ...


def plot_inspection(inspection: Inspected, path: str | os.PathLike[str], *, layer: int = -1, title: str = "") -> None:
    """Draw the activations of a layer as heat maps, a column per step and a row per unit, and gradients by distance.

    The last panel has the mean norm of the gradient of a loss with respect to the state some steps back, of each layer,
    on a logarithmic axis: how fast gradients vanish.

    Args:
        inspection: What ``inspect`` of a neural language model returns.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        layer: Number of the layer, from 0; -1 is the last.
        title: Title of the picture.

    Characters missing from all fonts are noted. Of long sentences the first 60 steps, of wide layers the first 64 units
    are drawn.

    Raises:
        DataError: There is no such layer; the file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    count = len(inspection.layers)
    if not -count <= layer < count:
        raise DataError(f"layer {layer} does not exist: the network has {count} layers, from 0")
    from matplotlib.figure import Figure

    found = inspection.layers[layer]
    words = [printable(word[:_LONGEST]) for word in inspection.inputs[:MOST_STEPS]]
    gradients = {name: norms for name, norms in inspection.mean_gradient_norms().items() if norms.size}
    heading = printable(title)
    with noted_drawing("".join([*words, heading]), Path(path), {"svg.hashsalt": "nlmkit"}):
        panels = len(found) + bool(gradients)
        size = (2.5 + 0.35 * max(len(words), 8), 1.0 + 2.2 * panels)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        axes = figure.subplots(panels, squeeze=False)[:, 0]
        for place, (name, values) in enumerate(found.items()):
            _draw_activations(figure, axes[place], name, values, words)
        if gradients:
            _draw_gradients(axes[-1], gradients)
        if heading:
            figure.suptitle(heading)
        save_figure(figure, path)


def _draw_activations(figure: Any, axes: Any, name: str, values: NDArray[np.float32], words: Sequence[str]) -> None:
    shown = values[: len(words), :MOST_UNITS].T
    largest = max(1.0, float(np.abs(shown).max(initial=0.0)))
    is_gate = name in _GATES
    options: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "Blues"} if is_gate else {"cmap": "RdBu_r"}
    if not is_gate:
        options |= {"vmin": -largest, "vmax": largest}
    picture = axes.imshow(shown, aspect="auto", interpolation="nearest", **options)
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    more = f" (of {values.shape[1]})" if values.shape[1] > MOST_UNITS else ""
    axes.set_ylabel(f"{name}\nunits{more}")
    figure.colorbar(picture, ax=axes, fraction=0.03, pad=0.01)


def _draw_gradients(axes: Any, gradients: Mapping[str, NDArray[np.float64]]) -> None:
    for name, norms in gradients.items():
        for number, row in enumerate(norms[:, :MOST_STEPS]):
            label = name if len(norms) == 1 else f"{name}, layer {number}"
            axes.plot(range(len(row)), np.where(row > 0, row, np.nan), marker="o", markersize=3, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("steps back")
    axes.set_ylabel("norm of the gradient")
    axes.grid(visible=True, which="both", linewidth=0.3)
    axes.legend(fontsize=8)
