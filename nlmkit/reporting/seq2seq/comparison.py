"""Section with the scores of sequence-to-sequence models, by length of the source, and example predictions."""

from __future__ import annotations

import numpy as np

from nlmkit.reporting.blocks import Block, Code, Column, Grid, Key, Note, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import category_chart
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.common.ranking import in_order, section
from nlmkit.reporting.seq2seq.study import Reading, SequenceToSequenceStudy

_BANDS = 6
_EXAMPLES = 20


def comparison(study: SequenceToSequenceStudy) -> Section | None:
    """Return the scores and the length ratio by length of the source; None without pairs."""
    found = study.comparison
    if found is None:
        return None
    columns = (
        Column("Model"),
        Column("BLEU", numeric=True),
        Column("95% interval", numeric=True),
        Column("chrF", numeric=True),
        Column("Length ratio", numeric=True),
        Column("Exact matches", numeric=True),
        Column("Perplexity", numeric=True),
        Column("Unfinished", numeric=True),
        Column("<unk>", numeric=True),
    )
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            figure(each.report.bleu, ".2f", emphasis=row.rank == 1),
            between(row.interval, ".2f"),
            figure(each.report.chrf, ".2f"),
            figure(each.report.length_ratio, ".3f"),
            figure(each.report.exact_match, ".1%"),
            figure(each.report.perplexity, ",.2f"),
            Value(f"{each.report.unfinished:,}", each.report.unfinished),
            Value(f"{each.report.unknown:,}", each.report.unknown),
        )
        for row, each in in_order(found, study.readings)
    )
    table = Table(caption=f"Ranking on {found.items:,} sources", columns=columns, rows=rows)
    notes = dict.fromkeys(note for each in study.readings for note in each.report.figures.notes)
    more: list[Block] = [_lengths(study), *map(Note, notes)]
    signatures = [
        Code(signature, each.subject.name)
        for each in study.readings
        for signature in (each.report.figures.bleu_signature, each.report.figures.chrf_signature, each.report.signature)
    ]
    lead = (
        "BLEU and chrF, by sacrebleu, compare predictions with all targets of a source: higher is better. The length "
        "ratio is below one where predictions are too short. Perplexity is that of the targets."
    )
    return section(found, study.readings, table, *more, title="BLEU", form=".2f", lead=lead, signatures=signatures)


def _lengths(study: SequenceToSequenceStudy) -> Grid:
    """Return the length ratio by the length of the targets, in characters."""
    targets = np.array([np.mean([len(target) for target in own]) for own in study.references])
    order = np.argsort(targets, kind="stable")
    parts = [part for part in np.array_split(order, min(_BANDS, len(order))) if len(part)]
    names = [f"{targets[part].min():.0f}–{targets[part].max():.0f}" for part in parts]
    lines = []
    for each in study.readings:
        lengths = np.array([len(text) for text in each.report.predictions], np.float64)
        values = [float(lengths[part].sum() / max(1.0, targets[part].sum())) for part in parts]
        lines.append((each.subject.name, each.subject.color, values))
    caption = "Characters of predictions divided by those of targets, by length of the target"
    drawing = category_chart(caption, names, lines, x_title="characters of the target", y_title="length ratio", low=0.0)
    legend = tuple(Key(each.subject.name, each.subject.color) for each in study.readings)
    return Grid((Picture(caption=caption, drawing=drawing, legend=legend),))


def examples(study: SequenceToSequenceStudy) -> Section | None:
    """Return sources with their targets and predictions; None without pairs."""
    if not study.readings:
        return None
    sources = study.sources
    places = list(range(0, len(sources), max(1, len(sources) // _EXAMPLES)))[:_EXAMPLES]
    columns = (Column("Source"), Column("Target"), *(Column(each.subject.name) for each in study.readings))
    rows = tuple((sources[place], study.references[place][0], *_predictions(study.readings, place)) for place in places)
    lead = "Sources spread over the text, with their first target and the prediction of each model."
    table = Table(caption="Predictions", columns=columns, rows=rows, sortable=False)
    return Section(title="Examples", lead=lead, blocks=(table,))


def _predictions(readings: tuple[Reading, ...], place: int) -> list[str]:
    return [each.report.predictions[place] for each in readings]
