"""From text to windows: the words before each event, sent to the part of the estimation that needs them.

A window is an event with its context: the words before it in its sentence, the last one first, down to ``<s>``. A part
holds the windows whose contexts end in a range of words, or of pairs of words, so that all events after one context of
two words are in one part, and the contexts of each length are in suffix order from part to part. The end of a sentence
is a context too, without an event, so that parts hold all n-grams.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.external.store import Store
from nlmkit.text.streamed import SENTENCE_END
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

Ids = NDArray[np.int32]
Keys = NDArray[np.int64]

WORD_BITS: Final = 32
TEXT: Final = "text"
TYPES: Final = "types"
SAMPLES: Final = 1 << 20


def context_words(order: int) -> int:
    """Number of words before an event that windows hold: those of the longest context, and the two that make parts."""
    return max(order - 1, 2)


def window_columns(events: Ids, before: Ids, width: int, absent: int) -> list[Ids]:
    """Return the windows of consecutive events of a text.

    Args:
        events: Vocabulary ids, int32 [n]; each sentence ends with ``</s>``.
        before: The events before them, at least ``width``; ``</s>`` at the beginning of the text.
        width: Words before each event.
        absent: What a column holds before ``<s>``, and in place of an event after ``</s>``.

    Returns:
        The event, and the words before it, the last one first: int32 [n + sentence ends] each.
    """
    text = np.concatenate([before[len(before) - width :], events])
    n = len(events)
    alive = np.ones(n, np.bool_)
    columns = []
    for j in range(width):
        words = text[width - 1 - j : width - 1 - j + n].copy()
        words[~alive] = absent
        starts = alive & (words == EOS_ID)
        words[starts] = BOS_ID
        alive &= ~starts
        columns.append(words)
    ends = np.flatnonzero(events == EOS_ID)
    after = [np.full(len(ends), EOS_ID, np.int32), *(column[ends] for column in columns[:-1])]
    columns = [np.concatenate(pair) for pair in zip(columns, after, strict=True)]
    return [np.concatenate([events, np.full(len(ends), absent, np.int32)]), *columns]


def part_keys(columns: list[Ids]) -> Keys:
    """Return the last two words of each context as one number; ``columns`` are those of ``window_columns``."""
    keys = columns[1].astype(np.int64)
    keys <<= WORD_BITS
    keys |= columns[2]
    return keys


def sampled_keys(store: Store, chunk: int, vocabulary: Ids, step: int, absent: int) -> Keys:
    """Return ``part_keys`` of every ``step``-th event of a chunk of text; arguments as of ``window_columns``."""
    read = store.read(f"{TEXT}/{chunk}")
    codes = np.concatenate([read["before"][-2:], read["codes"]])
    last, before = vocabulary[codes[1:-1:step]], vocabulary[codes[:-2:step]]
    before = np.where(last == EOS_ID, absent, np.where(before == EOS_ID, BOS_ID, before))
    return part_keys([last, np.where(last == EOS_ID, BOS_ID, last), before])


def splitters(samples: Keys, parts: int) -> list[int]:
    """Return increasing keys at which the next part begins, at most ``parts`` − 1, from a sample of keys."""
    ordered = np.sort(samples)
    chosen = np.unique(ordered[(np.arange(1, parts) * len(ordered)) // parts]) if len(ordered) else ordered
    return [int(key) for key in chosen if key > ordered[0]]


def read_events(store: Store, chunk: int, vocabulary: Ids) -> tuple[Ids, Ids]:
    """Return the vocabulary ids of the events of a chunk of text, and of those before it.

    ``vocabulary`` holds the id of each code.
    """
    read = store.read(f"{TEXT}/{chunk}")
    return vocabulary[read["codes"]], vocabulary[read["before"]]


def codes_to_ids(store: Store) -> Ids:
    """Return the vocabulary id of each code of the text, int32."""
    ids = store.read(TYPES, ["ids"])["ids"]
    assert ids[SENTENCE_END] == EOS_ID
    return ids


def split_windows(store: Store, settings: dict[str, Any], chunk: int) -> list[int]:
    """Task: write the windows of a chunk of text for each part; return the number of windows of each part."""
    vocabulary = codes_to_ids(store)
    events, before = read_events(store, chunk, vocabulary)
    columns = window_columns(events, before, context_words(settings["order"]), settings["absent"])
    del events, before
    bounds = np.array(settings["splitters"], np.int64)
    part = np.searchsorted(bounds, part_keys(columns), side="right").astype(np.uint16)
    sizes = np.bincount(part, minlength=len(bounds) + 1)
    order = np.argsort(part, kind="stable")
    del part
    begin = 0
    for number, size in enumerate(sizes.tolist()):
        at = order[begin : begin + size]
        begin += size
        if size:
            store.write(f"windows/{number}/{chunk}", {str(j): column[at] for j, column in enumerate(columns)})
    return [int(size) for size in sizes]


def read_windows(store: Store, part: int, width: int) -> list[Ids]:
    """Return the windows of a part, the columns of ``window_columns``."""
    names = sorted(store.names(f"windows/{part}/"), key=lambda name: int(name.rpartition("/")[2]))
    total = sum(store.length(name, "0") for name in names)
    columns = [np.empty(total, np.int32) for _ in range(width + 1)]
    for j, column in enumerate(columns):
        begin = 0
        for name in names:
            for block in store.blocks(name, str(j)):
                column[begin : begin + len(block)] = block
                begin += len(block)
    return columns
