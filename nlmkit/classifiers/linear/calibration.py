"""Probabilities of margins: Platt's scaling (1999), for any number of classes.

The probabilities are softmax(scale · margins + offsets), with scale and offsets fitted to margins of texts that were
held out ("Probabilistic outputs for support vector machines", in Advances in Large Margin Classifiers). For two
classes with opposite margins that is Platt's sigmoid.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.documents.weights import rescaled

_RANGE: Final = 12.0
"""Bound of the search: absolute natural logarithm of the scale."""

_BLOCK: Final = 1 << 22
"""Margins processed at a time; bounds the working memory."""


def softmax(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of each row: float64, of the same shape."""
    shares: NDArray[np.float64] = margins - margins.max(axis=1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def fit_scale_and_offsets(
    margins: NDArray[np.float64], targets: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> tuple[float, NDArray[np.float64]]:
    """Fit scale and offsets by maximum likelihood of the targets, with L-BFGS.

    Targets are smoothed as in Platt's paper (each text has a small share of every other class), which keeps the scale
    finite for perfectly separated margins.

    Args:
        margins: Held-out margins: float64 [texts, classes].
        targets: Right class of each text: int64 [texts].
        weights: Weight of each text: float64 [texts]; None for 1.

    Returns:
        The scale, positive, and the offsets, which sum to zero: float64 [classes].
    """
    from scipy.optimize import minimize

    texts, classes = margins.shape
    shares = rescaled(weights)
    block = max(_BLOCK // classes, 1)

    def part(values: NDArray[np.float64], rows: slice) -> tuple[float, NDArray[np.float64]]:
        own = margins[rows]
        smoothed = np.full(own.shape, 1 / (texts + classes))
        smoothed[np.arange(len(own)), targets[rows]] += texts / (texts + classes)
        scale = math.exp(values[0])
        logits = scale * own + values[1:]
        gaps = (softmax(logits) - smoothed) / texts
        each: Any = 1.0 if shares is None else shares[rows]
        if shares is not None:
            gaps *= shares[rows, None]
        gradient = np.concatenate([[scale * (gaps * own).sum()], gaps.sum(axis=0)])
        highest = logits.max(axis=1)
        log_sums = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        return float(((log_sums - (smoothed * logits).sum(axis=1)) * each).sum()) / texts, gradient

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(classes + 1)
        for start in range(0, texts, block):
            own, slope = part(values, slice(start, start + block))
            total += own
            gradient += slope
        return total, gradient

    bounds = [(-_RANGE, _RANGE), *[(None, None)] * classes]
    found = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return math.exp(found[0]), found[1:] - found[1:].mean()
