"""Counts combined: the sum of the counts of two texts, and counts over another vocabulary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids, Level, NGramCounts, adjust, unigram_level


def added(one: NGramCounts, other: NGramCounts) -> NGramCounts:
    """Return the counts of two texts together, equal to those of counting one text after the other.

    Args:
        one: Counts of the first text.
        other: Counts of the second text, of the same order and over the same vocabulary.
    """
    levels = [unigram_level(one.levels[0].raw + other.levels[0].raw)]
    identity: Ids = np.arange(one.vocabulary_size, dtype=np.int32)
    mappings = [identity, identity]
    for pair in zip(one.levels[1:], other.levels[1:], strict=True):
        level, mappings = _merged(pair, mappings)
        levels.append(level)
    adjust(levels)
    return dataclasses.replace(one, levels=levels)


def with_more_words(counts: NGramCounts, size: int) -> NGramCounts:
    """Return the same counts over a vocabulary of ``size`` ids, of which the further ones were not counted.

    Words without counts at the end of the old vocabulary can be other words in the new one.
    """
    raw = counts.levels[0].raw
    unigrams = np.zeros(size, np.int64)
    kept = min(size, len(raw))
    unigrams[:kept] = raw[:kept]
    levels = [unigram_level(unigrams), *(dataclasses.replace(level) for level in counts.levels[1:])]
    adjust(levels)
    return dataclasses.replace(counts, levels=levels)


def mapped(counts: NGramCounts, ids: Ids, size: int) -> NGramCounts:
    """Return the counts of the text in which each word is replaced by another, such as rare ones by ``<unk>``.

    Args:
        counts: Counts over the words of the text.
        ids: The new id of each old one, int32 [V]; those of ``<s>`` and ``</s>`` are their own, and no other's.
        size: Number of new ids.
    """
    levels = [unigram_level(_summed(ids, counts.levels[0].raw, size))]
    lower = ids
    for level in counts.levels[1:]:
        keys = (lower[level.suffix].astype(np.int64) << 32) | ids[level.first]
        unique, index, inverse = np.unique(keys, return_index=True, return_inverse=True)
        levels.append(
            Level(
                first=(unique & 0xFFFFFFFF).astype(np.int32),
                suffix=(unique >> 32).astype(np.int32),
                history=lower[level.history[index]],
                raw=(raw := _summed(inverse, level.raw, len(unique))),
                adjusted=raw,
            )
        )
        lower = inverse.astype(np.int32)
    adjust(levels)
    return dataclasses.replace(counts, levels=levels)


def _merged(levels: Sequence[Level], lower: Sequence[Ids]) -> tuple[Level, list[Ids]]:
    """Merge counts of one order over one vocabulary.

    Args:
        levels: The counts to merge; adjusted counts are not used.
        lower: For each of them, the merged index of its n-grams of the order below, int32 [n_(k−1)]. Both are in suffix
            order, so that this keeps their keys sorted.

    Returns:
        The merged counts, without adjusted counts, and the merged index of the n-grams of each: int32 [n_k].
    """
    keys = [(ids[level.suffix].astype(np.int64) << 32) | level.first for level, ids in zip(levels, lower, strict=True)]
    merged = np.sort(np.concatenate(keys))
    merged = merged[np.diff(merged, prepend=-1) != 0]  # keys are not negative
    raw = np.zeros(len(merged), np.int64)
    history = np.empty(len(merged), np.int32)
    mappings = []
    for level, ids, own in zip(levels, lower, keys, strict=True):
        mapping = np.searchsorted(merged, own).astype(np.int32)
        raw[mapping] += level.raw
        history[mapping] = ids[level.history]
        mappings.append(mapping)
    first = (merged & 0xFFFFFFFF).astype(np.int32)
    return Level(first, (merged >> 32).astype(np.int32), history, raw, raw), mappings


def _summed(index: NDArray[np.integer], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, index, values)
    return sums
