"""Probabilities of margins: Platt's scaling (1999), for any number of classes.

The probabilities are softmax(scale · margins + offsets), with scale and offsets fitted to margins of texts that were
held out ("Probabilistic outputs for support vector machines", in Advances in Large Margin Classifiers). For two
classes with opposite margins that is Platt's sigmoid.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

_RANGE: Final = 12.0
"""Natural logarithm of the largest scale, and the negative one of the smallest, that is looked at."""


def softmax(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of each row: float64, of the same shape."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def fit_scale_and_offsets(
    margins: NDArray[np.float64], targets: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64]]:
    """Maximum likelihood of the targets, by L-BFGS.

    Targets are smoothed as Platt does (each text is given a small share of every other class), so that the scale stays
    finite where the margins are always right.

    Args:
        margins: Held-out margins: float64 [texts, classes].
        targets: Right class of each text: int64 [texts].

    Returns:
        The scale, positive, and the offsets, which sum to zero: float64 [classes].
    """
    from scipy.optimize import minimize

    texts, classes = margins.shape
    smoothed = np.full(margins.shape, 1 / (texts + classes))
    smoothed[np.arange(texts), targets] += texts / (texts + classes)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale = math.exp(values[0])
        logits = scale * margins + values[1:]
        shares = softmax(logits)
        highest = logits.max(axis=1)
        log_sums = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        gaps = (shares - smoothed) / texts
        gradient = np.concatenate([[scale * (gaps * margins).sum()], gaps.sum(axis=0)])
        return float((log_sums - (smoothed * logits).sum(axis=1)).mean()), gradient

    bounds = [(-_RANGE, _RANGE), *[(None, None)] * classes]
    found = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return math.exp(found[0]), found[1:] - found[1:].mean()
