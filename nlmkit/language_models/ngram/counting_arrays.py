"""Sorting of the places where n-grams end, by NumPy; ``counting_kernels`` does the same in machine code."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.vocabulary import BOS_ID

Ids = NDArray[np.int32]

_KEY_BITS: Final = 63


def refined(  # noqa: PLR0917
    words: Ids, at: Ids, begins: Ids, first: Ids, distance: int, word_bits: int
) -> tuple[Ids, Ids, Ids, Ids]:
    """Sort the places of each n-gram by the word before it; those of n-grams that begin with ``<s>`` are dropped.

    Args:
        words: The text.
        at: As in ``occurrences.Part``, like ``begins`` and ``first``.
        begins: See ``at``.
        first: See ``at``.
        distance: Words between the end of an n-gram and the word before it.
        word_bits: Bits of the ids of words.

    Returns:
        For each n-gram one word longer the index of its suffix; ``at``, ``begins`` and ``first`` of these: int32 each.
    """
    stays = first != BOS_ID
    sizes = np.diff(begins)
    lower = np.repeat(np.flatnonzero(stays), sizes[stays])
    at = at[np.repeat(stays, sizes)]
    before = words[at - np.int32(distance)]
    position_bits = len(at).bit_length()
    if len(first).bit_length() + word_bits + position_bits <= _KEY_BITS:
        # sorted values are found many times as fast as a sorting permutation
        keys = lower << word_bits
        keys |= before
        keys <<= position_bits
        keys |= np.arange(len(keys))
        keys.sort()
        order = keys & ((1 << position_bits) - 1)
    else:
        order = np.lexsort((before, lower))
    at, before = at[order], before[order]
    new = np.ones(len(at), np.bool_)
    new[1:] = (before[1:] != before[:-1]) | (lower[1:] != lower[:-1])
    starts = np.flatnonzero(new)
    return (
        lower[starts].astype(np.int32),
        at,
        np.append(starts, len(at)).astype(np.int32),
        before[starts],
    )


def number(ids: Ids, at: Ids, begins: Ids) -> None:
    """Write the index of each n-gram to ``ids`` where it ends."""
    ids[at] = np.repeat(np.arange(len(begins) - 1, dtype=np.int32), np.diff(begins))


def histories(words: Ids, at: Ids, begins: Ids, ids: Ids, base_of: Ids) -> Ids:
    """Return the index of each n-gram without its last word, int32 [n].

    Args:
        words: The text.
        at: As in ``occurrences.Part``, like ``begins``.
        begins: See ``at``.
        ids: Index in its part of the n-gram one word shorter that ends at each place.
        base_of: Number of those n-grams in the parts before that of each word.
    """
    before = at[begins[:-1]] - np.int32(1)
    found: Ids = ids[before] + base_of[words[before]]
    return found
