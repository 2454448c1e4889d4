"""Section with the surprisal of words under two models beside each other, where they differ most."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.reporting.blocks import (
    Block,
    Column,
    Grid,
    Key,
    Note,
    Panel,
    Panels,
    Scale,
    Section,
    Shade,
    ShadedText,
    Table,
    Value,
    Word,
)
from nlmkit.reporting.charts.cells import level
from nlmkit.reporting.language_models.sampling import MOST_WORDS, drawn, showable
from nlmkit.reporting.language_models.study import LanguageModelStudy, Reading
from nlmkit.text import EOS

HIGHEST = 18.0
"""Bits of the darkest shade."""

_EACH = 3  # sentences for each of two models
_DRAWN = 4
_MOST_PAIRS = 3
_MOST_ROWS = 4  # models below each word
_WORDS = 10  # of the tables


def surprisal(study: LanguageModelStudy) -> Section | None:
    """Return a panel per pair of models, and one with drawn sentences; None without a text."""
    readings = same_events(study.readings)
    if not readings:
        return None
    order = {row.model: row.rank for row in study.comparison.ranked} if study.comparison else {}
    readings = sorted(readings, key=lambda reading: order.get(reading.subject.name, len(order) + 1))
    panels = [_pair(one, two) for one, two in itertools.islice(itertools.combinations(readings, 2), _MOST_PAIRS)]
    panels.append(_drawn(readings[:_MOST_ROWS], study.options.seed))
    blocks: list[Block] = [
        Scale(low="0 bits, certain", high=f"{HIGHEST:.0f} bits and more"),
        Panels(label="Sentences", panels=tuple(panels)),
    ]
    if len(readings) < len(study.readings):
        blocks.append(Note("Models that divide the text into other tokens are left out here."))
    lead = (
        "Surprisal is −log₂ of a word's probability after the words before it: 1 bit is a coin toss, 13 bits one word "
        "in 8,000. Below each word is its surprisal in bits, one row per model."
    )
    return Section(title="Surprisal of words", lead=lead, blocks=tuple(blocks))


def same_events(readings: Sequence[Reading]) -> list[Reading]:
    """Return the largest group of readings with the same events, that of the first among equally large ones."""
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.corpus.events_digest, []).append(reading)
    return max(groups.values(), key=len, default=[])


def _pair(one: Reading, two: Reading) -> Panel:
    names = one.subject.name, two.subject.name
    corpus = one.corpus
    difference = two.bits - one.bits
    difference[~np.isfinite(difference)] = 0.0  # both infinite, or one: shown, but not ranked
    starts = corpus.event_offsets
    means = np.add.reduceat(difference, starts[:-1]) / np.diff(starts)
    numbers = showable(corpus)
    ranked = numbers[np.argsort(means[numbers], kind="stable")]
    blocks: list[Block] = []
    for chosen, name, sign in ((ranked[::-1][:_EACH], names[0], 1), (ranked[:_EACH], names[1], -1)):
        for number in chosen.tolist():
            if (gain := sign * float(means[number])) > 0:
                blocks.append(shaded(number, [one, two], f"{gain:.2f} bits per word fewer under {name}"))
    tables = tuple(_words(one, two, difference))
    blocks += [Grid(tables)] if tables else []
    if not blocks:
        blocks = [Note("The two models have the same probabilities.")]
    return Panel(f"{names[0]} and {names[1]}", blocks)


def _words(one: Reading, two: Reading, difference: NDArray[np.float64]) -> Iterator[Table]:
    """Yield the words with the largest summed difference, for each model."""
    corpus = one.corpus
    events = np.full(corpus.events, len(corpus.types))
    events[corpus.is_word] = corpus.ids
    totals = np.bincount(events, weights=difference, minlength=len(corpus.types) + 1)
    counts = np.bincount(events, minlength=len(corpus.types) + 1)
    order = np.argsort(totals, kind="stable")
    columns = (
        Column("Word"),
        Column("Times", numeric=True),
        Column("Bits per time", numeric=True),
        Column("Bits in all", numeric=True),
    )
    for places, sign, better, worse in ((order[::-1], 1, one, two), (order, -1, two, one)):
        rows = []
        for place in places[:_WORDS].tolist():
            total = sign * float(totals[place])
            if total <= 0:
                break
            word = corpus.types[place] if place < len(corpus.types) else EOS
            mean = total / int(counts[place])
            rows.append(
                (
                    word,
                    Value(f"{counts[place]:,}", counts[place]),
                    Value(f"{mean:.2f}", mean),
                    Value(f"{total:,.0f}", total),
                )
            )
        if rows:
            caption = f"Words that {better.subject.name} predicts better than {worse.subject.name}"
            yield Table(caption=caption, columns=columns, rows=tuple(rows))


def _drawn(readings: Sequence[Reading], seed: int) -> Panel:
    corpus = readings[0].corpus
    numbers = showable(corpus)
    chosen = drawn(numbers, _DRAWN, seed).tolist()
    note = f"{len(chosen)} of {len(numbers):,} sentences, drawn with the seed {seed}."
    return Panel("Drawn sentences", [Note(note), *(shaded(number, readings) for number in chosen)])


def shaded(number: int, readings: Sequence[Reading], about: str = "") -> ShadedText:
    """Return a sentence with the surprisal of each word under each model."""
    corpus = readings[0].corpus
    start, stop = corpus.event_offsets[number : number + 2].tolist()
    bits = [reading.bits[start:stop] for reading in readings]
    words = [*corpus.sentence(number), EOS]
    unknown = corpus.oov_events(readings[0].model.vocabulary_)[start:stop]
    if len(words) > MOST_WORDS:
        words = words[:MOST_WORDS]
        about = f"{about}; the first {MOST_WORDS} words".removeprefix("; ")
    return ShadedText(
        title=f"Sentence {number + 1:,}",
        about=about,
        rows=tuple(Key(reading.subject.name, reading.subject.color) for reading in readings),
        words=tuple(
            _word(word, [each[place] for each in bits], readings, is_unknown=bool(unknown[place]))
            for place, word in enumerate(words)
        ),
    )


def _word(word: str, bits: Sequence[float], readings: Sequence[Reading], *, is_unknown: bool) -> Word:
    lines = [
        f"{reading.subject.name}: {value:.2f} bits, p = {2.0**-value:.3g}"
        for reading, value in zip(readings, bits, strict=True)
    ]
    tip = "\n".join([f"{word} (out of vocabulary)" if is_unknown else word, *lines])
    shades = tuple(Shade(level(min(value, HIGHEST), 0.0, HIGHEST), f"{value:.1f}") for value in bits)
    return Word(word, shades, Shade(None, "", tip))
