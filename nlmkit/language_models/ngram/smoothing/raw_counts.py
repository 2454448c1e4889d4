"""Raw counts for the methods that do not adjust them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.text.vocabulary import BOS_ID


def raw_counts(counts: NGramCounts, k: int) -> NDArray[np.int64]:
    """Return the number of occurrences of each k-gram, int64 [n_k]; 0 for ``<s>``, which is not an event."""
    values = counts.levels[k - 1].raw
    if k == 1:
        values = values.copy()
        values[BOS_ID] = 0
    return values
