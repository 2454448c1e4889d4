"""Section with the attention of predictions on their sources."""

from __future__ import annotations

from nlmkit.reporting.blocks import Block, Grid, Note, Panel, Panels, Picture, Scale, Section
from nlmkit.reporting.charts.cells import heat_map
from nlmkit.reporting.seq2seq.study import Reading, SequenceToSequenceStudy
from nlmkit.text import EOS

_SHOWN = 6
_TOKENS = 40


def attention(study: SequenceToSequenceStudy) -> Section | None:
    """Return heat maps of the attention of some predictions; None if no model has attention."""
    panels = []
    for reading in study.readings:
        if reading.model.has_attention:
            study.stage(f"attention of {reading.subject.name}")
            panels.append(Panel(reading.subject.name, _of(reading, study), color=reading.subject.color))
    if not panels:
        return None
    lead = (
        "How much each word of a prediction (row) attends to each token of the source (column): rows sum to one. The "
        "darkest cells show from what a word was translated."
    )
    scale = Scale(low="0", high="1")
    return Section(title="Attention", lead=lead, blocks=(scale, Panels(label="Models", panels=tuple(panels))))


def _of(reading: Reading, study: SequenceToSequenceStudy) -> list[Block]:
    assert study.distinct is not None
    count = len(study.distinct)
    places = list(range(0, count, max(1, count // _SHOWN)))[:_SHOWN]
    pictures = []
    for (best, *_), place in zip(reading.model.n_best(study.distinct.subset(places), 1), places, strict=True):
        if best.attention is None or not best.attention.size:
            continue
        events, length = best.attention.shape
        if events > _TOKENS or length > _TOKENS:
            continue
        caption = f"source {place + 1}: {best.text}"
        drawing = heat_map(
            caption,
            [*best.tokens, EOS][:events],
            [*best.source_tokens, EOS][:length],
            best.attention.tolist(),
            low=0.0,
            high=1.0,
            tip=lambda row, column, share: f"{row} on {column}: {share:.1%}",
        )
        pictures.append(Picture(caption=caption, drawing=drawing))
    return [Grid(pictures)] if pictures else [Note(f"No prediction has at most {_TOKENS} tokens, and its source too.")]
