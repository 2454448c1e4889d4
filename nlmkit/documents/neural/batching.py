"""Documents as ids, and padded batches of documents of similar length, in which padding never changes a result.

Padding has the id ``PAD_ID``, whose vector is zero and is never trained. It is the id of ``<s>``, which
models of texts do not read.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.layers.word_input import PAD_ID, Rows
from nlmkit.training.batches import hide_rare

STEP_ROWS: Final = 32
"""Fixed cost of a time step of a recurrent layer, in rows."""

WHOLE_WORDS: Final = 150_000
"""Maximum words, padding included, of a training batch read in one part: 50 texts of 3,000 words."""

WHOLE_FLOATS: Final = 400_000_000
"""Maximum number of activations kept for the gradient of such a batch: 1.6 GB of float32."""

LEAST_WHOLE: Final = 8_192
"""Lower limit of that maximum, however wide the network: 50 texts of 160 words."""

PART_WORDS: Final = 32_768
"""Maximum words, padding included, of each part of a larger training batch."""

Indices = NDArray[np.int64]


class Batch(NamedTuple):
    """Documents of one step, one sentence per row.

    Attributes:
        groups: Rows, grouped by similar length so that one long sentence does not pad all others. If
            documents are not split into sentences, there is one group.
        lengths: Number of words of each row: int64 [R].
        sentences: Number of (consecutive) rows of each document: int64 [B]. If documents are not split into
            sentences, R is B and all are 1.
    """

    groups: tuple[Rows, ...]
    lengths: Tensor
    sentences: Tensor

    @property
    def ids(self) -> Tensor:
        """All rows of a batch with one group: int64 [R, T]."""
        (only,) = self.groups
        return only.ids

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        groups = tuple(rows.to(device) for rows in self.groups)
        return Batch(groups, self.lengths.to(device), self.sentences.to(device))


@dataclasses.dataclass(frozen=True, eq=False)
class Documents:
    """Documents as word ids, split into sentences.

    Attributes:
        ids: Ids of all words: int64 [words].
        sentence_offsets: Start of each sentence in ``ids``, and the end of the last: int64 [sentences + 1].
        document_offsets: Start of each document among the sentences, and the end of the last: int64 [documents + 1].
    """

    ids: Indices
    sentence_offsets: Indices
    document_offsets: Indices

    @classmethod
    def whole(cls, ids: NDArray[np.integer], offsets: NDArray[np.integer]) -> Self:
        """Return documents of one sentence each.

        Args:
            ids: Ids of all words: integers [words].
            offsets: Start of each document, and the end of the last: integers [documents + 1].
        """
        return cls(np.asarray(ids, np.int64), np.asarray(offsets, np.int64), np.arange(len(offsets), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.document_offsets) - 1

    @property
    def lengths(self) -> Indices:
        """Number of words of each document: int64 [documents]."""
        return np.diff(self.sentence_offsets[self.document_offsets])

    @functools.cached_property
    def are_whole(self) -> bool:
        """Whether each document is one sentence."""
        return np.array_equal(self.document_offsets, np.arange(len(self.sentence_offsets)))

    def with_ids(self, ids: Indices) -> Documents:
        """Return the same documents with other ids."""
        return Documents(ids, self.sentence_offsets, self.document_offsets)

    def batch(self, chosen: Indices) -> Batch:
        """Return a batch of some documents.

        Args:
            chosen: Indices of the documents: int64 [B].
        """
        counts = self.document_offsets[chosen + 1] - self.document_offsets[chosen]
        begins, lengths = self._rows(chosen)
        groups = tuple(
            Rows(self._side_by_side(begins[numbers], lengths[numbers]), torch.from_numpy(numbers))
            for numbers in self._groups(lengths)
        )
        return Batch(groups, torch.from_numpy(lengths), torch.from_numpy(counts))

    def padded(self, chosen: Indices) -> int:
        """Return the number of words of the batch of some documents, padding included.

        Args:
            chosen: Indices of the documents: int64 [B].
        """
        lengths = self._rows(chosen)[1]
        return sum(len(numbers) * max(1, int(lengths[numbers].max(initial=0))) for numbers in self._groups(lengths))

    def cells(self, chosen: Indices) -> int:
        """Return the number of vectors in the batch of some documents: of its words and of its sentences.

        Args:
            chosen: Indices of the documents: int64 [B].
        """
        found = self.padded(chosen)
        if not self.are_whole:
            sentences = self.document_offsets[chosen + 1] - self.document_offsets[chosen]
            found += len(chosen) * int(sentences.max(initial=0))
        return found

    def _rows(self, chosen: Indices) -> tuple[Indices, Indices]:
        """Return start and number of words of the sentences of some documents: int64 [R] each."""
        if self.are_whole:
            rows = chosen
        else:
            counts = self.document_offsets[chosen + 1] - self.document_offsets[chosen]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            rows = np.repeat(self.document_offsets[chosen], counts) + within
        begins = self.sentence_offsets[rows]
        return begins, self.sentence_offsets[rows + 1] - begins

    def _groups(self, lengths: Indices) -> list[Indices]:
        return [np.arange(len(lengths))] if self.are_whole else similar_lengths(lengths)

    def _side_by_side(self, begins: Indices, lengths: Indices) -> Tensor:
        columns = np.arange(max(1, int(lengths.max(initial=0))))
        is_word = columns < lengths[:, None]
        ids = np.full(is_word.shape, PAD_ID, np.int64)
        ids[is_word] = self.ids[(begins[:, None] + columns)[is_word]]
        return torch.from_numpy(ids)


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Documents with their targets.

    Attributes:
        documents: Documents as ids.
        targets: Class of each document, int64 [documents], or number, float64 [documents].
        extra: Vectors of the ids from V on, for documents that are only scored: float32 [n, d].
        weights: Weight of each document, with the mean one over the training documents: float64 [documents]; None for
            1.
    """

    documents: Documents
    targets: NDArray[Any]
    extra: NDArray[np.float32] | None = None
    weights: NDArray[np.float64] | None = None


def similar_lengths(lengths: Indices) -> list[Indices]:
    """Group rows of similar length, so that they need little padding.

    A group is split in two if that saves a quarter of its words, padding included, beyond the cost of reading shorter
    rows separately (``STEP_ROWS``). If no split does, all rows are one group.

    Args:
        lengths: Number of words of each row: int64 [R].

    Returns:
        Indices of the rows of each group, increasing: int64 [r] each, at least one group.
    """
    order = np.argsort(lengths, kind="stable")
    rising = lengths[order]
    groups, uncut = [], [(0, len(order))]
    while uncut:
        begin, end = uncut.pop()
        if end - begin > 1:
            # After a split the first n rows are padded to the length of the n-th, not of the last.
            shorter, longest = rising[begin : end - 1], rising[end - 1]
            saved = np.arange(1, end - begin) * (longest - shorter) - STEP_ROWS * shorter
            best = int(saved.argmax())
            if 4 * saved[best] > (end - begin) * longest:
                uncut += [(begin, begin + best + 1), (begin + best + 1, end)]
                continue
        groups.append(np.sort(order[begin:end]))
    return groups


def parts_of_batch(
    documents: Documents, chosen: Indices, *, floats: int = 1, whole: int = WHOLE_WORDS, part: int = PART_WORDS
) -> list[Indices]:
    """Split a training batch into parts to bound its memory: one text of 30,000 words would pad all the others.

    The gradients of the parts sum to that of the batch. A batch of ordinary size is one part.

    Args:
        documents: The documents.
        chosen: Indices of the documents of the batch: int64 [B].
        floats: Activations that the network keeps per word; many of them lower ``whole`` and ``part``.
        whole: Words and sentences, padding included, of the largest batch read in one part.
        part: The same for a part of a larger batch; a longer document is one part.
    """
    whole = min(whole, max(WHOLE_FLOATS // max(floats, 1), LEAST_WHOLE))
    if documents.cells(chosen) <= whole:
        return [chosen]
    return list(batches_by_length(documents, chosen, min(part, whole)))


def scoring_batches(documents: Documents, words: int) -> Iterator[Indices]:
    """Yield all documents in batches of similar length, each of at most ``words`` words, padding included.

    Args:
        documents: The documents.
        words: Maximum words of a batch; a longer document is one batch.
    """
    return batches_by_length(documents, np.arange(len(documents)), words)


def batches_by_length(documents: Documents, chosen: Indices, words: int) -> Iterator[Indices]:
    """Yield some documents in batches of similar length, each of at most ``words`` words, padding included.

    Args:
        documents: The documents.
        chosen: Indices of the documents: int64 [n].
        words: Maximum words of a batch; a longer document is one batch.
    """
    lengths = documents.lengths
    order = chosen[np.argsort(lengths[chosen], kind="stable")]
    begin = 0
    while begin < len(order):
        # Lengths increase, so the batch that ends with document e has (e − begin + 1) · length[e] words, and no more
        # sentences; if the sentences are padded, there may be more words.
        window = order[begin : begin + max(1, words)]
        cost = np.maximum(lengths[window], 1) * np.arange(1, len(window) + 1)
        count = max(1, int(np.searchsorted(cost, words, side="right")))
        while count > 1 and (padded := documents.padded(window[:count])) > words:
            count = max(1, min(count - 1, count * words // padded))
        yield window[:count]
        begin += count


def with_unknown(documents: Documents, rare: NDArray[np.bool_], rate: float, source: torch.Generator) -> Documents:
    """Return the documents with some words replaced by ``<unk>``, so that its vector is trained.

    Args:
        documents: The documents.
        rare: Mask of the ids that may be replaced: bool [V].
        rate: Probability of replacing each occurrence.
        source: Source of randomness.
    """
    ids = hide_rare(documents.ids, rare, rate, source)
    return documents if ids is documents.ids else documents.with_ids(ids)


def dev_split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[Indices, Indices]:
    """Return the indices of training and of held-out documents, both increasing.

    The held-out part has round(share · n) documents, distributed over the classes in proportion to their size (largest
    remainders first), but never all of a class; it depends only on labels and seed.

    Args:
        labels: Class of each document: int64 [n].
        share: Share of the held-out part, in [0, 1).
        seed: Seed of the choice.
    """
    source = np.random.default_rng([seed, 0x646576])
    wanted = round(share * len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    quotas = counts * (wanted / max(1, len(labels)))
    taken = np.floor(quotas).astype(np.int64)
    for index in np.argsort(-(quotas - taken), kind="stable")[: wanted - int(taken.sum())].tolist():
        taken[index] += 1
    taken = np.minimum(taken, counts - 1)
    dev: Sequence[Indices] = [
        source.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in zip(classes, taken.tolist(), strict=True)
    ]
    is_dev = np.zeros(len(labels), np.bool_)
    is_dev[np.concatenate(dev) if dev else np.empty(0, np.int64)] = True
    return np.flatnonzero(~is_dev), np.flatnonzero(is_dev)
