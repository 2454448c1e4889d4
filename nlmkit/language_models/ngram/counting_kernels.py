"""Machine code with the functions of ``counting_arrays``, and sums of counts; it runs without Python's lock.

This module imports numba; import it only where a long text is counted.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.compiling import compiled
from nlmkit.language_models.ngram.threads import Threads
from nlmkit.text.vocabulary import BOS_ID

Ids = NDArray[np.int32]

_FEW = 32
_DIGIT = 11
_MANY = 1 << _DIGIT


def refined(  # noqa: PLR0917
    words: Ids, at: Ids, begins: Ids, first: Ids, distance: int, word_bits: int
) -> tuple[Ids, Ids, Ids, Ids]:
    """See ``counting_arrays.refined``; ``at`` is overwritten."""
    keys, other = np.empty(len(at), np.int64), np.empty(len(at), np.int64)
    suffix, longer, starts = (np.empty(len(at) + 1, np.int32) for _ in range(3))
    number = _refine(words, at, begins, first, distance, word_bits, keys, other, suffix, longer, starts)
    starts = starts[: number + 1].copy()
    return suffix[:number].copy(), at[: starts[-1]], starts, longer[:number].copy()


@compiled
def number(ids: Any, at: Any, begins: Any) -> None:
    """See ``counting_arrays.number``."""
    for gram in range(len(begins) - 1):
        for i in range(begins[gram], begins[gram + 1]):
            ids[at[i]] = gram


def histories(words: Ids, at: Ids, begins: Ids, ids: Ids, base_of: Ids) -> Ids:
    """See ``counting_arrays.histories``."""
    found = np.empty(len(begins) - 1, np.int32)
    _histories(words, at, begins, ids, base_of, found)
    return found


@compiled
def _histories(  # noqa: PLR0917
    words: Any, at: Any, begins: Any, ids: Any, base_of: Any, found: Any
) -> None:
    for gram in range(len(found)):
        before = at[begins[gram]] - 1
        found[gram] = ids[before] + base_of[words[before]]


def sums(  # noqa: PLR0917
    history: Ids,
    values: NDArray[np.int64],
    discounts: NDArray[np.float64],
    keep: NDArray[np.bool_],
    contexts: int,
    workers: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``gamma`` and ``total`` of ``estimates.Discounted``: float64 [contexts] each.

    Each thread has a range of the contexts, so that additions are in the order of the n-grams.
    """
    gamma, total = np.zeros(contexts), np.zeros(contexts)
    bounds = [contexts * part // workers for part in range(workers + 1)]
    add = partial(_add, history, values, discounts, keep, gamma, total)
    with Threads(workers) as threads:
        for _ in threads.map(add, bounds[:-1], bounds[1:]):
            pass
    return gamma, total


@compiled
def _add(  # noqa: PLR0917
    history: Any, values: Any, discounts: Any, keep: Any, gamma: Any, total: Any, low: int, high: int
) -> None:
    greatest = len(discounts) - 1
    for i in range(len(history)):
        context = history[i]
        if low <= context < high:
            value = values[i]
            total[context] += value
            gamma[context] += discounts[min(value, greatest)] if keep[i] else value


@compiled
def _refine(  # noqa: PLR0917
    words: Any,
    at: Any,
    begins: Any,
    first: Any,
    distance: int,
    word_bits: int,
    keys: Any,
    other: Any,
    suffix: Any,
    longer: Any,
    starts: Any,
) -> int:
    # of n-grams that are dropped, too: one plain loop, whose reads from all over the text overlap
    for i in range(len(at)):
        keys[i] = (np.int64(words[at[i] - distance]) << 32) | np.int64(at[i])
    counts = np.zeros(_MANY, np.int64)
    written = number = 0
    for gram in range(len(first)):
        if first[gram] == BOS_ID:
            continue
        begin = begins[gram]
        size = begins[gram + 1] - begin
        ordered = keys[begin : begin + size]
        if size > 1:
            ordered = _ordered(ordered, other, word_bits, counts)
        last = np.int64(-1)
        for i in range(size):
            word = ordered[i] >> 32
            if word != last:
                last = word
                suffix[number] = gram
                longer[number] = word
                starts[number] = written
                number += 1
            at[written] = ordered[i] & 0xFFFFFFFF
            written += 1
    starts[number] = written
    return number


@compiled
def _ordered(keys: Any, other: Any, word_bits: int, counts: Any) -> Any:
    """Sort keys by their words; return the array, of the two given, that holds them then."""
    size = len(keys)
    if size <= _FEW:
        for i in range(1, size):
            key = keys[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j] = keys[j - 1]
                j -= 1
            keys[j] = key
        return keys
    digit = _DIGIT if size > _MANY else 8
    mask = (1 << digit) - 1
    for shift in range(32, 32 + word_bits, digit):
        counts[: mask + 1] = 0
        for i in range(size):
            counts[(keys[i] >> shift) & mask] += 1
        total = 0
        for value in range(mask + 1):
            count = counts[value]
            counts[value] = total
            total += count
        for i in range(size):
            value = (keys[i] >> shift) & mask
            other[counts[value]] = keys[i]
            counts[value] += 1
        keys, other = other, keys
    return keys
