"""Modified Kneser–Ney smoothing, interpolated (Chen & Goodman 1998, equations 24 to 26)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import Level, NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, interpolate, overridden, subtract
from nlmkit.language_models.ngram.smoothing.options import Options

_BLOCK = 1 << 18

FALLBACK = [0.5, 1.0, 1.5]
"""Discounts of an order whose discounts cannot be estimated, as in KenLM's ``--discount_fallback``."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate with three discounts per order (for counts of one, two, and three or more) on adjusted counts."""
    orders, discounts, notes = [], [], []
    for k, level in enumerate(counts.levels, 1):
        values = overridden(options.discounts, k, 3)
        if values is None:
            values, note = three_discounts(k, count_of_counts(level, k < counts.order))
            notes += note
        discounts.append(values)
        orders.append(
            subtract(counts, k, level.adjusted, np.array([0.0, *values]), options.keep, workers=options.workers)
        )
    probs, backoffs = interpolate(counts, orders, options.workers)
    return Estimate(probs, backoffs, discounts=discounts, notes=notes)


def count_of_counts(level: Level, lower: bool) -> list[int]:
    """Return the numbers of n-grams with an adjusted count of 1, 2, 3 and 4.

    As in KenLM, the last n-gram (in suffix order) of an order below the highest is counted with its raw count.
    """
    numbers = np.zeros(6, np.int64)
    for begin in range(0, len(level), _BLOCK):
        numbers += np.bincount(np.minimum(level.adjusted[begin : begin + _BLOCK], 5), minlength=6)
    if lower and len(level):
        numbers[min(int(level.adjusted[-1]), 5)] -= 1
        numbers[min(int(level.raw[-1]), 5)] += 1
    return [int(number) for number in numbers[1:5]]


def three_discounts(k: int, numbers: list[int]) -> tuple[list[float], list[str]]:
    """Return the discounts of order k and a note if the fallback is used.

    Args:
        k: The order.
        numbers: The numbers of k-grams with an adjusted count of 1, 2, 3 and 4.
    """
    values, failure = _estimated(numbers)
    return values, [f"order {k}: {failure}; using discounts 0.5, 1 and 1.5"] if failure else []


def _estimated(numbers: list[int]) -> tuple[list[float], str]:
    for j in (1, 2, 3):
        if numbers[j - 1] == 0:
            return FALLBACK, f"no n-gram has an adjusted count of {j}, so no discounts can be estimated"
    y = numbers[0] / (numbers[0] + 2 * numbers[1])
    discounts = [j - (j + 1) * y * numbers[j] / numbers[j - 1] for j in (1, 2, 3)]
    for j, discount in enumerate(discounts, 1):
        if not 0 <= discount <= j:
            return FALLBACK, f"the estimated discount for counts of {j} is {discount:.3f}, outside 0 to {j}"
    return discounts, ""
