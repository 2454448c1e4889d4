"""Section with gates, states and gradients of recurrent models over one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.base import LanguageModel
from nlmkit.reporting.blocks import Block, Grid, Key, Note, Panel, Panels, Picture, Scale, Section
from nlmkit.reporting.charts.cells import heat_map
from nlmkit.reporting.charts.lines import Line, category_chart, line_chart
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.language_models.sampling import drawn
from nlmkit.reporting.language_models.study import LanguageModelStudy
from nlmkit.text import EOS

if TYPE_CHECKING:
    from nlmkit.language_models.neural.inspection import Inspection

_GATES = ("input", "forget", "output", "reset", "update")
_STATES = ("cell", "hidden")
_UNITS = 24
_SHORTEST, _LONGEST = 8, 18


def gates(study: LanguageModelStudy) -> Section | None:
    """Return a panel per recurrent model, members of mixtures and caches included; None if there is none."""
    panels = []
    seen = set()
    for subject in study.subjects:
        for name, model in with_members(subject):
            if not isinstance(model, LanguageModel) or not hasattr(model, "inspect") or model.digest in seen:
                continue
            seen.add(model.digest)
            words = _sentence(study, model)
            if not words:
                continue
            inspection = model.inspect(words)
            if _remembers(inspection):
                panels.append(Panel(name, list(_blocks(inspection)), subject.color))
    if not panels:
        return None
    lead = (
        "The model reads one sentence word by word. Gates are open at 1 and closed at 0; states are those of the units "
        "that change most. The last chart shows how much a prediction depends on the state some words back."
    )
    return Section(title="Gates and gradients", lead=lead, blocks=(Panels(label="Models", panels=tuple(panels)),))


def _remembers(found: Inspection) -> bool:
    """Return whether a prediction depends on an earlier state, which that of a feed-forward network does not."""
    return any(bool((np.nan_to_num(norms[:, :, 1:]) > 0).any()) for norms in found.gradient_norms.values())


def _sentence(study: LanguageModelStudy, model: LanguageModel) -> list[str]:
    """Return a drawn sentence of the text, or without a text one that the model produces."""
    for reading in study.readings:
        if reading.corpus.tokenization == model.tokenization_:
            lengths = np.diff(reading.corpus.offsets)
            numbers = np.flatnonzero((lengths >= _SHORTEST) & (lengths <= _LONGEST))
            numbers = numbers if len(numbers) else np.flatnonzero(lengths > 0)
            for number in drawn(numbers, 1, study.options.seed).tolist():
                return reading.corpus.sentence(number)[:_LONGEST]
    seeds = range(study.options.seed, study.options.seed + 20)
    found = (model.generate(max_tokens=_LONGEST, seed=seed) for seed in seeds)
    return next((words for words in found if words), [])


def _blocks(found: Inspection) -> Iterator[Block]:
    words = list(found.inputs)
    yield Note(f"Sentence: {' '.join(word for word in words if word != EOS)}")
    pictures = []
    for number, layer in enumerate(found.layers, 1):
        which = f", layer {number}" if len(found.layers) > 1 else ""
        if (picture := _gates(layer, words, which)) is not None:
            pictures.append(picture)
        pictures += [
            _states(layer[name], words, f"{name.capitalize()} state{which}") for name in _STATES if name in layer
        ]
    if (gradients := _gradients(found)) is not None:
        pictures.append(gradients)
    yield Scale(low="States: most negative", high="most positive", scale="diverging")
    yield Grid(tuple(pictures))


def _gates(layer: Any, words: list[str], which: str) -> Picture | None:
    lines = [
        (name, color, layer[name].mean(axis=1).astype(float).tolist())
        for color, name in enumerate(each for each in _GATES if each in layer)
    ]
    if not lines:
        return None
    caption = f"Mean activation of the gates{which}"
    drawing = category_chart(caption, words, lines, x_title="word read", y_title="activation", low=0.0)
    return Picture(caption=caption, drawing=drawing, legend=tuple(Key(name, color) for name, color, _ in lines))


def _states(states: NDArray[np.float32], words: list[str], caption: str) -> Picture:
    units = np.sort(np.argsort(-states.std(axis=0), kind="stable")[:_UNITS])
    values = states[:, units].T.astype(float)
    bound = float(np.abs(values).max(initial=1e-9))
    drawing = heat_map(
        f"{caption} of {len(units)} of {states.shape[1]} units over the sentence",
        [str(unit) for unit in units.tolist()],
        words,
        values.tolist(),
        low=-bound,
        high=bound,
        diverging=True,
        tip=lambda row, column, value: f"unit {row} after {column}: {value:.2f}",
    )
    return Picture(caption=f"{caption}: the {len(units)} units that change most, of {states.shape[1]}", drawing=drawing)


def _gradients(found: Inspection) -> Picture | None:
    lines: list[Line] = []
    for name, norms in found.mean_gradient_norms().items():
        for layer, values in enumerate(norms.tolist(), 1):
            title = f"{name}, layer {layer}" if len(norms) > 1 else name
            lines.append(Line(title, len(lines), [(float(step), value) for step, value in enumerate(values)]))
    if not lines or not any(value > 0 for line in lines for _, value in line.points):
        return None
    caption = "Norm of the gradient by distance"
    drawing = line_chart(caption, lines, x_title="words back", y_title="mean norm", log_y=True, x_unit="distance")
    return Picture(caption=caption, drawing=drawing, legend=tuple(Key(line.label, line.color) for line in lines))
