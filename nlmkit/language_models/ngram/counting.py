"""Counting of n-grams: chunks of text become sorted unique runs, which are merged.

Within a chunk every k-gram gets the key (id of its suffix, first word). Ids are dense ranks in suffix order (the
last word compares first), so a sorted list of keys is also in suffix order. The key is packed into one int64 with
its position: sorting values is far cheaper than sorting permutations, and the position yields the inverse mapping
for free.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.threads import Threads
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID

Ids = NDArray[np.int32]
Keys = NDArray[np.int64]

CHUNK_EVENTS = 1 << 22
"""Events per chunk; a chunk needs about 100 bytes of working memory per event."""

_LEAST_SHARE = 1 << 16
_WORD_BITS = 32
_LEAST_POSITION_BITS = 10


@dataclasses.dataclass
class Level:
    """All distinct k-grams of one order k, in suffix order. All arrays have length n_k.

    Attributes:
        first: Id of the first word, int32.
        suffix: Index, at order k−1, of the k-gram without its first word, int32 (empty for unigrams).
        history: Index, at order k−1, of the k-gram without its last word, int32 (empty for unigrams).
        raw: Occurrences in the text, int64.
        adjusted: Number of distinct words to the left, int64; equal to ``raw`` at the highest order and for k-grams
            that start with ``<s>``, zero for ``<s>`` itself (Kneser & Ney 1995; Chen & Goodman 1998).
    """

    first: Ids
    suffix: Ids
    history: Ids
    raw: NDArray[np.int64]
    adjusted: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)


@dataclasses.dataclass
class NGramCounts:
    """The n-grams of a text: ``levels[k - 1]`` holds those of order k.

    Unigrams are indexed by vocabulary id and include words that never occur.

    Attributes:
        levels: The n-grams by order.
        closed: Whether ``<unk>`` gets no probability; it must not be counted then.
    """

    levels: list[Level]
    closed: bool = False

    @property
    def order(self) -> int:
        """The highest order counted."""
        return len(self.levels)

    @property
    def vocabulary_size(self) -> int:
        """Number of vocabulary ids, including ``<s>``."""
        return len(self.levels[0])

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        return int(self.levels[0].raw[EOS_ID])

    @property
    def events(self) -> int:
        """Number of words and sentence ends."""
        unigrams = self.levels[0].raw
        return int(unigrams.sum() - unigrams[BOS_ID])

    @property
    def predictable(self) -> int:
        """Number of ids that get a probability: all except ``<s>``, and ``<unk>`` of a closed vocabulary."""
        return self.vocabulary_size - (2 if self.closed else 1)

    @property
    def uniform(self) -> NDArray[np.float64]:
        """The uniform distribution that the unigrams back off to: float64 [V]; the value of ``<s>`` is not used."""
        values = np.full(self.vocabulary_size, 1.0 / self.predictable)
        if self.closed:
            values[UNK_ID] = 0.0
        return values


@dataclasses.dataclass
class _Run:
    """Sorted unique k-grams of one order of one chunk; ids are local to the chunk."""

    suffix: Ids
    first: Ids
    history: Ids
    counts: NDArray[np.int64]


def count_ngrams(
    event_ids: Ids,
    order: int,
    vocabulary_size: int,
    *,
    chunk_events: int = CHUNK_EVENTS,
    workers: int = 1,
    advance: Callable[[int], None] = lambda events: None,
) -> NGramCounts:
    """Count all n-grams of orders 1 to ``order``.

    Args:
        event_ids: Vocabulary ids of a text, int32 [events]; each sentence ends with ``</s>``.
        order: Highest order.
        vocabulary_size: Number of vocabulary ids.
        chunk_events: Events per chunk.
        workers: Number of threads, each of which has a chunk in memory; the counts do not depend on it.
        advance: Called with the number of events counted.

    Returns:
        The counts. Contexts at the beginning of a sentence start with one ``<s>``.
    """
    word_bits = max(1, int(vocabulary_size - 1).bit_length())
    # A key holds a suffix (at most as many as positions; of bigrams any word), a word and a position.
    position_bits = min((63 - word_bits) // 2, 63 - 2 * word_bits, 31)
    if position_bits < _LEAST_POSITION_BITS:
        raise HyperParameterError(
            f"a vocabulary of {vocabulary_size} words is too large to count: limit it with vocabulary_size or min_count"
        )
    chunk_events = min(chunk_events, (1 << position_bits) // 2 - order)  # every event may bring one <s> along
    if workers > 1:
        chunk_events = max(min(chunk_events, -(-len(event_ids) // workers)), min(chunk_events, _LEAST_SHARE))
    unigrams = np.zeros(vocabulary_size, np.int64)
    runs: list[list[_Run]] = []

    def count(chunk: Boundaries) -> tuple[NDArray[np.int64], list[_Run], int]:
        words = np.bincount(chunk.words[chunk.overlap :], minlength=vocabulary_size)
        return words, _count_chunk(chunk, order, word_bits), int(np.count_nonzero(chunk.depth[chunk.overlap :]))

    with Threads(workers) as threads:
        for words, counted, events in threads.map(count, _chunks(event_ids, chunk_events, order)):
            unigrams += words
            runs.append(counted)
            advance(events)
        levels = [unigram_level(unigrams)]
        local_to_global: list[Ids] = [np.arange(vocabulary_size, dtype=np.int32)] * len(runs)
        for k in range(2, order + 1):
            level, local_to_global = _merge([run[k - 2] for run in runs], local_to_global, threads)
            levels.append(level)
            for run in runs:
                run[k - 2] = _EMPTY_RUN  # release memory as the merge goes up
    adjust(levels)
    return NGramCounts(levels)


@dataclasses.dataclass
class Boundaries:
    """Consecutive words with ``<s>`` before each sentence.

    Attributes:
        words: Ids, int32 [n].
        depth: Words since ``<s>``, int32 [n]: 0 at ``<s>`` itself.
        overlap: Number of words at the front that repeat the end of the previous chunk, where they were counted; they
            serve as context.
    """

    words: Ids
    depth: Ids
    overlap: int = 0


def _chunks(event_ids: Ids, size: int, order: int) -> Iterator[Boundaries]:
    """Cut the text at sentence ends into chunks of at most about ``size`` events.

    A sentence longer than a chunk is cut with an overlap of ``order − 1`` words, so every n-gram is counted exactly
    once.
    """
    begin = 0
    while begin < len(event_ids):
        ends = np.flatnonzero(event_ids[begin : begin + size] == EOS_ID)
        if len(ends):
            end = begin + int(ends[-1]) + 1
            yield with_boundaries(event_ids[begin:end])
        else:
            # one sentence, longer than a chunk
            after = begin + size
            while not len(ends) and after < len(event_ids):
                ends = np.flatnonzero(event_ids[after : after + size] == EOS_ID) + after
                after += size
            end = int(ends[0]) + 1 if len(ends) else len(event_ids)
            yield from _pieces(event_ids[begin:end], size, order)
        begin = end


def _pieces(sentence: Ids, size: int, order: int) -> Iterator[Boundaries]:
    words = np.concatenate([np.array([BOS_ID], np.int32), sentence])
    depth = np.arange(len(words), dtype=np.int32)
    for begin in range(0, len(words), size):
        overlap = min(begin, order - 1)
        piece = slice(begin - overlap, begin + size)
        yield Boundaries(words[piece], depth[piece], overlap)


def with_boundaries(event_ids: Ids) -> Boundaries:
    """Insert ``<s>`` before each sentence of ``event_ids``, int32 [events]; each sentence ends with ``</s>``."""
    ends = np.flatnonzero(event_ids == EOS_ID)
    starts = np.concatenate([[0], ends[:-1] + 1])
    bos_at = starts + np.arange(len(starts))
    total = len(event_ids) + len(starts)
    is_word = np.ones(total, bool)
    is_word[bos_at] = False
    words = np.full(total, BOS_ID, np.int32)
    words[is_word] = event_ids
    lengths = np.diff(np.append(bos_at, total))
    depth = np.arange(total, dtype=np.int32) - np.repeat(bos_at.astype(np.int32), lengths)
    return Boundaries(words, depth)


def _count_chunk(chunk: Boundaries, order: int, word_bits: int) -> list[_Run]:
    words = chunk.words
    wide = words.astype(np.int64)
    position_bits = max(1, len(words).bit_length())
    position_mask = (1 << position_bits) - 1
    word_mask = (1 << word_bits) - 1
    ids = words  # id, at order k − 1, of the k-gram that ends at each position
    runs = []
    for k in range(2, order + 1):
        at = np.flatnonzero(chunk.depth[k - 1 :] >= k - 1) + (k - 1)
        keys = ids[at].astype(np.int64)
        keys <<= word_bits
        keys |= wide[at - (k - 1)]
        keys <<= position_bits
        keys |= at
        keys.sort()
        at = keys & position_mask
        keys >>= position_bits
        new = np.empty(len(keys), bool)
        new[:1] = True
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        begins = np.flatnonzero(new)
        rank = np.cumsum(new, dtype=np.int32)
        rank -= 1
        unique = keys[begins]
        counts = np.diff(begins, append=len(keys))
        if chunk.overlap and len(begins):
            counts = np.add.reduceat((at >= chunk.overlap).astype(np.int64), begins)
        runs.append(
            _Run(
                suffix=(unique >> word_bits).astype(np.int32),
                first=(unique & word_mask).astype(np.int32),
                history=ids[at[begins] - 1],
                counts=counts,
            )
        )
        following = np.zeros(len(words), np.int32)
        following[at] = rank
        ids = following
    return runs


_NO_IDS = np.empty(0, np.int32)
_EMPTY_RUN = _Run(_NO_IDS, _NO_IDS, _NO_IDS, np.empty(0, np.int64))


def unigram_level(counts: NDArray[np.int64]) -> Level:
    """Return the unigrams with their numbers of occurrences, int64 [V]."""
    return Level(np.arange(len(counts), dtype=np.int32), _NO_IDS, _NO_IDS, counts, counts)


def _merge(runs: Sequence[_Run], lower: Sequence[Ids], threads: Threads) -> tuple[Level, list[Ids]]:
    """Merge the runs of one order; ``lower`` maps each run's ids of the order below to the merged ids.

    Both id spaces are in suffix order, so the mapping is monotonic and keeps a run sorted.
    """
    if len(runs) == 1:
        run = runs[0]
        level = Level(run.first, run.suffix, run.history, run.counts, run.counts)
        return level, [np.arange(len(run.first), dtype=np.int32)]
    keys = list(threads.map(_global_keys, runs, lower))
    merged = _sorted_unique(keys, threads)
    raw = np.zeros(len(merged), np.int64)
    history = np.empty(len(merged), np.int32)
    mappings = []
    for run, ids, mapping in zip(runs, lower, threads.map(partial(_places, merged), keys), strict=True):
        raw[mapping] += run.counts
        history[mapping] = ids[run.history]
        mappings.append(mapping)
    first = (merged & ((1 << _WORD_BITS) - 1)).astype(np.int32)
    return Level(first, (merged >> _WORD_BITS).astype(np.int32), history, raw, raw), mappings


def merge_levels(levels: Sequence[Level], lower: Sequence[Ids]) -> tuple[Level, list[Ids]]:
    """Merge counts of one order over one vocabulary.

    Args:
        levels: The counts to merge; adjusted counts are not used.
        lower: For each of them, the merged index of its n-grams of the order below, int32 [n_(k−1)].

    Returns:
        The merged counts, without adjusted counts, and the merged index of the n-grams of each: int32 [n_k].
    """
    runs = [_Run(level.suffix, level.first, level.history, level.raw) for level in levels]
    with Threads(1) as threads:
        return _merge(runs, lower, threads)


def _global_keys(run: _Run, ids: Ids) -> Keys:
    return (ids[run.suffix].astype(np.int64) << _WORD_BITS) | run.first


def _places(merged: Keys, own: Keys) -> Ids:
    return np.searchsorted(merged, own).astype(np.int32)


def _sorted_unique(keys: Sequence[Keys], threads: Threads) -> Keys:
    """Return the union of sorted keys; each thread has a range of them."""
    longest = max(keys, key=len, default=np.empty(0, np.int64))
    at = [len(longest) * part // threads.workers for part in range(1, threads.workers)]
    splitters = longest[at] if len(longest) else np.zeros(len(at), np.int64)
    bounds = [[0, *np.searchsorted(own, splitters), len(own)] for own in keys]

    def union(part: int) -> Keys:
        pieces = [own[ends[part] : ends[part + 1]] for own, ends in zip(keys, bounds, strict=True)]
        merged = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
        merged.sort()
        new = np.ones(len(merged), bool)
        np.not_equal(merged[1:], merged[:-1], out=new[1:])
        return merged[new]

    parts = list(threads.map(union, range(threads.workers)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def adjust(levels: list[Level]) -> None:
    """Set the adjusted counts of all orders from the raw ones."""
    for lower, upper in itertools.pairwise(levels):
        extensions = np.bincount(upper.suffix, minlength=len(lower))
        lower.adjusted = np.where(lower.first == BOS_ID, lower.raw, extensions)
    unigrams = levels[0].adjusted.copy()
    unigrams[BOS_ID] = 0
    levels[0].adjusted = unigrams
