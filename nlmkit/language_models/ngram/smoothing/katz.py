"""Katz back-off with Good–Turing discounting (Katz 1987)."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, Floats, overridden, totals
from nlmkit.language_models.ngram.renormalize import BackoffWeights, backoff_weights
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts
from nlmkit.text.vocabulary import BOS_ID

FALLBACK = 0.5
"""Fallback discount of every discounted count of an order whose Good–Turing ratios cannot be estimated."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate p(w|h) = d_r · r / c(h) for a count r = c(hw) > 0, and otherwise α(h) · p(w|h′).

    The ratio d_r is the Good–Turing ratio for r of at most ``katz_max``, and one above; ``discounts`` of an order are
    the ratios d_1 to d_katz_max. The discounted mass of a context, with the counts of its pruned n-grams, goes to the
    words not seen after it. Three cases are not defined in the paper:

    - Unigrams are discounted like every order. Their discounted mass is divided equally among unseen words, usually
      ``<unk>``.
    - A context without discounted mass, because all its counts exceed ``katz_max``, gets one added to its c(h), as in
      SRILM, which leaves unseen words a share.
    - The probabilities of a context that was followed by every word are scaled to sum to one.
    """
    ratios, notes = [], []
    for k in range(1, counts.order + 1):
        given = _given_ratios(options, k)
        found, note = (given, []) if given is not None else _estimated(k, raw_counts(counts, k), options.katz_max)
        ratios.append(found)
        notes += note
    histories = [level.history for level in counts.levels]
    suffixes = [level.suffix for level in counts.levels]
    probs, backoffs = [_unigrams(raw_counts(counts, 1), ratios[0], counts.uniform)], []
    weights: BackoffWeights | None = None
    for k in range(2, counts.order + 1):
        values = raw_counts(counts, k)
        discounted = _discounted(values, ratios[k - 1])
        context_totals = totals(counts, k, values)
        safe_totals = np.where(context_totals > 0, context_totals, 1.0)
        saved = totals(counts, k, np.where(options.keep[k - 1], values - discounted, values)) / safe_totals
        probs.append(discounted / safe_totals[histories[k - 1]])
        weights = backoff_weights(k, probs, histories, suffixes, weights, left=saved, keep=options.keep)
        weights, scale = _mended(weights, context_totals)
        probs[-1] *= scale[histories[k - 1]]
        backoffs.append(weights.weights)
    return Estimate(probs, backoffs, discounts=ratios, notes=notes)


def _discounted(values: NDArray[np.int64], ratios: list[float]) -> Floats:
    """Return ``values`` times the ratio of each."""
    by_count = np.array([1.0, *ratios, 1.0])
    discounted: Floats = values * by_count[np.minimum(values, len(by_count) - 1)]
    return discounted


def _unigrams(values: NDArray[np.int64], ratios: list[float], uniform: Floats) -> Floats:
    total = int(values.sum())
    if total == 0:
        return uniform
    discounted = _discounted(values, ratios)
    probs, saved = discounted / total, float((values - discounted).sum()) / total
    unseen = (values == 0) & (uniform > 0.0)
    unseen[BOS_ID] = False
    if not unseen.any():
        probs /= probs.sum()
        return probs
    if saved <= 0.0:
        probs *= total / (total + 1)
        saved = 1.0 / (total + 1)
    probs[unseen] = saved / np.count_nonzero(unseen)
    return probs


def _mended(weights: BackoffWeights, context_totals: Floats) -> tuple[BackoffWeights, Floats]:
    """Reserve mass for unseen words in contexts without discounted mass; return factors for the contexts' n-grams."""
    scale = np.ones(len(context_totals))
    saves_nothing = ~weights.complete & (weights.left <= 0.0)
    share = 1.0 / (context_totals[saves_nothing] + 1.0)
    scale[saves_nothing] = 1.0 - share
    scale[weights.complete] = 1.0 / (1.0 - weights.left[weights.complete])
    left, alphas = weights.left.copy(), weights.weights.copy()
    left[saves_nothing] = share
    alphas[saves_nothing] = share / weights.unseen[saves_nothing]
    return dataclasses.replace(weights, left=left, weights=alphas), scale


def _given_ratios(options: Options, k: int) -> list[float] | None:
    ratios = overridden(options.discounts, k, options.katz_max)
    for ratio in ratios or []:
        if not 0 < ratio <= 1:
            raise HyperParameterError(
                f"discount {ratio} of order {k} is not a ratio: katz requires numbers above 0 and up to 1"
            )
    return ratios


def _estimated(k: int, values: NDArray[np.int64], largest: int) -> tuple[list[float], list[str]]:
    """Return the Good–Turing ratios of order k for counts up to ``largest``, or up to the largest estimable count."""
    numbers = np.bincount(np.minimum(values, largest + 2), minlength=largest + 3)
    problem = ""
    for limit in range(largest, 0, -1):
        ratios, failure = _good_turing(numbers, limit)
        if not failure:
            note = f"order {k}: {problem}; discounting counts up to {limit}"
            return ratios, [note] if problem else []
        problem = problem or failure
    note = f"order {k}: {problem}; taking {FALLBACK} from counts up to {largest}"
    return [(r - FALLBACK) / r for r in range(1, largest + 1)], [note]


def _good_turing(numbers: NDArray[np.int64], limit: int) -> tuple[list[float], str]:
    """Return d_1 to d_limit from the numbers of n-grams with a count of 0, 1, 2, …, or why they are undefined."""
    for r in range(1, limit + 2):
        if numbers[r] == 0:
            return [], f"no n-gram has a count of {r}, so ratios for counts up to {limit} cannot be estimated"
    greater = (limit + 1) * numbers[limit + 1] / numbers[1]
    if greater >= 1.0:
        return [], f"counts of {limit + 1} make up more of the text than counts of 1, so there are no ratios"
    ratios = []
    for r in range(1, limit + 1):
        ratio = ((r + 1) * numbers[r + 1] / (r * numbers[r]) - greater) / (1.0 - greater)
        if not 0 < ratio <= 1:
            return [], f"the estimated ratio for counts of {r} is {ratio:.3f}, outside 0 to 1"
        ratios.append(float(ratio))
    return ratios, ""
