"""Witten–Bell smoothing, interpolated (Witten & Bell 1991, method C; Chen & Goodman 1998)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Discounted, Estimate, interpolate, totals
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate p(w|h) = (c(hw) + T(h) · p(w|h′)) / (c(h) + T(h)), where T(h) distinct words follow h.

    The unigrams back off to the uniform distribution. A pruned n-gram adds its count to T(h) in the numerator.
    """
    orders = []
    for k in range(1, counts.order + 1):
        values = raw_counts(counts, k)
        types = totals(counts, k, (values > 0).astype(np.float64))
        pruned = totals(counts, k, np.where(options.keep[k - 1], 0, values))
        orders.append(Discounted(values, types + pruned, totals(counts, k, values) + types))
    return Estimate(*interpolate(counts, orders, options.workers))
