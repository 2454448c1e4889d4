"""Probabilities of cache models: of words given the recent events of a text.

Unigram caches count the events in a window (Kuhn & De Mori 1990), optionally with a weight that decays with age
(Clarkson & Robinson 1997). Neural caches weight each past event by the similarity of the hidden state before it to the
current one (Grave, Joulin & Usunier 2017). The batch functions and the incremental ones agree; for unigram caches they
are bit-identical, since both add the same numbers in the same order, the latest event first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_EVENTS: Final = 256
"""Events per block of hidden states compared with their windows."""


def unigram_probs(ids: NDArray[np.int32], window: int, decay: float) -> NDArray[np.float64]:
    """Return the probability of each event under a unigram cache of the events before it; 0 for the first event.

    Args:
        ids: The text's events, int32 [events].
        window: Number of events in the cache.
        decay: Weight of an event relative to the one after it; 1 weights all equally.

    Returns:
        float64 [events].
    """
    if not len(ids):
        return np.empty(0)
    ages = np.minimum(np.arange(len(ids)), window)  # events in the cache before each
    totals = np.concatenate([[np.inf], _totals(min(window, len(ids)), decay)])
    weights = _counts_in_window(ids, window) if decay == 1 else _decayed_in_window(ids, window, decay)
    probs: NDArray[np.float64] = weights / totals[ages]
    return probs


def unigram_row(history: Sequence[int], size: int, decay: float) -> NDArray[np.float64]:
    """Return the probability of each vocabulary id under a unigram cache: float64 [size].

    Args:
        history: The events in the cache, the latest first; at least one.
        size: Number of vocabulary ids.
        decay: As for ``unigram_probs``.
    """
    weights = _powers(len(history), decay)
    return _by_word(history, weights, size) / float(_totals(len(history), decay)[-1])


def neural_probs(
    ids: NDArray[np.int32], hidden: NDArray[np.float32], window: int, thetas: Sequence[float]
) -> NDArray[np.float64]:
    """Return the probability of each event under a neural cache of the events before it; 0 for the first event.

    The weight of past event i at event t is exp(θ h_t·h_i), with h_i the hidden state before event i.

    Args:
        ids: The text's events, int32 [events].
        hidden: Hidden state before each event, float32 [events, h].
        window: Number of events in the cache.
        thetas: Values of θ, at least zero.

    Returns:
        float64 [thetas, events].
    """
    probs = np.zeros((len(thetas), len(ids)))
    for begin in range(0, len(ids), BLOCK_EVENTS):
        end, first = min(begin + BLOCK_EVENTS, len(ids)), max(0, begin - window)
        products = hidden[begin:end].astype(np.float64) @ hidden[first:end].astype(np.float64).T
        ages = np.arange(begin, end)[:, None] - np.arange(first, end)
        outside = (ages < 1) | (ages > window)
        same = ids[begin:end, None] == ids[first:end]
        # Relative to the largest of each window, which then has weight 1 for every θ; avoids 0 · ∞ for θ = 0.
        products -= np.where(outside, -np.inf, products).max(axis=1, keepdims=True, initial=np.finfo(np.float64).min)
        products[outside] = 0.0
        for row, theta in zip(probs, thetas, strict=True):
            weights = np.exp(theta * products)
            weights[outside] = 0.0
            totals = weights.sum(axis=1)
            totals[totals == 0] = np.inf  # before the first event of the text
            weights *= same
            row[begin:end] = weights.sum(axis=1) / totals
    return probs


def neural_row(
    history: Sequence[int], keys: NDArray[np.float32], query: NDArray[np.float32], size: int, theta: float
) -> NDArray[np.float64]:
    """Return the probability of each vocabulary id under a neural cache: float64 [size].

    Args:
        history: The events in the cache, the latest first; at least one.
        keys: The hidden state before each of them, float32 [len(history), h].
        query: The hidden state now, float32 [h].
        size: Number of vocabulary ids.
        theta: θ, at least zero.
    """
    scores = theta * (keys.astype(np.float64) @ query.astype(np.float64))
    weights = np.exp(scores - scores.max())
    return _by_word(history, weights, size) / float(weights.sum())


def interpolate(
    log_probs: NDArray[np.float64], cached: NDArray[np.float64], weight: float, filled: Any = True
) -> NDArray[np.float64]:
    """Return ln((1 − λ) p + λ c), or ln p where the cache is empty.

    Args:
        log_probs: ln p, of any shape.
        cached: c, of the same shape.
        weight: λ, below one.
        filled: Whether the cache has events, for all values or for each.
    """
    with np.errstate(divide="ignore"):
        mixed = np.logaddexp(log_probs + np.log1p(-weight), np.log(cached) + np.log(weight))
    return np.where(filled, mixed, log_probs)


def _by_word(history: Sequence[int], weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the sum of the weights of each vocabulary id, added in the order of the history: float64 [size]."""
    return np.bincount(np.asarray(history, np.intp), weights, size).astype(np.float64, copy=False)


def _powers(length: int, decay: float) -> NDArray[np.float64]:
    """Return the weights by age, from age 1 on: float64 [length]."""
    powers: NDArray[np.float64] = np.power(float(decay), np.arange(length, dtype=np.float64))
    return powers


def _totals(length: int, decay: float) -> NDArray[np.float64]:
    """Return the sums of the weights of the latest 1, 2, … events: float64 [length]."""
    return _powers(length, decay).cumsum()


def _by_id(ids: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions sorted by id and position, and for each the first with its id: int64 [events]."""
    order = np.argsort(ids, kind="stable")
    begins = np.flatnonzero(np.concatenate([[True], ids[order][1:] != ids[order][:-1]]))
    lengths = np.diff(np.concatenate([begins, [len(ids)]]))
    return order, np.repeat(begins, lengths)


def _counts_in_window(ids: NDArray[np.int32], window: int) -> NDArray[np.float64]:
    """Return the number of occurrences of each event among the ``window`` before it: float64 [events]."""
    order, begins = _by_id(ids)
    # One key for id and position, so that one search finds the start of an event's window among equal ids.
    keys = begins * len(ids) + order
    oldest = np.searchsorted(keys, begins * len(ids) + np.maximum(order - window, 0))
    counts = np.empty(len(ids))
    counts[order] = np.arange(len(ids)) - oldest
    return counts


def _decayed_in_window(ids: NDArray[np.int32], window: int, decay: float) -> NDArray[np.float64]:
    """Return the same with occurrences weighted by age, the latest added first: float64 [events]."""
    order, begins = _by_id(ids)
    powers = _powers(min(window, len(ids)), decay)
    sums = np.zeros(len(ids))
    at = np.arange(len(ids))
    for back in range(1, len(ids)):
        at = at[at - back >= begins[at]]
        ages = order[at] - order[at - back]
        inside = ages <= window
        at, ages = at[inside], ages[inside]
        if not len(at):
            break
        sums[order[at]] += powers[ages - 1]
    return sums
