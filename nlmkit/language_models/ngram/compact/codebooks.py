"""Quantisation of logarithms to a codebook per order: ``Codebook``.

Values that must stay exact (zero, and −inf) have codes of their own. The other codes begin as bins of equal population,
as in KenLM (Heafield 2011, "KenLM: faster and smaller language model queries"; Federico & Bertoldi 2006), and are moved
by Lloyd's algorithm, k-means in one dimension, which lowers the squared error.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ROUNDS: Final = 30
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
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    bounds = np.linspace(0, len(ordered), number + 1).astype(np.int64)
    centers = np.empty(0)
    for _ in range(_ROUNDS + 1):
        sizes = np.diff(bounds)
        means = np.diff(sums[bounds])[sizes > 0] / sizes[sizes > 0]
        if np.array_equal(means, centers):
            break
        centers = means
        bounds = np.concatenate([[0], np.searchsorted(ordered, _middles(centers)), [len(ordered)]])
    return centers


def _middles(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    middles: NDArray[np.float64] = (centers[1:] + centers[:-1]) / 2
    return middles
