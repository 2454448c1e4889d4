"""Pairs of sources and targets as ids, and padded batches of them, in which padding never changes a result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.seq2seq.neural.module import SourceBatch
from nlmkit.seq2seq.pairs import Condition, Pairs, Sources
from nlmkit.text.vocabulary import EOS_ID

Indices = NDArray[np.int64]


class Batch(NamedTuple):
    """Pairs of one step, side by side, time first.

    Attributes:
        sources: The sources.
        inputs: Ids that the decoder reads, ``</s>`` first, any in the padding: int64 [T, B].
        targets: Events that it predicts, ``</s>`` in the padding: int64 [T, B].
        lengths: Number of events of each target: int64 [B].
    """

    sources: SourceBatch
    inputs: Tensor
    targets: Tensor
    lengths: Tensor

    @property
    def is_event(self) -> Tensor:
        """Return whether places are events, not padding: bool [T, B]."""
        return torch.arange(len(self.inputs), device=self.lengths.device).unsqueeze(1) < self.lengths

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        return Batch(self.sources.to(device), *(each.to(device) for each in self[1:]))


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Rows of ids, one after another.

    Attributes:
        ids: int64 [all].
        offsets: Where each row begins, and where the last one ends: int64 [rows + 1].
    """

    ids: Indices
    offsets: Indices

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Indices:
        """Number of ids of each row: int64 [rows]."""
        return np.diff(self.offsets)

    def padded(self, chosen: Indices) -> tuple[Indices, Indices]:
        """Return some rows side by side, with ``</s>`` after their ends, int64 [T, B], T ≥ 1, and their lengths [B]."""
        begins = self.offsets[chosen]
        lengths = self.offsets[chosen + 1] - begins
        time = np.arange(max(1, int(lengths.max(initial=0))))[:, None]
        inside = time < lengths
        found = np.full(inside.shape, EOS_ID, np.int64)
        found[inside] = self.ids[(begins + time)[inside]]
        return found, lengths


@dataclasses.dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions as a network reads them: rows of the events of texts, or vectors; the other one is None.

    Attributes:
        rows: Events of texts: their words and one ``</s>`` each.
        vectors: float32 [n, d].
    """

    rows: Rows | None = None
    vectors: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, sources: Sources) -> Conditions:
        """Return encoded sources as a network reads them."""
        if sources.vectors is not None:
            return cls(vectors=np.asarray(sources.vectors, np.float32))
        return cls(_with_ends(sources.ids.astype(np.int64), sources.offsets))

    @classmethod
    def of_list(cls, conditions: Sequence[Condition]) -> Conditions:
        """Return conditions as ``SequenceToSequence.start`` takes them."""
        if conditions and np.issubdtype(conditions[0].dtype, np.floating):
            return cls(vectors=np.stack(conditions).astype(np.float32, copy=False))
        offsets = np.cumsum([0, *map(len, conditions)], dtype=np.int64)
        ids = np.concatenate([np.zeros(0, np.int64), *conditions]).astype(np.int64)
        return cls(_with_ends(ids, offsets))

    def __len__(self) -> int:
        if self.vectors is not None:
            return len(self.vectors)
        assert self.rows is not None
        return len(self.rows)

    @property
    def lengths(self) -> Indices:
        """Number of events of each text, 1 for a vector: int64 [n]."""
        return np.ones(len(self), np.int64) if self.rows is None else self.rows.lengths

    def batch(self, chosen: Indices) -> SourceBatch:
        """Return a batch of some conditions, by their indices: int64 [B]."""
        if self.vectors is not None:
            return SourceBatch(vectors=torch.from_numpy(self.vectors[chosen]))
        assert self.rows is not None
        ids, lengths = self.rows.padded(chosen)
        return SourceBatch(torch.from_numpy(ids), torch.from_numpy(lengths))


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Sources and targets as a network reads them.

    Attributes:
        conditions: The sources.
        targets: Events of the targets: their words and one ``</s>`` each.
    """

    conditions: Conditions
    targets: Rows

    @classmethod
    def of(cls, pairs: Pairs) -> EncodedPairs:
        """Return pairs as a network reads them."""
        targets = Rows(pairs.event_ids.astype(np.int64), np.asarray(pairs.event_offsets, np.int64))
        return cls(Conditions.of(pairs.sources), targets)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def events(self) -> int:
        """Number of events of all targets."""
        return len(self.targets.ids)

    @property
    def lengths(self) -> Indices:
        """Number of events of each target: int64 [pairs]."""
        return self.targets.lengths

    @property
    def size(self) -> Indices:
        """Number of events of the longer side of each pair: int64 [pairs]."""
        return np.maximum(self.targets.lengths, self.conditions.lengths)

    def batch(self, chosen: Indices) -> Batch:
        """Return a batch of some pairs, by their indices: int64 [B]."""
        targets, lengths = self.targets.padded(chosen)
        inputs = np.empty_like(targets)
        inputs[0], inputs[1:] = EOS_ID, targets[:-1]
        arrays = (torch.from_numpy(each) for each in (inputs, targets, lengths))
        return Batch(self.conditions.batch(chosen), *arrays)


def epoch_batches(
    lengths: Indices, others: Indices, count: int, sort_within: int, source: torch.Generator
) -> list[Indices]:
    """Return the pairs of an epoch in batches of about equally many target events, in random order.

    The shuffled pairs are sorted by the lengths of targets, then of sources, within pools of ``sort_within`` batches,
    up in one pool and down in the next, so that batches have little padding. Their number is always ``count``.

    Args:
        lengths: Number of events of each target: int64 [pairs].
        others: Number of events of each source: int64 [pairs].
        count: Number of batches, at most that of pairs.
        sort_within: Batches per pool; 1 for random batches.
        source: Source of randomness.
    """
    order = torch.randperm(len(lengths), generator=source).numpy()
    if sort_within > 1:
        pools = np.array_split(order, max(1, round(count / sort_within)))
        order = np.concatenate([_sorted(pool, lengths, others)[:: 1 - 2 * (n % 2)] for n, pool in enumerate(pools)])
    ends = np.cumsum(lengths[order])
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count)
    # Every batch has a pair: cuts increase, and leave enough for those behind them.
    numbers = np.arange(1, count)
    cuts = np.maximum.accumulate(np.maximum(cuts, numbers) - numbers) + numbers
    cuts = np.minimum(cuts, len(order) - numbers[::-1])
    batches = np.split(order, cuts)
    return [batches[number] for number in torch.randperm(count, generator=source).tolist()]


def parts_of_batch(sizes: Indices, chosen: Indices, most: int) -> Iterator[Indices]:
    """Yield a batch, or parts of it of at most ``most`` places, padding included, if it is very large.

    Args:
        sizes: Number of events of the longer side of each pair: int64 [pairs].
        chosen: Indices of the batch: int64 [B].
        most: Maximum number of places; a longer pair is a part of its own.
    """
    from nlmkit.training.batches import batches_by_length

    if len(chosen) * int(sizes[chosen].max()) <= most:
        yield chosen
    else:
        yield from batches_by_length(sizes, chosen, most)


def _sorted(pool: Indices, lengths: Indices, others: Indices) -> Indices:
    return pool[np.lexsort((others[pool], lengths[pool]))]


def _with_ends(ids: Indices, offsets: NDArray[np.int64]) -> Rows:
    """Return rows with one ``</s>`` at the end of each."""
    return Rows(np.insert(ids, offsets[1:], EOS_ID), offsets + np.arange(len(offsets)))
