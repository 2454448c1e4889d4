"""Documents as ids, and padded batches of them: by similar length, and such that padding can change no result.

Padding has an id of its own, :data:`PAD_ID`, whose vector is zero and is never trained. It is the id of ``<s>``, which
no model of texts ever reads.
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

from nlmkit.text.vocabulary import BOS_ID, UNK_ID

PAD_ID: Final = BOS_ID

STEP_ROWS: Final = 32
"""A time step costs a recurrent layer as much as this many rows, besides those that it has."""

WHOLE_WORDS: Final = 150_000
"""A training batch of up to so many words, padding included, is read at once: 50 texts of 3,000 words."""

WHOLE_FLOATS: Final = 400_000_000
"""The same as numbers that the network keeps for its gradient: 1.6 GB of float32."""

LEAST_WHOLE: Final = 8_192
"""Of the widest network, too, a batch of so many words is read at once: 50 texts of 160 words."""

PART_WORDS: Final = 32_768
"""Most words, padding included, of each part of a larger training batch."""

Indices = NDArray[np.int64]


class Rows(NamedTuple):
    """Sentences of a batch that lie side by side.

    Attributes:
        ids: One sentence a row, padded with :data:`PAD_ID`: int64 [r, t], t ≥ 1.
        numbers: Which rows of the batch these are, rising: int64 [r].
    """

    ids: Tensor
    numbers: Tensor

    def to(self, device: torch.device) -> Rows:
        """The same on a device."""
        return Rows(self.ids.to(device), self.numbers.to(device))


class Batch(NamedTuple):
    """Documents side by side, one sentence a row.

    Attributes:
        groups: The rows, those of similar length together, so that one long sentence does not pad all others. Where
            documents are not divided into sentences, there is one group.
        lengths: Words of each row: int64 [R].
        sentences: Rows of each document, which follow one another: int64 [B]. Where documents are not divided into
            sentences, R is B and these are ones.
    """

    groups: tuple[Rows, ...]
    lengths: Tensor
    sentences: Tensor

    @property
    def ids(self) -> Tensor:
        """All rows, of a batch with one group: int64 [R, T]."""
        (only,) = self.groups
        return only.ids

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        groups = tuple(rows.to(device) for rows in self.groups)
        return Batch(groups, self.lengths.to(device), self.sentences.to(device))


@dataclasses.dataclass(frozen=True, eq=False)
class Documents:
    """Documents of sentences of words, as ids.

    Attributes:
        ids: Of all words: int64 [words].
        sentence_offsets: Where each sentence begins in ``ids``, and the last one ends: int64 [sentences + 1].
        document_offsets: Where each document begins among the sentences, and the last one ends: int64 [documents + 1].
    """

    ids: Indices
    sentence_offsets: Indices
    document_offsets: Indices

    @classmethod
    def whole(cls, ids: NDArray[np.integer], offsets: NDArray[np.integer]) -> Self:
        """Documents that are one sentence each.

        Args:
            ids: Of all words: integers [words].
            offsets: Where each document begins, and the last one ends: integers [documents + 1].
        """
        return cls(np.asarray(ids, np.int64), np.asarray(offsets, np.int64), np.arange(len(offsets), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.document_offsets) - 1

    @property
    def lengths(self) -> Indices:
        """Words of each document: int64 [documents]."""
        return np.diff(self.sentence_offsets[self.document_offsets])

    @functools.cached_property
    def are_whole(self) -> bool:
        """Whether each document is one sentence."""
        return np.array_equal(self.document_offsets, np.arange(len(self.sentence_offsets)))

    def with_ids(self, ids: Indices) -> Documents:
        """The same documents with other ids."""
        return Documents(ids, self.sentence_offsets, self.document_offsets)

    def batch(self, chosen: Indices) -> Batch:
        """Some documents as a batch.

        Args:
            chosen: Their numbers: int64 [B].
        """
        counts = self.document_offsets[chosen + 1] - self.document_offsets[chosen]
        begins, lengths = self._rows(chosen)
        groups = tuple(
            Rows(self._side_by_side(begins[numbers], lengths[numbers]), torch.from_numpy(numbers))
            for numbers in self._groups(lengths)
        )
        return Batch(groups, torch.from_numpy(lengths), torch.from_numpy(counts))

    def words(self, chosen: Indices) -> int:
        """Words of some documents, without padding.

        Args:
            chosen: Their numbers: int64 [B].
        """
        ends, begins = (
            self.sentence_offsets[self.document_offsets[chosen + 1]],
            self.sentence_offsets[self.document_offsets[chosen]],
        )
        return int((ends - begins).sum())

    def padded(self, chosen: Indices) -> int:
        """Words that the batch of some documents has with its padding.

        Args:
            chosen: Their numbers: int64 [B].
        """
        lengths = self._rows(chosen)[1]
        return sum(len(numbers) * max(1, int(lengths[numbers].max(initial=0))) for numbers in self._groups(lengths))

    def cells(self, chosen: Indices) -> int:
        """Vectors that the batch of some documents has: those of its words and, above them, of its sentences.

        Args:
            chosen: Their numbers: int64 [B].
        """
        found = self.padded(chosen)
        if not self.are_whole:
            sentences = self.document_offsets[chosen + 1] - self.document_offsets[chosen]
            found += len(chosen) * int(sentences.max(initial=0))
        return found

    def _rows(self, chosen: Indices) -> tuple[Indices, Indices]:
        """Where the sentences of some documents begin, and their words: int64 [R] each."""
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
        documents: As ids.
        targets: Class of each, int64 [documents]; or its number, float64 [documents].
        extra: Of documents that are only scored: vectors of the ids from V on, float32 [n, d].
    """

    documents: Documents
    targets: NDArray[Any]
    extra: NDArray[np.float32] | None = None


def similar_lengths(lengths: Indices) -> list[Indices]:
    """Rows in groups of similar length, so that they need little padding.

    A group is cut in two where that saves a quarter of its words, padding included, beyond what reading the shorter
    rows by themselves costs (:data:`STEP_ROWS`). Where no cut does, all rows are one group.

    Args:
        lengths: Words of each row: int64 [R].

    Returns:
        Numbers of the rows of each group, rising: int64 [r] each, at least one group.
    """
    order = np.argsort(lengths, kind="stable")
    rising = lengths[order]
    groups, uncut = [], [(0, len(order))]
    while uncut:
        begin, end = uncut.pop()
        if end - begin > 1:
            # After a cut the first n rows are padded to the n-th, no longer to the last.
            shorter, longest = rising[begin : end - 1], rising[end - 1]
            saved = np.arange(1, end - begin) * (longest - shorter) - STEP_ROWS * shorter
            best = int(saved.argmax())
            if 4 * saved[best] > (end - begin) * longest:
                uncut += [(begin, begin + best + 1), (begin + best + 1, end)]
                continue
        groups.append(np.sort(order[begin:end]))
    return groups


def training_batches(lengths: Indices, size: int, sort_within: int, source: torch.Generator) -> list[Indices]:
    """The documents of an epoch in batches, in random order.

    The shuffled documents are sorted by length within pools of ``sort_within`` batches, so that a batch holds documents
    of similar length and little padding; then the batches are shuffled. With ``sort_within=1`` batches are plainly
    random.

    Args:
        lengths: Words of each document: int64 [documents].
        size: Documents of a batch; the last one of a pool may have fewer.
        sort_within: Batches of a pool.
        source: Source of randomness.
    """
    order = torch.randperm(len(lengths), generator=source).numpy()
    batches: list[Indices] = []
    for pool in _cut(order, size * sort_within):
        sorted_pool = pool[np.argsort(lengths[pool], kind="stable")] if sort_within > 1 else pool
        batches += _cut(sorted_pool, size)
    return [batches[number] for number in torch.randperm(len(batches), generator=source).tolist()]


def parts_of_batch(
    documents: Documents, chosen: Indices, *, floats: int = 1, whole: int = WHOLE_WORDS, part: int = PART_WORDS
) -> list[Indices]:
    """A training batch in parts, so that its memory has a bound: one text of 30,000 words would pad all the others.

    The gradients of the parts add up to that of the batch. A batch of ordinary size is one part.

    Args:
        documents: The documents.
        chosen: Numbers of those in the batch: int64 [B].
        floats: Numbers that the network keeps for each word, which lowers ``whole`` and ``part`` for a wide one.
        whole: Words and sentences, padding included, of the largest batch that is read at once.
        part: The same of a part of a larger batch; a longer document is a part of its own.
    """
    whole = min(whole, max(WHOLE_FLOATS // max(floats, 1), LEAST_WHOLE))
    if documents.cells(chosen) <= whole:
        return [chosen]
    return list(batches_by_length(documents, chosen, min(part, whole)))


def scoring_batches(documents: Documents, words: int) -> Iterator[Indices]:
    """All documents in batches of similar length, each of at most ``words`` words with its padding.

    Args:
        documents: The documents.
        words: Most words of a batch; a longer document is a batch of its own.
    """
    return batches_by_length(documents, np.arange(len(documents)), words)


def batches_by_length(documents: Documents, chosen: Indices, words: int) -> Iterator[Indices]:
    """Some documents in batches of similar length, each of at most ``words`` words with its padding.

    Args:
        documents: The documents.
        chosen: Numbers of the documents wanted: int64 [n].
        words: Most words of a batch; a longer document is a batch of its own.
    """
    lengths = documents.lengths
    order = chosen[np.argsort(lengths[chosen], kind="stable")]
    begin = 0
    while begin < len(order):
        # Lengths rise, so the batch that ends with document e has (e − begin + 1) · length[e] words, and no more
        # sentences; where the sentences are what is padded, there may be more words.
        window = order[begin : begin + max(1, words)]
        cost = np.maximum(lengths[window], 1) * np.arange(1, len(window) + 1)
        count = max(1, int(np.searchsorted(cost, words, side="right")))
        while count > 1 and (padded := documents.padded(window[:count])) > words:
            count = max(1, min(count - 1, count * words // padded))
        yield window[:count]
        begin += count


def _cut(order: Indices, size: int) -> list[Indices]:
    return [order[begin : begin + size] for begin in range(0, len(order), size)]


def once_seen(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which ids stand for words that occur once in the training text: bool [V]."""
    seen = counts == 1
    seen[: BOS_ID + 2] = False
    return np.asarray(seen)


def with_unknown(documents: Documents, rare: NDArray[np.bool_], rate: float, source: torch.Generator) -> Documents:
    """The documents with some words read as ``<unk>``, so that its vector is learnt.

    Args:
        documents: The documents.
        rare: Which ids may be read so: bool [V].
        rate: Chance of each place where one of them stands.
        source: Source of randomness.
    """
    places = np.flatnonzero(rare[documents.ids])
    if rate == 0 or not len(places):
        return documents
    hidden = torch.rand(len(places), generator=source).numpy() < rate
    ids = documents.ids.copy()
    ids[places[hidden]] = UNK_ID
    return documents.with_ids(ids)


def dev_split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[Indices, Indices]:
    """Numbers of the documents to train on and of those to watch, both rising.

    The dev part has round(share · n) documents, shared among the classes as the classes share the text (largest
    remainders first), but never all of a class; it depends on labels and seed alone.

    Args:
        labels: Class of each document: int64 [n].
        share: Share of the dev part, in [0, 1).
        seed: Of the choice.
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
