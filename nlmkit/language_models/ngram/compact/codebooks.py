"""Quantisation of logarithms to a codebook per order: ``Codebook``.

Values that must stay exact (zero, and −inf) have codes of their own. Half of the others begin in bins of equal
population, as in KenLM (Federico & Bertoldi 2006, "How many bits are needed to store probabilities for phrase-based
translation?"), half at equal distances; then some rounds of Lloyd's algorithm, k-means in one dimension, move them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ROUNDS: Final = 3
"""Of Lloyd's algorithm; more draw values away from the sparse ends, where a few large probabilities need them."""

_EVENLY: Final = 0.5
"""Share of codes that begin at equal distances."""

_LEAST: Final = -16.0
"""Least logarithm of those."""

_EXACT: Final = (-np.inf, 0.0)


def codebook(values: NDArray[np.floating[Any]], bits: int) -> NDArray[np.float32]:
    """Return at most 2^bits values to represent ``values`` by, sorted: float32. Few distinct ones stay exact."""
    room = 1 << bits
    ordered = np.sort(values.astype(np.float64))
    distinct = np.unique(ordered.astype(np.float32))
    if len(distinct) <= room:
        return distinct
    exact = np.array([value for value in _EXACT if value in distinct], np.float64)
    ordered = ordered[np.isfinite(ordered) & (ordered != 0.0)]
    centers = _centers(ordered, room - len(exact))
    return np.unique(np.concatenate([exact, centers]).astype(np.float32))


def encode(values: NDArray[np.floating[Any]], book: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the index of the nearest entry of ``book``, of those with the same exactness: int64 [n]."""
    finite = np.flatnonzero(np.isfinite(book) & (book != 0.0))
    if not len(finite):
        return np.searchsorted(book, values.astype(np.float32))
    middles = _middles(book[finite].astype(np.float64))
    codes = finite[np.searchsorted(middles, values)]
    for value in _EXACT:
        at = np.flatnonzero(book == value)
        if len(at):
            codes[values == value] = at[0]
    return codes


def _centers(ordered: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    evenly = int(number * _EVENLY)
    low, high = max(ordered[0], _LEAST), ordered[-1]
    places = np.linspace(0, len(ordered) - 1, number - evenly + 2)[1:-1].astype(np.int64)
    centers = np.unique(np.concatenate([ordered[places], np.linspace(low, high, evenly)]))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ROUNDS):
        bounds = np.concatenate([[0], np.searchsorted(ordered, _middles(centers)), [len(ordered)]])
        sizes = np.diff(bounds)
        moved = np.diff(sums[bounds])[sizes > 0] / sizes[sizes > 0]
        if np.array_equal(moved, centers):
            break
        centers = moved
    return centers


def _middles(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    middles: NDArray[np.float64] = (centers[1:] + centers[:-1]) / 2
    return middles
