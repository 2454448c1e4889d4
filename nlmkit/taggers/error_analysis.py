"""The most frequent errors of a tagger, with the text around the first ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from nlmkit.taggers.report_parts import ErrorExample, TaggingError
from nlmkit.taggers.span_tables import SpanTable, is_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text.tagged import TaggedSentences

MOST: Final = 30
"""Number of sorts of errors in a report."""

_EXAMPLES: Final = 3  # of each sort
_AROUND: Final = 5  # tokens on either side
_AROUND_CHARACTERS: Final = 10
_LONGEST: Final = 40  # tokens of an error that are shown
_NO_TYPE: Final = "span"  # what a span without a type is called


class _Error(NamedTuple):
    """One error: its sort, and the tokens from ``start`` to ``end`` that it is about."""

    kind: str
    gold: str
    predicted: str
    start: int
    end: int


def most_frequent_errors(
    data: TaggedSentences,
    tags: tuple[str, ...],
    true: NDArray[np.int64],
    guess: NDArray[np.int64],
    tables: tuple[SpanTable, SpanTable] | None,
    *,
    segments: bool,
) -> tuple[TaggingError, ...]:
    """Return the most frequent sorts of errors, the most frequent first.

    Args:
        data: The sentences.
        tags: Names of tags.
        true: Right tags: int64 [tokens].
        guess: Predicted tags: int64 [tokens].
        tables: Spans of the data and predicted ones, with the same names of types; None for plain tags.
        segments: Whether the tagger's spans are words of segmented text; those of the data may be others.
    """
    words = data.words.values()
    segments = segments and tables is not None and all(_are_words(table, len(words)) for table in tables)
    errors: Iterator[_Error]
    if tables is None:
        errors = _tag_errors(tags, true, guess)
    elif segments:
        errors = _segment_errors(*tables, words)
    else:
        errors = _span_errors(*tables, tokens=len(words))
    sorts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0])
    for error in errors:
        sort = sorts[error[:3]]
        sort[0] += 1
        if len(sort) <= 2 * _EXAMPLES:
            sort += error[3:]
    chosen = sorted(sorts.items(), key=lambda item: -item[1][0])[:MOST]
    shown = _Shown(data, words, tags, (true, guess), tables, segments)
    return tuple(
        TaggingError(
            kind=kind,
            gold=gold,
            predicted=predicted,
            count=count,
            examples=tuple(shown.example(start, end) for start, end in zip(places[::2], places[1::2], strict=True)),
        )
        for (kind, gold, predicted), (count, *places) in chosen
    )


def _tag_errors(tags: tuple[str, ...], true: NDArray[np.int64], guess: NDArray[np.int64]) -> Iterator[_Error]:
    for at in np.flatnonzero(true != guess).tolist():
        yield _Error("tag", tags[true[at]], tags[guess[at]], at, at + 1)


def _span_errors(gold: SpanTable, predicted: SpanTable, *, tokens: int) -> Iterator[_Error]:
    """Yield what is wrong with each span of the data that was not predicted, then predicted ones where none is."""
    names = [name or _NO_TYPE for name in gold.names]
    for at in np.flatnonzero(~is_in(gold, predicted, tokens=tokens)).tolist():
        start, end, name = int(gold.starts[at]), int(gold.ends[at]), names[gold.types[at]]
        others = range(*_overlapping(predicted, start, end))
        if not others:
            yield _Error("missed", name, "", start, end)
            continue
        shared = [min(end, int(predicted.ends[o])) - max(start, int(predicted.starts[o])) for o in others]
        best = others[shared.index(max(shared))]
        same = (predicted.starts[best], predicted.ends[best]) == (start, end)
        low, high = min(start, int(predicted.starts[best])), max(end, int(predicted.ends[best]))
        yield _Error("type" if same else "bounds", name, names[predicted.types[best]], low, high)
    for at in np.flatnonzero(~is_in(predicted, gold, tokens=tokens)).tolist():
        start, end = int(predicted.starts[at]), int(predicted.ends[at])
        low, high = _overlapping(gold, start, end)
        if low == high:
            yield _Error("spurious", "", names[predicted.types[at]], start, end)


def _overlapping(table: SpanTable, start: int, end: int) -> tuple[int, int]:
    """Return the first and the last index, exclusive, of the spans that share a token with these."""
    return int(np.searchsorted(table.ends, start, "right")), int(np.searchsorted(table.starts, end, "left"))


def _are_words(table: SpanTable, tokens: int) -> bool:
    """Return whether spans are words of segmented text: without types, and with every token in one of them."""
    return table.names == ("",) and int((table.ends - table.starts).sum()) == tokens


def _segment_errors(gold: SpanTable, predicted: SpanTable, words: list[str]) -> Iterator[_Error]:
    """Yield the shortest stretches with the same ends in both segmentations, and different words."""
    starts, ends = (
        np.intersect1d(*each, assume_unique=True)
        for each in ((gold.starts, predicted.starts), (gold.ends, predicted.ends))
    )
    last = -1
    for at in np.flatnonzero(~is_in(gold, predicted, tokens=len(words))).tolist():
        start = int(starts[np.searchsorted(starts, gold.starts[at], "right") - 1])
        end = int(ends[np.searchsorted(ends, gold.ends[at], "left")])
        if start == last:
            continue
        last = start
        one, two = (_pieces(table, words, start, end) for table in (gold, predicted))
        kind = "split" if len(one) == 1 else "merged" if len(two) == 1 else "moved"
        yield _Error(kind, " ".join(one), " ".join(two), start, end)


def _pieces(table: SpanTable, words: list[str], start: int, end: int) -> list[str]:
    first, last = _overlapping(table, start, end)
    return ["".join(words[table.starts[at] : table.ends[at]]) for at in range(first, last)]


class _Shown(NamedTuple):
    """Sentences, of which parts are shown; fields as the arguments of ``most_frequent_errors``."""

    data: TaggedSentences
    words: list[str]
    tags: tuple[str, ...]
    ids: tuple[NDArray[np.int64], NDArray[np.int64]]
    tables: tuple[SpanTable, SpanTable] | None
    segments: bool

    def example(self, start: int, end: int) -> ErrorExample:
        """Return the text around the tokens from one to another."""
        data = self.data
        around, space = (_AROUND_CHARACTERS, "") if data.tokenizer == "char" else (_AROUND, " ")
        sentence = int(np.searchsorted(data.offsets, start, "right")) - 1
        first, last = int(data.offsets[sentence]), int(data.offsets[sentence + 1])
        end = min(end, start + _LONGEST)
        low, high = max(start - around, first), min(end + around, last)
        texts = []
        for place in (0, 1):
            if self.tables is None:
                tag = self.tags[self.ids[place][start]]
                shown = [
                    f"[{word}]/{tag}" if at == start else word for at, word in enumerate(self.words[low:high], low)
                ]
                text = space.join(shown)
            elif self.segments:
                text = " ".join(_pieces_within(self.tables[place], self.words, low, high))
            else:
                text = _bracketed(self.tables[place], self.words, low, high, space)
            texts.append(("… " if low > first else "") + text + (" …" if high < last else ""))
        line = None if data.lines is None else int(data.lines[sentence])
        return ErrorExample(sentence=sentence + 1, line=line, gold=texts[0], predicted=texts[1])


def _pieces_within(table: SpanTable, words: list[str], low: int, high: int) -> list[str]:
    first, last = _overlapping(table, low, high)
    bounds = [(max(low, int(table.starts[at])), min(high, int(table.ends[at]))) for at in range(first, last)]
    return ["".join(words[start:end]) for start, end in bounds]


def _bracketed(table: SpanTable, words: list[str], low: int, high: int, space: str) -> str:
    """Return tokens with the spans among them in brackets, each after its type."""
    shown = list(words[low:high])
    for at in range(*_overlapping(table, low, high)):
        start, end = max(low, int(table.starts[at])), min(high, int(table.ends[at]))
        name = table.names[table.types[at]]
        shown[start - low] = f"[{name} {shown[start - low]}" if name else f"[{shown[start - low]}"
        shown[end - 1 - low] += "]"
    return space.join(shown)
