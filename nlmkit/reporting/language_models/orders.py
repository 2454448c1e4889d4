"""Section with the lengths of the n-grams whose stored probabilities were used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.base import LanguageModel
from nlmkit.reporting.blocks import (
    LEVELS,
    Block,
    Column,
    Grid,
    Note,
    Panel,
    Panels,
    Picture,
    Scale,
    Section,
    Shade,
    ShadedText,
    Table,
    Value,
    Word,
)
from nlmkit.reporting.charts.cells import stacked_bars
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.language_models.bands import Banded, banded_perplexity, picture_of
from nlmkit.reporting.language_models.sampling import showable
from nlmkit.reporting.language_models.study import LanguageModelStudy, Reading
from nlmkit.text import EOS

_DETAIL = "ngram_length"
_SHOWN = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Orders:
    """N-gram model of a report with the lengths that it used.

    Attributes:
        name: Name, with that of the model that contains it.
        reading: The text as the model, or the one that contains it, scored it.
        lengths: Length of the n-gram used for each event: int64 [events].
        order: Order of the model.
    """

    name: str
    reading: Reading
    lengths: NDArray[np.int64]
    order: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the lengths, from the shortest used."""
        first = int(self.lengths.min(initial=1))
        return tuple(f"{length}" for length in range(first, self.order + 1))

    @property
    def shares(self) -> list[float]:
        """Share of events by length, in the order of ``names``."""
        first = int(self.lengths.min(initial=1))
        counts = np.bincount(self.lengths - first, minlength=len(self.names))
        shares: list[float] = (counts / max(1, len(self.lengths))).tolist()
        return shares


def orders(study: LanguageModelStudy) -> Section | None:
    """Return the shares of lengths, perplexity by length, and sentences with short ones; None without n-grams."""
    found = list(_found(study))
    if not found:
        return None
    panels = tuple(Panel(each.name, list(_blocks(each, study.readings)), each.reading.subject.color) for each in found)
    lead = (
        "An n-gram model uses the longest n-gram that its training text had, and backs off to a shorter one elsewhere. "
        "Where the n-gram is short, the model knows little of the context."
    )
    return Section(title="N-gram orders", lead=lead, blocks=(Panels(label="N-gram models", panels=panels),))


def _found(study: LanguageModelStudy) -> Iterator[Orders]:
    seen = set()
    for reading in study.readings:
        for name, model in with_members(reading.subject):
            if not isinstance(model, LanguageModel) or model.digest in seen:
                continue
            details = reading.details
            if model is not reading.model:
                details = model.event_details(reading.corpus)
            lengths = details.get(_DETAIL)
            if lengths is not None and len(lengths):
                seen.add(model.digest)
                values = np.asarray(lengths, np.int64)
                yield Orders(name, reading, values, max(int(getattr(model, "order", 0)), int(values.max())))


def _blocks(found: Orders, readings: tuple[Reading, ...]) -> Iterator[Block]:
    parts = [f"{name}-grams" for name in found.names]
    caption = f"Share of events by length of the n-gram used, {found.name}"
    rows = tuple((part, Value(f"{share:.2%}", share)) for part, share in zip(parts, found.shares, strict=True))
    table = Table(caption=caption, columns=(Column("N-gram"), Column("Share of events", numeric=True)), rows=rows)
    bars = stacked_bars(caption, [f"{parts[0]} to {parts[-1]}"], parts, [found.shares], darkest_first=True)
    pictures = [Picture(caption=caption, drawing=bars, numbers=table)]
    banded = Banded(found.names, found.lengths - int(found.lengths.min()))
    lines = []
    for reading in readings:
        if reading.corpus.events_digest == found.reading.corpus.events_digest:
            values, counts = banded_perplexity(reading.bits, banded)
            lines.append((reading, dict(zip(banded.names, zip(values, counts, strict=True), strict=True))))
    caption = f"Perplexity of every model by length of the n-gram that {found.name} used"
    if (picture := picture_of(lines, banded.names, caption, "length of the n-gram")) is not None:
        pictures.append(picture)
    yield Grid(tuple(pictures))
    yield Scale(low=f"{found.order}-gram", high="short n-gram")
    yield from _shortest(found)


def _shortest(found: Orders) -> Iterator[Block]:
    corpus = found.reading.corpus
    starts = corpus.event_offsets
    means = np.add.reduceat(found.lengths, starts[:-1]) / np.diff(starts)
    numbers = showable(corpus)
    for number in numbers[np.argsort(means[numbers], kind="stable")][:_SHOWN].tolist():
        lengths = found.lengths[starts[number] : starts[number + 1]].tolist()
        words = [*corpus.sentence(number), EOS]
        yield ShadedText(
            title=f"Sentence {number + 1:,}",
            about=f"mean length {means[number]:.2f}",
            words=tuple(_word(word, length, found.order) for word, length in zip(words, lengths, strict=True)),
        )
    if not len(numbers):
        yield Note("The text has only empty sentences.")


def _word(word: str, length: int, order: int) -> Word:
    shade = round((order - length) / max(1, order - 1) * (LEVELS - 1))
    return Word(word, (Shade(min(LEVELS - 1, shade), str(length)),), Shade(None, "", f"{word}: {length}-gram"))
