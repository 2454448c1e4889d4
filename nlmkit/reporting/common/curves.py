"""Section with learning curves, from the evaluations that each saved model keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nlmkit.reporting.blocks import Column, Grid, Key, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import Line, line_chart
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.study import Study
from nlmkit.training.metrics import perplexity_of

_LOGARITHMIC = ("perplexity", "loss")
_FIXED = frozenset({"step", "epoch", "loss", "seconds"})
"""Entries of a saved evaluation that are not metrics of the validation text."""


def curves(study: Study) -> Section | None:
    """Return a chart per metric; None if no model was trained in steps with evaluations."""
    found: dict[str, list[Line]] = {}
    shown: set[str] = set()
    for subject in study.subjects:
        for name, model in with_members(subject):
            history = model.fit_report_.get("history")
            digest = model.digest
            if not isinstance(history, list) or not history or digest in shown:
                continue
            shown.add(digest)
            for metric, line in _lines(name, subject.color, history):
                found.setdefault(metric, []).append(line)
    if not found:
        return None
    if "perplexity" in found:
        found.pop("loss", None)  # of which it is the exponential
    pictures = tuple(_picture(metric, lines) for metric, lines in found.items())
    lead = (
        "Each model on its validation text while it was trained. The thin line is the training text: where it falls "
        "while the other rises, the model learns its training text by heart."
    )
    return Section(title="Learning curves", lead=lead, blocks=(Grid(pictures),))


def _lines(name: str, color: int, history: Sequence[Mapping[str, Any]]) -> list[tuple[str, Line]]:
    metrics = dict.fromkeys(
        metric for each in history for metric, value in each.items() if metric not in _FIXED and _is_number(value)
    )
    lines = []
    training = [(each["epoch"], each["loss"]) for each in history if each.get("loss") is not None]
    if "perplexity" in metrics:
        lines.append(("perplexity", [(epoch, perplexity_of(loss)) for epoch, loss in training]))
    else:
        lines.append(("loss", training))
    found = [(metric, Line(f"{name}, training", color, points, faint=True)) for metric, points in lines if points]
    for metric in metrics:
        points = [(each["epoch"], each[metric]) for each in history if _is_number(each.get(metric))]
        found.append((metric, Line(name, color, points)))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _picture(metric: str, lines: Sequence[Line]) -> Picture:
    title = metric.replace("_", " ")
    values = [y for line in lines for _, y in line.points]
    drawing = line_chart(
        f"{title} by epoch",
        lines,
        x_title="epoch",
        y_title=title,
        log_y=metric in _LOGARITHMIC and min(values, default=0) > 0,
        x_unit="epoch",
    )
    rows = tuple((line.label, Value(f"{x:.3g}", x), Value(f"{y:.5g}", y)) for line in lines for x, y in line.points)
    columns = (Column("Series"), Column("Epoch", numeric=True), Column(title.capitalize(), numeric=True))
    caption = f"{title.capitalize()} by epoch"
    return Picture(
        caption=caption,
        drawing=drawing,
        legend=tuple(Key(line.label, line.color) for line in lines if not line.faint),
        numbers=Table(caption=caption, columns=columns, rows=rows),
    )
