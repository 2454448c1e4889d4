"""Counts combined: the sum of the counts of two texts, and counts over another vocabulary."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids, Level, NGramCounts, adjust, merge_levels, unigram_level


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
        level, mappings = merge_levels(pair, mappings)
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


def _summed(index: NDArray[np.integer], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, index, values)
    return sums
