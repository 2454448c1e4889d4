"""What epochs of texts have in common: batches of similar length, and once-seen words read as ``<unk>``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.text.vocabulary import BOS_ID, UNK_ID

Indices = NDArray[np.int64]


def training_batches(lengths: Indices, size: int, sort_within: int, source: torch.Generator) -> list[Indices]:
    """Return the documents of an epoch in batches, in random order.

    The shuffled documents are sorted by length within pools of ``sort_within`` batches, so that a batch holds documents
    of similar length and little padding; then the batches are shuffled. With ``sort_within=1`` batches are fully
    random.

    Args:
        lengths: Number of words of each document: int64 [documents].
        size: Documents per batch; the last one of a pool may have fewer.
        sort_within: Batches per pool.
        source: Source of randomness.
    """
    order = torch.randperm(len(lengths), generator=source).numpy()
    batches: list[Indices] = []
    for pool in _cut(order, size * sort_within):
        sorted_pool = pool[np.argsort(lengths[pool], kind="stable")] if sort_within > 1 else pool
        batches += _cut(sorted_pool, size)
    return [batches[number] for number in torch.randperm(len(batches), generator=source).tolist()]


def _cut(order: Indices, size: int) -> list[Indices]:
    return [order[begin : begin + size] for begin in range(0, len(order), size)]


def once_seen(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of the ids of words that occur once in the training text: bool [V]."""
    seen = counts == 1
    seen[: BOS_ID + 2] = False
    return np.asarray(seen)


def hide_rare(ids: Indices, rare: NDArray[np.bool_], rate: float, source: torch.Generator) -> Indices:
    """Return the ids with some of them replaced by ``<unk>``, so that its vector is trained; the same array if none.

    Args:
        ids: Word ids.
        rare: Mask of the ids that may be replaced: bool [V].
        rate: Probability of replacing each occurrence.
        source: Source of randomness.
    """
    places = np.flatnonzero(rare[ids])
    if rate == 0 or not len(places):
        return ids
    hidden = torch.rand(len(places), generator=source).numpy() < rate
    found = ids.copy()
    found[places[hidden]] = UNK_ID
    return found


def hidden(ids: Indices, chances: NDArray[np.float32], unknown: int, source: torch.Generator) -> Indices:
    """Return ids with some of them replaced by that of what is unknown.

    Args:
        ids: Ids, such as of words.
        chances: Probability of replacing each occurrence of an id: float32 [ids].
        unknown: The id that replaces them.
        source: Source of randomness.
    """
    if not chances.any():
        return ids
    return np.where(torch.rand(len(ids), generator=source).numpy() < chances[ids], unknown, ids)


def batches_by_length(lengths: Indices, chosen: Indices, words: int) -> Iterator[Indices]:
    """Yield some sequences in batches of similar length, each of at most ``words`` words, padding included.

    Args:
        lengths: Number of words of each sequence: int64 [sequences].
        chosen: Indices of the sequences: int64 [n].
        words: Maximum words of a batch; a longer sequence is one batch.
    """
    order = chosen[np.argsort(lengths[chosen], kind="stable")]
    begin = 0
    while begin < len(order):
        # Lengths increase, so the batch that ends with sequence e has (e − begin + 1) · length[e] words.
        window = order[begin : begin + max(1, words)]
        cost = np.maximum(lengths[window], 1) * np.arange(1, len(window) + 1)
        count = max(1, int(np.searchsorted(cost, words, side="right")))
        yield window[:count]
        begin += count
