"""Section with the scores of transitions between tags."""

from __future__ import annotations

import math

import numpy as np

from nlmkit.reporting.blocks import Block, Note, Panel, Panels, Picture, Scale, Section
from nlmkit.reporting.charts.cells import heat_map
from nlmkit.reporting.study import Study, Subject
from nlmkit.taggers.chain_tagger import ChainTagger

_TAGS = 40


def transitions(study: Study) -> Section | None:
    """Return the matrices of taggers that have a score for each pair of tags; None if there is no such tagger."""
    panels = []
    for subject in study.subjects:
        found = _of(subject)
        if found:
            panels.append(Panel(subject.name, found, color=subject.color))
    if not panels:
        return None
    lead = (
        "How much a tag (row) speaks for the one after it (column), as natural logarithms; the first row is the start "
        "of a sentence, the last column its end. Empty cells are transitions that the tag scheme does not allow."
    )
    return Section(title="Transitions", lead=lead, blocks=(Panels(label="Taggers", panels=tuple(panels)),))


def _of(subject: Subject) -> list[Block]:
    tagger = subject.model
    if not isinstance(tagger, ChainTagger):
        return []
    chain = tagger.chain()
    if len(chain.start) != len(tagger.tags_):
        return []
    names = list(tagger.tags_)
    order = sorted(range(len(names)), key=lambda place: names[place].partition("-")[::-1])[:_TAGS]
    start, end = np.asarray(chain.start, np.float64), np.asarray(chain.end, np.float64)
    inner = np.asarray(chain.transitions, np.float64)
    rows = [[*start[order], np.nan], *([*inner[row, order], end[row]] for row in order)]
    values = [[float(value) if np.isfinite(value) else float("nan") for value in row] for row in rows]
    shown = [value for row in values for value in row if not math.isnan(value)]
    if not shown:
        return []
    largest = max(map(abs, shown)) or 1.0
    diverging = min(shown) < 0 < max(shown)
    low, high = (-largest, largest) if diverging else (min(shown), max(shown))
    caption = f"{subject.name}: transitions"
    drawing = heat_map(
        caption,
        ["start", *(names[place] for place in order)],
        [*(names[place] for place in order), "end"],
        values,
        low=low,
        high=high,
        diverging=diverging,
        tip=lambda row, column, value: f"{row} then {column}: {value:.2f}",
    )
    scale = Scale(low=f"{low:.1f}", high=f"{high:.1f}", scale="diverging" if diverging else "sequential")
    note = [Note(f"The first {_TAGS} of {len(names)} tags are drawn.")] if len(names) > _TAGS else []
    return [Picture(caption=caption, drawing=drawing, wide=len(order) > _TAGS // 2), scale, *note]
