"""Section with perplexity by training frequency, by position in the sentence, and by sentence length."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.reporting.blocks import Column, Grid, Key, Note, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import category_chart
from nlmkit.reporting.language_models.study import LanguageModelStudy, Reading
from nlmkit.text import EOS, EOS_ID, UNK, UNK_ID

_BANDS = 8
_DECADES = ("1", "2–9", "10–99", "100–999", "1,000–9,999", "10,000–99,999", "100,000 and more")
_LOWER = (1, 2, 10, 100, 1000, 10_000, 100_000)

Banding = Callable[[Reading], "Banded | None"]


@dataclasses.dataclass(frozen=True)
class Banded:
    """Band of every event.

    Attributes:
        names: Names of the bands, in their order.
        band: Band of each event, -1 for none: int64 [events].
    """

    names: tuple[str, ...]
    band: NDArray[np.int64]


def bands(study: LanguageModelStudy) -> Section | None:
    """Return a chart per banding; None without a text."""
    if not study.readings:
        return None
    charts = [
        _picture(study.readings, _by_frequency, "Perplexity by training frequency of the word", "times in training"),
        _picture(study.readings, _by_position, "Perplexity by position in the sentence", "words from the start"),
        _picture(study.readings, _by_length, "Perplexity by length of the sentence", "words in the sentence"),
    ]
    blocks = [Grid(tuple(chart for chart in charts if chart is not None))]
    lead = (
        "Perplexity of parts of the text. Rare words are where models differ most; positions show what more context "
        "is worth."
    )
    about = (
        f"Frequencies are those that the model counted in training, with {UNK} and {EOS} apart; positions are those "
    )
    about += f"of words, lengths include {EOS}. A band without events has no point."
    return Section(title="Where the text is hard", lead=lead, blocks=(*blocks, Note(about)))


def banded_perplexity(bits: NDArray[np.float64], banded: Banded) -> tuple[list[float], list[int]]:
    """Return the perplexity of each band, NaN for an empty one, and its number of events."""
    chosen = banded.band >= 0
    size = len(banded.names)
    counts = np.bincount(banded.band[chosen], minlength=size)
    totals = np.bincount(banded.band[chosen], weights=bits[chosen], minlength=size)
    means = [
        total / count if count else math.nan for total, count in zip(totals.tolist(), counts.tolist(), strict=True)
    ]
    return [2.0**mean if mean < 1000 else math.inf for mean in means], counts.tolist()


def _picture(readings: Sequence[Reading], banding: Banding, caption: str, x_title: str) -> Picture | None:
    found = [(reading, banding(reading)) for reading in readings]
    names: list[str] = []
    lines: list[tuple[Reading, dict[str, tuple[float, int]]]] = []
    for reading, banded in found:
        if banded is None:
            continue
        values, counts = banded_perplexity(reading.bits, banded)
        lines.append((reading, dict(zip(banded.names, zip(values, counts, strict=True), strict=True))))
        names = [*names, *(name for name in banded.names if name not in names)]
    return picture_of(lines, names, caption, x_title) if lines else None


def picture_of(
    lines: Sequence[tuple[Reading, dict[str, tuple[float, int]]]], names: Sequence[str], caption: str, x_title: str
) -> Picture | None:
    """Return the chart of perplexities by band, without bands in which no model has events.

    Args:
        lines: Perplexity and number of events by band, for each model.
        names: The bands, in their order.
        caption: Caption.
        x_title: Title of the axis of bands.
    """
    names = [name for name in names if any(line.get(name, (0, 0))[1] for _, line in lines)]
    if not names:
        return None
    drawing = category_chart(
        caption,
        names,
        [
            (reading.subject.name, reading.subject.color, [line.get(name, (math.nan, 0))[0] for name in names])
            for reading, line in lines
        ],
        x_title=x_title,
        y_title="perplexity",
        log_y=True,
    )
    columns = [Column("Band"), Column("Events", numeric=True)]
    columns += [Column(reading.subject.name, numeric=True) for reading, _ in lines]
    rows: list[tuple[Value | str, ...]] = [
        (name, _events(lines, name), *(_figure(line.get(name)) for _, line in lines)) for name in names
    ]
    return Picture(
        caption=caption,
        drawing=drawing,
        legend=tuple(Key(reading.subject.name, reading.subject.color) for reading, _ in lines),
        numbers=Table(caption=caption, columns=tuple(columns), rows=tuple(rows), sortable=False),
    )


def _events(lines: Sequence[tuple[Reading, dict[str, tuple[float, int]]]], name: str) -> Value:
    counts = [line[name][1] for _, line in lines if name in line]
    return Value(" / ".join(f"{count:,}" for count in dict.fromkeys(counts)))


def _figure(pair: tuple[float, int] | None) -> Value:
    value = math.nan if pair is None else pair[0]
    return Value("–") if math.isnan(value) else Value(f"{value:,.1f}", value if math.isfinite(value) else None)


def _by_frequency(reading: Reading) -> Banded | None:
    """Return bands by the training count of a word; None for a model without counts, such as an imported one."""
    vocabulary = reading.model.vocabulary_
    counts = np.asarray(vocabulary.counts)
    if not counts[UNK_ID + 1 :].any():
        return None
    ids = reading.corpus.event_ids(vocabulary)
    band = np.searchsorted(_LOWER, counts[ids], side="right")  # 0 for a word of the vocabulary that never occurred
    band = np.where(ids == UNK_ID, len(_LOWER) + 1, np.where(ids == EOS_ID, len(_LOWER) + 2, band))
    return Banded(("0", *_DECADES, UNK, EOS), band.astype(np.int64))


def _by_position(reading: Reading) -> Banded:
    corpus = reading.corpus
    starts = np.repeat(corpus.event_offsets[:-1], np.diff(corpus.event_offsets))
    place = np.arange(corpus.events) - starts + 1
    lowest = np.array([1, 2, 3, 4, 6, 9, 13, 19, 28, 41, 61, 91, 136, 201])
    lowest = lowest[lowest <= max(1, int(np.diff(corpus.offsets).max(initial=1)))]
    band = np.searchsorted(lowest, place, side="right") - 1
    return Banded(_ranges(lowest), np.where(corpus.is_word, band, -1).astype(np.int64))


def _by_length(reading: Reading) -> Banded:
    lengths = np.diff(reading.corpus.offsets)
    shares = np.arange(_BANDS) / _BANDS
    lowest = np.unique(np.quantile(lengths, shares, method="inverted_cdf"))
    band = np.searchsorted(lowest, lengths, side="right") - 1
    names = _ranges(lowest, int(lengths.max()))
    return Banded(names, np.repeat(band, lengths + 1).astype(np.int64))


def _ranges(lowest: NDArray[np.int64], most: int | None = None) -> tuple[str, ...]:
    """Return names of bands from their lowest values, such as ``4–5``; the last is open unless ``most`` ends it."""
    names = []
    for place, low in enumerate(lowest.tolist()):
        high = lowest[place + 1] - 1 if place + 1 < len(lowest) else most
        names.append(f"{low}" if high == low else f"{low}+" if high is None else f"{low}–{high}")
    return tuple(names)
