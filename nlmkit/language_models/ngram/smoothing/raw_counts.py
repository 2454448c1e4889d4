"""Raw counts, as the methods that do not adjust them see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.text.vocabulary import BOS_ID


def raw_counts(counts: NGramCounts, k: int) -> NDArray[np.int64]:
    """How often each k-gram occurs, int64 [n_k]; 0 for ``<s>``, which is no event."""
    values = counts.levels[k - 1].raw
    if k == 1:
        values = values.copy()
        values[BOS_ID] = 0
    return values
