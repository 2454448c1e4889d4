"""The k greatest values of each row, with an exact rule for ties: ``top_k``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.errors import NotNormalizedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK: Final = 128
"""Number of columns whose maximum is found at once."""


def top_k(scores: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the k greatest values of each row and their columns, greatest first; of equal ones the lower column first.

    One pass over ``scores`` finds the maxima of blocks of columns. The k greatest values are in the k blocks with the
    greatest maxima, if of blocks with equal maxima the first ones are chosen; only these are searched.

    Args:
        scores: Floating-point [n, V]; it is not changed.
        k: At least 1; if it is greater than V, all values are returned.

    Returns:
        Values, of the dtype of ``scores``, and columns, int64: [n, min(k, V)].

    Raises:
        NotNormalizedError: A value is NaN or +inf.
    """
    count, width = scores.shape
    k = min(k, width)
    blocks = width // _BLOCK
    if not (count and k):
        return np.empty((count, k), scores.dtype), np.empty((count, k), np.int64)
    if k == 1 or blocks <= 2 * k:
        _check(scores)
        return _greatest(scores, k)
    even = blocks * _BLOCK  # the columns beyond are searched in any case
    blocked = scores[:, :even].reshape(count, blocks, _BLOCK)
    maxima = blocked.max(axis=2)
    _check(maxima)
    _check(scores[:, even:])
    chosen = _greatest(maxima, k)[1]
    chosen.sort(axis=1)  # so that a lower place among the candidates is a lower column
    candidates = np.empty((count, k * _BLOCK + width - even), scores.dtype)
    candidates[:, : k * _BLOCK].reshape(count, k, _BLOCK)[:] = blocked[np.arange(count)[:, None], chosen]
    candidates[:, k * _BLOCK :] = scores[:, even:]
    values, places = _greatest(candidates, k)
    block, offset = np.divmod(places, _BLOCK)
    beyond = block >= k
    begins = np.take_along_axis(chosen, np.minimum(block, k - 1), axis=1)
    return values, np.where(beyond, places - k * _BLOCK + even, begins * _BLOCK + offset)


def _greatest(scores: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """``top_k`` by looking at all values."""
    count, width = scores.shape
    if k == 1:
        best = scores.argmax(axis=1)[:, None]
        return np.take_along_axis(scores, best, axis=1), best
    least = np.partition(scores, width - k, axis=1)[:, width - k, None]
    chosen = scores >= least
    if np.count_nonzero(chosen) > count * k:  # more values than places are equal to the least
        greater = scores > least
        equal = chosen & ~greater
        chosen = greater | (equal & (equal.cumsum(axis=1) <= k - greater.sum(axis=1, keepdims=True)))
    columns = chosen.nonzero()[1].reshape(count, k)
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(columns, order, axis=1)


def _check(scores: NDArray[Any]) -> None:
    if scores.size and not scores.max() < np.inf:  # the maximum of values with a NaN is NaN
        raise NotNormalizedError("cannot search: the model's next-word scores are NaN or infinite")
