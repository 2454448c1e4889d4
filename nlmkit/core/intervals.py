"""Percentile intervals of figures over resamples (Efron & Tibshirani 1993)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
"""Share of the resamples inside an interval."""


def interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the interval of resamples, without those in which the figure is undefined (NaN); None without any."""
    import numpy as np

    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]).tolist()
    return low, high
