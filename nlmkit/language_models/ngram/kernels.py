"""Machine code that scores texts order by order, without Python's lock: a step of ``scoring.score_by_kernels``.

A step turns ``ids``, which hold the index of the n-gram of order k − 1 that ends at each position or −1, into those of
order k. It goes from the end of the text to its beginning, so that the context before a position is not yet replaced.

This module imports numba, which compiles the steps; import it only where a long text is scored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nlmkit.core.compiling import compiled


@compiled
def extend(  # noqa: PLR0917
    k: int,
    words: Any,
    depth: Any,
    ids: Any,
    scores: Any,
    lengths: Any,
    first: Any,
    children: Any,
    log_probs: Any,
    backoffs: Any,
    unseen: float,
) -> None:
    """Step of an exact table; see ``BackoffTable`` for its arrays of order k and, of the last two, k − 1."""
    for at in range(len(words) - 1, -1, -1):
        if depth[at] < k - 1:
            ids[at] = -1
            continue
        context = ids[at - 1]
        scores[at] += backoffs[context] if context >= 0 else unseen
        suffix = ids[at]
        if suffix < 0:
            continue
        word = words[at - k + 1]
        low, size = children[suffix], children[suffix + 1] - children[suffix]
        ids[at] = -1
        if size == 0:
            continue
        while size > 1:
            half = size >> 1
            if first[low + half] <= word:
                low += half
            size -= half
        if first[low] == word:
            ids[at] = low
            scores[at] = log_probs[low]
            lengths[at] = k


@compiled
def _field(words: Any, start: Any, width: Any, index: Any) -> Any:
    """Value number ``index`` of ``width`` bits, from the word ``start`` on."""
    bit = np.uint64(index) * np.uint64(width)
    at = np.uint64(start) + (bit >> np.uint64(6))
    shift = bit & np.uint64(63)
    both = (words[at] >> shift) | ((words[at + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift))
    return np.int64(both & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)))


@compiled
def _offset(words: Any, bases: Any, starts: Any, index: Any) -> Any:
    block = index >> 6
    start = starts[block]
    width = np.int64(starts[block + 1]) - np.int64(start)
    if width == 0:
        return np.int64(bases[block])
    return np.int64(bases[block]) + _field(words, start, width, index & 63)


@compiled
def extend_packed(  # noqa: PLR0917
    k: int,
    words: Any,
    depth: Any,
    ids: Any,
    scores: Any,
    lengths: Any,
    first: Any,
    first_width: int,
    children: Any,
    bases: Any,
    starts: Any,
    log_probs: Any,
    log_prob_codes: Any,
    log_prob_width: int,
    backoffs: Any,
    backoff_codes: Any,
    backoff_width: int,
    unseen: float,
) -> None:
    """Step of a ``CompactTable``; a width of codes of 0 is that of values without a codebook."""
    for at in range(len(words) - 1, -1, -1):
        if depth[at] < k - 1:
            ids[at] = -1
            continue
        context = ids[at - 1]
        if context < 0:
            scores[at] += unseen
        elif backoff_width:
            scores[at] += backoffs[_field(backoff_codes, 0, backoff_width, context)]
        else:
            scores[at] += backoffs[context]
        suffix = ids[at]
        if suffix < 0:
            continue
        word = words[at - k + 1]
        low = _offset(children, bases, starts, suffix)
        size = _offset(children, bases, starts, suffix + 1) - low
        ids[at] = -1
        if size == 0:
            continue
        while size > 1:
            half = size >> 1
            if _field(first, 0, first_width, low + half) <= word:
                low += half
            size -= half
        if _field(first, 0, first_width, low) == word:
            ids[at] = low
            if log_prob_width:
                scores[at] = log_probs[_field(log_prob_codes, 0, log_prob_width, low)]
            else:
                scores[at] = log_probs[low]
            lengths[at] = k
