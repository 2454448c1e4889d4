"""Features of the context of an event, from which the weights of the distributions are computed, too."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEATURES: Final = 3
"""Number of features of a context of one length."""

_LEAST: Final = -8.0
"""Least logarithm of a backoff weight among the features."""


def features_of(log_backoffs: NDArray[np.floating], followers: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the features of contexts that were seen; those of all others are zeros.

    They are 1, half the logarithm of the backoff weight, and a quarter of that of the number of distinct words that
    follow, which together show how often the context was seen: all of the magnitude of one.

    Args:
        log_backoffs: Natural logarithms of the backoff weights: [n].
        followers: Numbers of distinct words that follow: [n].

    Returns:
        float32 [n, FEATURES].
    """
    found = np.ones((len(log_backoffs), FEATURES), np.float32)
    found[:, 1] = np.maximum(log_backoffs, _LEAST) / 2
    found[:, 2] = np.log(np.maximum(followers, 1)) / 4
    return found
