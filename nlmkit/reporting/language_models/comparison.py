"""Section with the ranking of language models, its significance, and signatures."""

from __future__ import annotations

from collections.abc import Iterator

from nlmkit.language_models.comparison import CONFIDENCE, Comparison, Ranked
from nlmkit.language_models.report import PerplexityReport
from nlmkit.reporting.blocks import Block, Code, Column, Note, Section, Table, Value
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.common.ranking import differences, signed
from nlmkit.reporting.language_models.study import LanguageModelStudy


def comparison(study: LanguageModelStudy) -> Section | None:
    """Return the ranking, the differences of adjacent models, and the signatures; None without a text."""
    found = study.comparison
    if found is None:
        return None
    colors = {subject.name: subject.color for subject in study.subjects}
    blocks: list[Block] = []
    if found.ranked:
        blocks.append(_ranking(found, colors))
    if found.differences:
        shown = ["–" if pair.ratio is None else f"× {pair.ratio:.4f}" for pair in found.differences]
        titles = "Perplexity ratio", "Sentences won : lost : tied"
        blocks.append(differences(found.differences, shown, colors, titles, form=".4f", samples=found.samples))
    if found.refused:
        blocks.append(_refused(found, colors))
    blocks += [Note(note) for note in found.notes]
    blocks.append(signed([*_signatures(found)]))
    lead = (
        "Perplexity is the inverse of the geometric mean of the probabilities of all events, words and one </s> per "
        "sentence: lower is better. Only models that predict the same events over the same vocabulary are ranked."
    )
    return Section(title="Comparison", lead=lead, blocks=tuple(blocks))


def _ranking(found: Comparison, colors: dict[str, int]) -> Table:
    has_interval = any(row.interval for row in found.ranked)
    columns = [Column("Model"), Column("Perplexity", numeric=True)]
    columns += [Column(f"{CONFIDENCE:.0%} interval", numeric=True)] if has_interval else []
    columns += [Column("Bits per token", numeric=True), Column("Bits per character", numeric=True)]
    if any(row.report.oov for row in found.ranked):
        columns += [Column("Perplexity without OOV", numeric=True), Column("OOV words", numeric=True)]
    columns += [Column(label.replace("_", " ").capitalize()) for label in found.differing]
    return Table(
        caption=f"Ranking on {found.ranked[0].report.events:,} events",
        columns=tuple(columns),
        rows=tuple(tuple(_row(row, found, colors, has_interval=has_interval)) for row in found.ranked),
    )


def _row(row: Ranked, found: Comparison, colors: dict[str, int], *, has_interval: bool) -> Iterator[Value | str]:
    report = row.report
    yield Value(row.model, color=colors[row.model])
    yield Value(f"{report.perplexity:,.2f}", report.perplexity, emphasis=row.rank == 1)
    if has_interval:
        yield between(row.interval, ",.1f")
    yield Value(f"{report.bits_per_token:.3f}", report.bits_per_token)
    yield figure(report.bits_per_character, ".3f")
    if any(each.report.oov for each in found.ranked):
        yield figure(report.perplexity_excluding_oov, ",.2f")
        yield Value(f"{report.oov:,}", report.oov)
    for label in found.differing:
        value = getattr(report, label)
        yield {True: "yes", False: "no"}.get(value, str(value))


def _refused(found: Comparison, colors: dict[str, int]) -> Table:
    rows = tuple((Value(row.model, color=colors[row.model]), "; ".join(row.reasons)) for row in found.refused)
    return Table(caption="Not ranked", columns=(Column("Model"), Column("Reason")), rows=rows, sortable=False)


def _signatures(found: Comparison) -> Iterator[Code]:
    reports: list[tuple[str, PerplexityReport | None]] = [(row.model, row.report) for row in found.ranked]
    reports += [(row.model, row.report) for row in found.refused]
    for name, report in reports:
        if report is not None:
            yield Code(report.signature, name)
