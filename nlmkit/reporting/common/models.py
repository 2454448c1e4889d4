"""Section with the models of a report: component, size, digest, and parameters by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nlmkit.core.component import Component
from nlmkit.reporting.blocks import Block, Column, Fold, Grid, Note, Section, Table, Value
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.study import Study

_COLUMNS = (
    Column("Model"),
    Column("Component"),
    Column("Vocabulary", numeric=True),
    Column("Size"),
    Column("Digest", wraps=True),
)


def models(study: Study) -> Section:
    """Return the table of models, and below it what they consist of."""
    rows = tuple(
        (
            Value(subject.name, color=subject.color),
            subject.model.name,
            _vocabulary(subject.model),
            _size(subject.model),
            subject.model.digest,
        )
        for subject in study.subjects
    )
    blocks: list[Block] = [Table(caption="Models of this report", columns=_COLUMNS, rows=rows)]
    parts = [
        table for subject in study.subjects for name, model in with_members(subject) for table in _parts(name, model)
    ]
    if parts:
        blocks.append(Fold("Parameters, n-grams and weights", [Grid(parts)]))
    for subject in study.subjects:
        notes = subject.model.fit_report_.get("notes")
        if isinstance(notes, list):
            blocks += [Note(f"{subject.name}: {note}") for note in notes]
    lead = "The digest identifies a fitted model: equal digests mean equal options, weights and vocabulary."
    return Section(title="Models", lead=lead, blocks=tuple(blocks))


def _vocabulary(model: Component) -> Value:
    vocabulary = getattr(model, "vocabulary_", None)
    return Value("–") if vocabulary is None else Value(f"{len(vocabulary):,}", len(vocabulary))


def _size(model: Component) -> Value:
    report = model.fit_report_
    if isinstance(parameters := report.get("parameters"), int):
        return Value(f"{parameters:,} parameters", parameters)
    ngrams = report.get("ngrams")
    if isinstance(ngrams, list) and all(isinstance(count, int) for count in ngrams):
        return Value(f"{sum(ngrams):,} n-grams", sum(ngrams))
    weights = report.get("weights")
    if isinstance(weights, list) and isinstance(names := report.get("models"), list):
        return Value(" + ".join(f"{weight:.3f} {name}" for weight, name in zip(weights, names, strict=False)))
    return Value("–")


def _parts(name: str, model: Component) -> Iterator[Table]:
    """Yield tables of a model's parameters by layer, n-grams by order, or weights of members."""
    report = model.fit_report_
    layers = report.get("parameters_by_layer")
    if isinstance(layers, Mapping) and layers:
        total = sum(layers.values())
        yield _counted(f"{name}: parameters by layer", "Layer", "Parameters", layers, total)
    ngrams = report.get("ngrams")
    if isinstance(ngrams, list) and ngrams:
        orders = {f"{order}-grams": count for order, count in enumerate(ngrams, 1)}
        yield _counted(f"{name}: n-grams by order", "Order", "N-grams", orders, sum(ngrams))
    weights, names = report.get("weights"), report.get("models")
    if isinstance(weights, list) and isinstance(names, list) and len(weights) == len(names):
        alone = report.get("validation_perplexity_alone")
        columns = [Column("Member"), Column("Weight", numeric=True)]
        rows: list[tuple[Value | str, ...]] = [
            (member, Value(f"{weight:.4f}", weight)) for member, weight in zip(names, weights, strict=True)
        ]
        if isinstance(alone, list) and len(alone) == len(rows) and None not in alone:
            columns.append(Column("Validation perplexity alone", numeric=True))
            rows = [(*row, Value(f"{value:.2f}", value)) for row, value in zip(rows, alone, strict=True)]
        yield Table(caption=f"{name}: weights", columns=tuple(columns), rows=tuple(rows))


def _counted(caption: str, what: str, unit: str, counts: Mapping[str, Any], total: int) -> Table:
    return Table(
        caption=caption,
        columns=(Column(what), Column(unit, numeric=True), Column("Share", numeric=True)),
        rows=tuple(
            (part, Value(f"{count:,}", count), Value(f"{count / max(1, total):.1%}", count))
            for part, count in counts.items()
        ),
    )
