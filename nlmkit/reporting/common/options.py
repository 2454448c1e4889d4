"""Section with the resolved options of every model, and what its fit reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlmkit.core.component import Component
from nlmkit.core.parameters import to_json
from nlmkit.reporting.blocks import Block, Column, Fold, Panel, Panels, Paragraph, Section, Table, Value
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.study import Study

_LONGEST = 300  # characters of a value that are shown
_SHOWN_ELSEWHERE = frozenset({"history", "notes", "parameters_by_layer"})
_MOST_FACTS = 200
_FACTS = (Column("Fact"), Column("Value"))


def options(study: Study) -> Section:
    """Return a panel per model with its hyper-parameters, text pipeline and facts of its fit."""
    panels = tuple(
        Panel(
            subject.name,
            [block for name, model in with_members(subject) for block in _blocks(name, model)],
            subject.color,
        )
        for subject in study.subjects
    )
    lead = "The options that each model was fitted with, as resolved at that time; those that differ from the default "
    lead += "come first."
    return Section(title="Options", lead=lead, blocks=(Panels(label="Options by model", panels=panels),))


def _blocks(name: str, model: Component) -> list[Block]:
    declared = model.hyper_parameters()
    changed: list[tuple[str, ...]] = []
    unchanged: list[tuple[str, ...]] = []
    for option, value in model.params_as_json().items():
        row = (option, _text(value), _text(to_json(declared[option].default)))
        (unchanged if value == to_json(declared[option].default) else changed).append(row)
    columns = (Column("Option"), Column("Value"), Column("Default"))
    blocks: list[Block] = []
    title = f"{name} ({model.name})"
    if changed:
        caption = f"{title}: options that differ from their defaults"
        blocks.append(Table(caption=caption, columns=columns, rows=tuple(changed)))
    else:
        blocks.append(Paragraph(f"{title}: all options at their defaults"))
    if unchanged:
        rows = tuple(row[:2] for row in unchanged)
        table = Table(caption=f"{title}: options at their defaults", columns=columns[:2], rows=rows)
        blocks.append(Fold(f"{len(unchanged)} options at their defaults", [table]))
    pipeline = getattr(model, "pipeline_", None)
    facts: list[tuple[Value | str, ...]] = [] if pipeline is None else [("text pipeline", pipeline.signature)]
    facts += _facts("", {key: value for key, value in model.fit_report_.items() if key not in _SHOWN_ELSEWHERE})
    if facts:
        caption = f"{title}: facts of the fit"
        table = Table(caption=caption, columns=_FACTS, rows=tuple(facts[:_MOST_FACTS]))
        blocks.append(Fold("Facts of the fit", [table]))
    return blocks


def _facts(prefix: str, facts: Mapping[str, Any]) -> list[tuple[Value | str, ...]]:
    rows: list[tuple[Value | str, ...]] = []
    for name, value in facts.items():
        title = f"{prefix}{str(name).replace('_', ' ')}"
        rows += _facts(f"{title} › ", value) if isinstance(value, Mapping) and value else [(title, _text(value))]
    return rows


def _text(value: Any) -> str:
    text = _whole(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _whole(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        between = " | " if any(isinstance(item, (list, tuple)) for item in value) else " "
        return between.join(map(_whole, value))
    return _of_mapping(value) if isinstance(value, Mapping) else str(value)


def _of_mapping(value: Mapping[str, Any]) -> str:
    if "component" in value:
        return " ".join(str(value[key]) for key in ("component", "digest") if value.get(key))
    return ", ".join(f"{key} {_whole(item)}" for key, item in value.items())
