"""Section with the errors of taggers: what was taken for what, and the most frequent ones with examples."""

from __future__ import annotations

import math

from nlmkit.reporting.blocks import Block, Column, Note, Panel, Panels, Picture, Scale, Section, Table, Value
from nlmkit.reporting.charts.cells import heat_map
from nlmkit.reporting.taggers.study import Reading, TaggerStudy

_TAGS = 40
_ERRORS = 25


def errors(study: TaggerStudy) -> Section | None:
    """Return confusion and errors of each tagger; None without sentences."""
    if not study.readings:
        return None
    panels = tuple(Panel(each.subject.name, _of(each), color=each.subject.color) for each in study.readings)
    lead = (
        "Rows are the tags of the text, columns the predicted ones; a shade is the share of the row's wrong tokens. "
        "Below are the most frequent errors, with the first example of each: brackets mark spans."
    )
    return Section(title="Errors", lead=lead, blocks=(Panels(label="Taggers", panels=panels),))


def _of(reading: Reading) -> list[Block]:
    report = reading.report
    counts = report.confusion
    order = sorted(range(len(report.tags)), key=lambda place: -int(counts[place].sum()))[:_TAGS]
    names = [report.tags[place] for place in order]
    totals = counts.sum(axis=1)
    shares = [
        [float(counts[row, column]) / max(1, int(totals[row])) if row != column else float("nan") for column in order]
        for row in order
    ]
    largest = max((share for row in shares for share in row if not math.isnan(share)), default=0.0) or 1.0
    caption = f"{reading.subject.name}: tags taken for others"
    drawing = heat_map(
        caption,
        names,
        names,
        shares,
        low=0.0,
        high=largest,
        tip=lambda row, column, share: f"{row} predicted as {column}: {share:.1%}",
    )
    blocks: list[Block] = [
        Picture(caption=caption, drawing=drawing, wide=len(names) > _TAGS // 2),
        Scale(low="0 %", high=f"{largest:.1%} of the tokens with a tag"),
    ]
    if len(report.tags) > len(order):
        blocks.append(Note(f"The {len(order)} most frequent of {len(report.tags)} tags are drawn."))
    return [*blocks, _table(reading)]


def _table(reading: Reading) -> Table:
    columns = (
        Column("Error"),
        Column("In the text"),
        Column("Predicted"),
        Column("Count", numeric=True),
        Column("Example"),
        Column("As predicted"),
    )
    rows = tuple(
        (
            each.kind,
            each.gold or "–",
            each.predicted or "–",
            Value(f"{each.count:,}", each.count),
            each.examples[0].gold if each.examples else "–",
            each.examples[0].predicted if each.examples else "–",
        )
        for each in reading.report.errors[:_ERRORS]
    )
    return Table(caption="Most frequent errors" if rows else "No error", columns=columns, rows=rows)
