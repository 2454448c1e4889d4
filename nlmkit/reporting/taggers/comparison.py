"""Section that ranks taggers, with paired significance, and their figures by type."""

from __future__ import annotations

from itertools import pairwise

from nlmkit.reporting.blocks import Block, Code, Column, Fold, Grid, Key, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import category_chart
from nlmkit.reporting.common.figures import between, figure, p_value, sign_test
from nlmkit.reporting.taggers.study import Reading, TaggerStudy
from nlmkit.taggers.report_parts import FIGURES

_TYPES = 20


def comparison(study: TaggerStudy) -> Section | None:
    """Return the ranking, the differences of adjacent taggers, and figures by type; None without sentences."""
    if not study.readings:
        return None
    ranked = sorted(study.readings, key=lambda reading: -reading.report.score)
    blocks: list[Block] = [_ranking(ranked)]
    if len(ranked) > 1:
        blocks.append(_differences(ranked))
    blocks += [Grid((_chart(study.readings),)), _by_type(study.readings)]
    signatures = [Code(each.report.signature, each.subject.name) for each in study.readings]
    blocks.append(Fold("Signatures: everything that the figures depend on", signatures))
    lead = (
        "F1 is the harmonic mean of precision (the share of predicted spans that are right) and recall (the share of "
        "the text's spans that were found); a span is right if both bounds and the type are. Accuracy counts tags. OOV "
        "figures are those of words that training lacked."
    )
    return Section(title="Comparison", lead=lead, blocks=tuple(blocks))


def _ranking(ranked: list[Reading]) -> Table:
    shown = [name for name in FIGURES if any(getattr(each.report, name) is not None for each in ranked)]
    first = "accuracy" if ranked[0].report.f1 is None else "f1"
    columns = [Column("Model"), Column("95 % interval", numeric=True)]
    columns += [Column(FIGURES[name][:1].upper() + FIGURES[name][1:], numeric=True) for name in shown]
    best = ranked[0].report.score
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            between(each.report.intervals.get(first)),
            *(
                figure(getattr(each.report, name), emphasis=name == first and each.report.score == best)
                for name in shown
            ),
        )
        for each in ranked
    )
    return Table(caption=f"Ranking by {FIGURES[first]}, whose interval is shown", columns=tuple(columns), rows=rows)


def _differences(ranked: list[Reading]) -> Table:
    columns = (
        Column("Better"),
        Column("Worse"),
        Column("Only the better has all tags right", numeric=True),
        Column("Only the worse has", numeric=True),
        Column("p", numeric=True),
    )
    rows: list[tuple[Value | str, ...]] = []
    for better, worse in pairwise(ranked):
        wins, losses = int((better.right & ~worse.right).sum()), int((worse.right & ~better.right).sum())
        names = (Value(each.subject.name, color=each.subject.color) for each in (better, worse))
        counts = (Value(f"{wins:,}", wins), Value(f"{losses:,}", losses))
        rows.append((*names, *counts, p_value(sign_test(wins, losses))))
    caption = "Each tagger against the next one, sentence by sentence: exact sign test"
    return Table(caption=caption, columns=columns, rows=tuple(rows), sortable=False)


def _types(readings: tuple[Reading, ...]) -> list[str]:
    """Return the types of all taggers, most frequent in the text first."""
    counts: dict[str, int] = {}
    for each in readings:
        for name, figures in each.report.by_type.items():
            counts[name] = max(counts.get(name, 0), figures.gold)
    return sorted(counts, key=lambda name: -counts[name])


def _chart(readings: tuple[Reading, ...]) -> Picture:
    names = _types(readings)[:_TYPES]
    lines = []
    for each in readings:
        found = each.report.by_type
        values = [found[name].f1 if name in found else float("nan") for name in names]
        lines.append((each.subject.name, each.subject.color, values))
    caption = "F1 by type, the most frequent first"
    drawing = category_chart(caption, names, lines, x_title="", y_title="F1", low=0.0)
    return Picture(
        caption=caption,
        drawing=drawing,
        legend=tuple(Key(each.subject.name, each.subject.color) for each in readings),
    )


def _by_type(readings: tuple[Reading, ...]) -> Table:
    columns = (
        Column("Type"),
        Column("Model"),
        Column("Precision", numeric=True),
        Column("Recall", numeric=True),
        Column("F1", numeric=True),
        Column("95 % interval", numeric=True),
        Column("In the text", numeric=True),
        Column("Predicted", numeric=True),
    )
    rows: list[tuple[Value | str, ...]] = []
    for name in _types(readings):
        for each in readings:
            found = each.report.by_type.get(name)
            if found is None:
                continue
            figures = (figure(found.precision, ".3f"), figure(found.recall, ".3f"), figure(found.f1, ".3f"))
            counts = (Value(f"{found.gold:,}", found.gold), Value(f"{found.predicted:,}", found.predicted))
            model = Value(each.subject.name, color=each.subject.color)
            rows.append((name, model, *figures, between(found.interval, ".3f"), *counts))
    return Table(caption="Figures by type", columns=columns, rows=tuple(rows))
