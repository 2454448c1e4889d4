"""Counting of n-grams in memory; ``occurrences`` sorts the places where they end."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram import occurrences
from nlmkit.language_models.ngram.threads import Threads
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID

Ids = NDArray[np.int32]

_MOST_WORDS = 1 << 26
_BLOCK = 1 << 18


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


def count_ngrams(
    event_ids: Ids,
    order: int,
    vocabulary_size: int,
    *,
    part_words: int = occurrences.PART_WORDS,
    workers: int = 1,
    advance: Callable[[int], None] = lambda events: None,
) -> NGramCounts:
    """Count all n-grams of orders 1 to ``order``.

    Args:
        event_ids: Vocabulary ids of a text, int32 [events]; each sentence ends with ``</s>``.
        order: Highest order.
        vocabulary_size: Number of vocabulary ids.
        part_words: Words that are sorted at a time, about.
        workers: Number of threads; the counts do not depend on it.
        advance: Called with the number of events counted.

    Returns:
        The counts. Contexts at the beginning of a sentence start with one ``<s>``.

    Raises:
        HyperParameterError: The vocabulary is too large.
    """
    if vocabulary_size > _MOST_WORDS:
        raise HyperParameterError(
            f"a vocabulary of {vocabulary_size} words is too large to count: limit it with vocabulary_size or min_count"
        )
    words = _with_marks(event_ids)
    part_words = max(1, min(part_words, -(-len(words) // (4 * workers)))) if workers > 1 else part_words
    with Threads(workers) as threads:
        levels = [unigram_level(occurrences.numbers(words, vocabulary_size))]
        text = occurrences.Text(words, levels[0].raw, part_words, threads)
        if order == 1:
            advance(len(event_ids))
        for k in range(2, order + 1):
            text.begin(highest=k == order)
            found = []
            for part, grams in zip(text.parts, threads.map(partial(text.grams, k), text.parts), strict=True):
                found.append(grams)
                advance(part.events * (k - 1) // (order - 1) - part.events * (k - 2) // (order - 1))
            first, suffix, history, raw = text.joined(k, found, threads)
            levels.append(Level(first, suffix, history, raw, raw))
    adjust(levels)
    return NGramCounts(levels)


@dataclasses.dataclass
class Boundaries:
    """Consecutive words with ``<s>`` before each sentence.

    Attributes:
        words: Ids, int32 [n].
        depth: Words since ``<s>``, int32 [n]: 0 at ``<s>`` itself.
    """

    words: Ids
    depth: Ids


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


def _with_marks(event_ids: Ids) -> Ids:
    """Return the words of ``with_boundaries``, in less memory; none for a text without events."""
    begins = np.flatnonzero(event_ids == EOS_ID)[:-1] + 1
    return np.insert(event_ids, np.concatenate([[0], begins]), BOS_ID) if len(event_ids) else event_ids


_NO_IDS = np.empty(0, np.int32)


def unigram_level(counts: NDArray[np.int64]) -> Level:
    """Return the unigrams with their numbers of occurrences, int64 [V]."""
    return Level(np.arange(len(counts), dtype=np.int32), _NO_IDS, _NO_IDS, counts, counts)


def adjust(levels: list[Level]) -> None:
    """Set the adjusted counts of all orders from the raw ones."""
    for lower, upper in itertools.pairwise(levels):
        extensions = _numbers_of_children(upper.suffix, len(lower))
        np.copyto(extensions, lower.raw, where=lower.first == BOS_ID)
        lower.adjusted = extensions
    unigrams = levels[0].adjusted.copy()
    unigrams[BOS_ID] = 0
    levels[0].adjusted = unigrams


def _numbers_of_children(suffix: Ids, number: int) -> NDArray[np.int64]:
    """Return how many n-grams have each of ``number`` suffixes, int64; ``suffix`` [n] is sorted."""
    found = np.zeros(number, np.int64)
    for begin in range(0, len(suffix), _BLOCK):  # ``bincount`` of all would convert all
        block = suffix[begin : begin + _BLOCK]
        counts = np.bincount(block - block[0])
        found[block[0] : block[0] + len(counts)] += counts
    return found
