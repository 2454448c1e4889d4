"""Kneser–Ney smoothing, interpolated, with one discount per order (Kneser & Ney 1995; Chen & Goodman 1998)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, interpolate, subtract
from nlmkit.language_models.ngram.smoothing.absolute import single_discount
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import count_of_counts
from nlmkit.language_models.ngram.smoothing.options import Options


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate with absolute discounting of adjusted counts."""
    orders, discounts, notes = [], [], []
    for k, level in enumerate(counts.levels, 1):
        once, twice = count_of_counts(level, k < counts.order)[:2]
        discount, note = single_discount(k, once, twice, options)
        discounts.append([discount])
        notes += note
        orders.append(
            subtract(counts, k, level.adjusted, np.array([0.0, discount]), options.keep, workers=options.workers)
        )
    probs, backoffs = interpolate(counts, orders, options.workers)
    return Estimate(probs, backoffs, discounts=discounts, notes=notes)
