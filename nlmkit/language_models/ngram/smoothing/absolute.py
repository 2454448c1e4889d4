"""Absolute discounting, interpolated (Ney, Essen & Kneser 1994)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, interpolate, overridden, subtract
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts

FALLBACK = 0.75
"""Fallback discount of an order whose discount cannot be estimated; typical estimates are close to it."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate with one discount per order on raw counts, interpolated with the order below and the uniform."""
    orders, discounts, notes = [], [], []
    for k in range(1, counts.order + 1):
        values = raw_counts(counts, k)
        once, twice = (int(np.count_nonzero(values == count)) for count in (1, 2))
        discount, note = single_discount(k, once, twice, options)
        discounts.append([discount])
        notes += note
        orders.append(subtract(counts, k, values, np.array([0.0, discount]), options.keep, workers=options.workers))
    probs, backoffs = interpolate(counts, orders, options.workers)
    return Estimate(probs, backoffs, discounts=discounts, notes=notes)


def single_discount(k: int, once: int, twice: int, options: Options) -> tuple[float, list[str]]:
    """Return the discount n1 / (n1 + 2·n2) of order k, or the user's, and a note if the fallback is used.

    Args:
        k: The order.
        once: n1, the number of k-grams with a count of one.
        twice: n2, the number with a count of two.
        options: Options with the user's discounts.
    """
    given = overridden(options.discounts, k, 1)
    if given is not None:
        return given[0], []
    for count, number in ((1, once), (2, twice)):
        if number == 0:
            reason = f"no n-gram has a count of {count}, so no discount can be estimated"
            return FALLBACK, [f"order {k}: {reason}; using discount {FALLBACK}"]
    return once / (once + 2 * twice), []
