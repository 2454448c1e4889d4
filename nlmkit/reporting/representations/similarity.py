"""Section with correlations to human judgements of similarity, and answers to analogies."""

from __future__ import annotations

from typing import Any

from nlmkit.reporting.blocks import Block, Column, Section, Table, Value
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.representations.study import RepresentationStudy
from nlmkit.representations.analogies import evaluate_analogies
from nlmkit.representations.report import evaluate

_HEAD = (Column("Representation"), Column("Set"))


def similarity(study: RepresentationStudy) -> Section | None:
    """Return the tables of scores; None if neither pairs nor analogies were given."""
    blocks: list[Block] = []
    if study.pairs:
        blocks.append(_similarities(study))
    if study.analogies:
        blocks.append(_analogies(study))
    if not blocks:
        return None
    lead = (
        "Spearman's correlation of cosines with human judgements, and the share of analogies (a is to b as c is to d) "
        "whose answer is the nearest word. Words that a representation lacks are left out: compare coverage, too."
    )
    return Section(title="Similarity and analogies", lead=lead, blocks=tuple(blocks))


def _similarities(study: RepresentationStudy) -> Table:
    columns = (
        *_HEAD,
        Column("Correlation", numeric=True),
        Column("95% interval", numeric=True),
        Column("Pairs covered", numeric=True),
    )
    rows: list[tuple[Value | str, ...]] = []
    for subject, model in zip(study.subjects, study.models, strict=True):
        study.stage(f"comparing similarities of {subject.name}")
        options: dict[str, Any] = {"samples": study.options.samples, "seed": study.options.seed}
        for row in evaluate(model, list(study.pairs), partial=True, **options).sets:
            covered = Value(f"{row.n:,} of {row.pairs:,}", row.n)
            name = Value(subject.name, color=subject.color)
            rows.append((name, row.name, figure(row.spearman, ".3f"), between(row.interval, ".3f"), covered))
    return Table(caption="Word similarity", columns=columns, rows=tuple(rows))


def _analogies(study: RepresentationStudy) -> Table:
    columns = (*_HEAD, Column("Section"), Column("Accuracy", numeric=True), Column("Questions covered", numeric=True))
    rows: list[tuple[Value | str, ...]] = []
    for subject, model in zip(study.subjects, study.models, strict=True):
        for questions in study.analogies:
            study.stage(f"analogies of {subject.name}")
            found = evaluate_analogies(model, questions)
            for row in (*found.sections, found.total):
                accuracy = figure(row.accuracy if row.n else None, ".1%")
                covered = Value(f"{row.n:,} of {row.questions:,}", row.n)
                rows.append((Value(subject.name, color=subject.color), found.name, row.name, accuracy, covered))
    return Table(caption="Analogies, by 3CosAdd", columns=columns, rows=tuple(rows))
