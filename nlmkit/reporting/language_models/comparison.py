"""Section with the ranking of language models, its significance, and signatures."""

from __future__ import annotations

from collections.abc import Iterator

from nlmkit.language_models.comparison import CONFIDENCE, Comparison, Difference, Ranked
from nlmkit.language_models.report import PerplexityReport
from nlmkit.reporting.blocks import Block, Code, Column, Fold, Note, Section, Table, Value
from nlmkit.reporting.language_models.study import LanguageModelStudy

_LEAST_P = 0.001


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
        blocks.append(_differences(found, colors))
    if found.refused:
        blocks.append(_refused(found, colors))
    blocks += [Note(note) for note in found.notes]
    blocks.append(Fold("Signatures: everything that the figures depend on", [*_signatures(found)]))
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
        yield "–" if row.interval is None else Value(_between(row.interval, ",.1f"), row.interval[0])
    yield Value(f"{report.bits_per_token:.3f}", report.bits_per_token)
    yield _figure(report.bits_per_character, ".3f")
    if any(each.report.oov for each in found.ranked):
        yield _figure(report.perplexity_excluding_oov, ",.2f")
        yield Value(f"{report.oov:,}", report.oov)
    for label in found.differing:
        value = getattr(report, label)
        yield {True: "yes", False: "no"}.get(value, str(value))


def _figure(value: float | None, form: str) -> Value:
    return Value("–") if value is None else Value(f"{value:{form}}", value)


def _differences(found: Comparison, colors: dict[str, int]) -> Table:
    columns = (
        Column("Better"),
        Column("Worse"),
        Column("Perplexity ratio", numeric=True),
        Column(f"{CONFIDENCE:.0%} interval", numeric=True),
        Column("p", numeric=True),
        Column("Sentences won : lost : tied", numeric=True),
    )
    caption = f"Each model against the next one: paired bootstrap and randomization of {found.samples:,} samples"
    rows = tuple(tuple(_difference(pair, colors)) for pair in found.differences)
    return Table(caption=caption, columns=columns, rows=rows, sortable=False)


def _difference(pair: Difference, colors: dict[str, int]) -> Iterator[Value | str]:
    yield Value(pair.better, color=colors[pair.better])
    yield Value(pair.worse, color=colors[pair.worse])
    yield "–" if pair.ratio is None else f"× {pair.ratio:.4f}"
    yield "–" if pair.interval is None else _between(pair.interval, ".4f")
    yield "–" if pair.p_value is None else f"< {_LEAST_P}" if pair.p_value < _LEAST_P else f"{pair.p_value:.3f}"
    yield f"{pair.wins:,} : {pair.losses:,} : {pair.ties:,}"


def _refused(found: Comparison, colors: dict[str, int]) -> Table:
    rows = tuple((Value(row.model, color=colors[row.model]), "; ".join(row.reasons)) for row in found.refused)
    return Table(caption="Not ranked", columns=(Column("Model"), Column("Reason")), rows=rows, sortable=False)


def _between(interval: tuple[float, float], form: str) -> str:
    return f"{interval[0]:{form}} – {interval[1]:{form}}"


def _signatures(found: Comparison) -> Iterator[Code]:
    reports: list[tuple[str, PerplexityReport | None]] = [(row.model, row.report) for row in found.ranked]
    reports += [(row.model, row.report) for row in found.refused]
    for name, report in reports:
        if report is not None:
            yield Code(report.signature, name)
