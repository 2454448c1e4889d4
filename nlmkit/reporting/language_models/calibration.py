"""Section with calibration: predicted probabilities of likely words against how often they come true."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nlmkit.documents.subsets import subset
from nlmkit.reporting.blocks import Column, Grid, Key, Note, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import Line, line_chart
from nlmkit.reporting.language_models.sampling import block, scattered
from nlmkit.reporting.language_models.study import LanguageModelStudy, Reading

_TOP = 5
_MOST_EVENTS = 1500
_MOST_VALUES = 30_000_000  # probabilities of a model that are computed
_EDGES = np.concatenate([[0.0], np.logspace(-3, 0, 13)])
_FEWEST = 20  # predictions of a bin that is drawn


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """Predictions of a model on drawn sentences.

    Attributes:
        reading: The model with its text.
        events: Number of events.
        sentences: Number of sentences.
        probabilities: Probabilities of the most probable words, the highest first: float64 [events, top].
        hits: Whether each was the word of the text: bool [events, top].
        entropy: Mean entropy of the distributions in bits.
        surprisal: Mean surprisal of the text in bits.
    """

    reading: Reading
    events: int
    sentences: int
    probabilities: NDArray[np.float64]
    hits: NDArray[np.bool_]
    entropy: float
    surprisal: float

    @property
    def error(self) -> float:
        """Expected calibration error of the most probable words: mean |predicted - observed|, weighted by bin."""
        bins = list(self.bins(1))
        return sum(count * abs(mean - share) for mean, share, count in bins) / max(1, sum(bin_[2] for bin_ in bins))

    def bins(self, fewest: int) -> Iterator[tuple[float, float, int]]:
        """Yield mean probability, observed share and number of predictions of each bin with enough of them."""
        values, hits = self.probabilities.ravel(), self.hits.ravel()
        places = np.searchsorted(_EDGES[1:-1], values, side="right")
        for place in range(len(_EDGES) - 1):
            chosen = places == place
            if (count := int(chosen.sum())) >= fewest:
                yield float(values[chosen].mean()), float(hits[chosen].mean()), count


def calibration(study: LanguageModelStudy) -> Section | None:
    """Return the reliability diagram and its figures; None without a text."""
    if not study.readings:
        return None
    study.stage("calibration", len(study.readings))
    found = []
    for reading in study.readings:
        found.append(_measured(reading, study))
        study.advance()
    lines = [
        Line(
            each.reading.subject.name,
            each.reading.subject.color,
            [(mean, share) for mean, share, _ in each.bins(_FEWEST)],
        )
        for each in found
    ]
    caption = f"Predicted probability of the {_TOP} most probable words, and how often they come true"
    picture = Picture(
        caption=caption,
        drawing=line_chart(
            caption,
            lines,
            x_title="predicted probability",
            y_title="observed frequency",
            log_x=True,
            log_y=True,
            high=1.0,
            diagonal=True,
        ),
        legend=tuple(Key(each.reading.subject.name, each.reading.subject.color) for each in found),
        numbers=_numbers(found),
    )
    sizes = dict.fromkeys(f"{each.sentences:,} sentences ({each.events:,} events)" for each in found)
    note = f"Computed on {' or '.join(sizes)} of the text, drawn with the seed {study.options.seed}. "
    note += f"Bins of fewer than {_FEWEST} predictions are not drawn."
    lead = (
        "A calibrated model is right as often as it says: its points lie on the diagonal. Points below it mean too "
        "much confidence, points above it too little. Expected surprisal is the entropy of the predictions."
    )
    return Section(title="Calibration", lead=lead, blocks=(_table(found), Grid((picture,)), Note(note)))


def _measured(reading: Reading, study: LanguageModelStudy) -> Calibration:
    model, options = reading.model, study.options
    size = len(model.vocabulary_)
    events = max(1, min(_MOST_EVENTS, _MOST_VALUES // size))
    # A model with a memory of earlier sentences needs them in their order.
    choose = block if options.context == "stream" or model.adapts_to_test_text else scattered
    corpus = subset(reading.corpus, choose(reading.corpus, events, options.seed))
    targets = corpus.event_ids(model.vocabulary_)
    top = min(_TOP, size)
    probabilities, hits, at, entropy, surprisal = [], [], 0, 0.0, 0.0
    for chunk in model.distributions(corpus, context=options.context):
        own = targets[at : at + len(chunk)]
        at += len(chunk)
        best = np.argpartition(-chunk, top - 1, axis=1)[:, :top]
        values = np.take_along_axis(chunk, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
        probabilities.append(np.exp(values))
        hits.append(best == own[:, None])
        finite = np.where(np.isfinite(chunk), chunk, 0.0)
        entropy -= float((np.exp(chunk) * finite).sum())
        surprisal -= float(chunk[np.arange(len(chunk)), own].sum())
    return Calibration(
        reading=reading,
        events=at,
        sentences=corpus.sentences,
        probabilities=np.concatenate(probabilities),
        hits=np.concatenate(hits),
        entropy=entropy / at / math.log(2),
        surprisal=surprisal / at / math.log(2),
    )


def _table(found: list[Calibration]) -> Table:
    columns = (
        Column("Model"),
        Column("First word right", numeric=True),
        Column(f"Among {_TOP}", numeric=True),
        Column("Expected surprisal", numeric=True),
        Column("Actual surprisal", numeric=True),
        Column("Calibration error", numeric=True),
    )
    rows = []
    for each in found:
        first, among = float(each.hits[:, 0].mean()), float(each.hits.any(axis=1).mean())
        rows.append(
            (
                Value(each.reading.subject.name, color=each.reading.subject.color),
                Value(f"{first:.1%}", first),
                Value(f"{among:.1%}", among),
                Value(f"{each.entropy:.2f} bits", each.entropy),
                Value(f"{each.surprisal:.2f} bits", each.surprisal),
                Value(f"{each.error:.4f}", each.error),
            )
        )
    return Table(caption="Prediction of the next word", columns=columns, rows=tuple(rows))


def _numbers(found: list[Calibration]) -> Table:
    columns = (
        Column("Model"),
        Column("Predicted", numeric=True),
        Column("Observed", numeric=True),
        Column("Predictions", numeric=True),
    )
    rows = tuple(
        (
            each.reading.subject.name,
            Value(f"{mean:.4f}", mean),
            Value(f"{share:.4f}", share),
            Value(f"{count:,}", count),
        )
        for each in found
        for mean, share, count in each.bins(1)
    )
    return Table(caption="Bins of the diagram", columns=columns, rows=rows)
