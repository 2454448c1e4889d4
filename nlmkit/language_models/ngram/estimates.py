"""Estimates of the smoothing methods: log-probabilities and backoff weights of the counted n-grams."""

from __future__ import annotations

import dataclasses
import importlib.util
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import Level, NGramCounts
from nlmkit.language_models.ngram.threads import Threads

Floats = NDArray[np.float64]
Keep = list[NDArray[np.bool_]]

COMPILED_NGRAMS: Final = 1 << 20
"""N-grams of one order from which machine code adds up their counts."""

_BLOCK: Final = 1 << 17


@dataclasses.dataclass
class Estimate:
    """A backoff model over the counted n-grams.

    The probability of w after h is ``probs`` of hw where hw was counted, and otherwise ``backoffs`` of h (or
    ``unseen_backoff`` where h was not counted) times the probability of w after h without its first word.

    Attributes:
        probs: For each order k, float64 [n_k].
        backoffs: For each order below the highest, float64 [n_k].
        discounts: Discounts used at each order, if the method has any.
        weights: Interpolation weights for the report, if the method has any.
        notes: Notes for the user, such as a fallback.
        unseen_backoff: Backoff weight of a context that was not counted.
        normalized: Whether the probabilities sum to one after every context.
        arpa_objection: Reason why ARPA cannot represent this model; None if it can.
    """

    probs: list[Floats]
    backoffs: list[Floats]
    discounts: list[list[float]] | None = None
    weights: list[list[float]] | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    unseen_backoff: float = 1.0
    normalized: bool = True
    arpa_objection: str | None = None


@dataclasses.dataclass
class Discounted:
    """Share of one order in an interpolated model: p(w|h) = (share(hw) + gamma(h) · p(w|h′)) / total(h).

    Attributes:
        counts: Count of each n-gram before discounting, int64 or float64 [n_k].
        gamma: Mass that each context leaves to the order below, float64 [n_(k−1)].
        total: Sum of the counts of each context, float64 [n_(k−1)]; 0 for n-grams that are not contexts.
        discounts: What is subtracted from a count of j, and, as the last one, from all greater counts; None: nothing.
    """

    counts: NDArray[np.int64] | Floats
    gamma: Floats
    total: Floats
    discounts: Floats | None = None

    def share(self, part: slice) -> Floats:
        """Return the counts of some n-grams after discounting, float64."""
        values = self.counts[part]
        if self.discounts is None:
            return values.astype(np.float64)
        return values - self.discounts[np.minimum(values, len(self.discounts) - 1)]


def totals(counts: NGramCounts, k: int, values: NDArray[np.int64] | Floats) -> Floats:
    """Sum ``values`` of the k-grams over each context: float64 [n_(k−1)], or [1] for unigrams."""
    if k == 1:
        return np.array([values.sum()], np.float64)
    histories = counts.levels[k - 1].history
    sums = np.bincount(histories, weights=values, minlength=len(counts.levels[k - 2]))
    return sums.astype(np.float64, copy=False)  # integers where there is no k-gram


def interpolate(counts: NGramCounts, orders: list[Discounted], workers: int = 1) -> tuple[list[Floats], list[Floats]]:
    """Return probabilities and backoff weights from each order's discounted counts and the uniform distribution.

    The uniform distribution covers all ids except ``<s>``, and ``<unk>`` of a closed vocabulary. A word that was never
    counted, usually ``<unk>``, gets only its uniform share. ``orders`` are used up. Each of ``workers`` threads has a
    range of the n-grams at a time.
    """
    unigram = orders[0]
    uniform = counts.uniform
    total = unigram.total[0]
    probs = [(unigram.share(slice(None)) + unigram.gamma[0] * uniform) / total if total > 0 else uniform]
    backoffs: list[Floats] = []
    with Threads(workers) as threads:
        for level, order in zip(counts.levels[1:], orders[1:], strict=True):
            # in place: fresh memory takes longer than the arithmetic
            no_context = order.total <= 0
            order.total[no_context] = 1.0
            order.gamma /= order.total
            order.gamma[no_context] = 1.0
            backoffs.append(order.gamma)
            probs.append(np.empty(len(level)))
            for _ in threads.map(partial(_fill, probs[-1], level, order, probs[-2]), range(0, len(level), _BLOCK)):
                pass
    return probs, backoffs


def _fill(probs: Floats, level: Level, order: Discounted, lower: Floats, begin: int) -> None:
    """Write a block of probabilities, from totals and backoff weights of contexts, and those of the order below."""
    part = slice(begin, begin + _BLOCK)
    history = level.history[part].astype(np.intp)
    weighted = order.gamma[history]
    weighted *= lower[level.suffix[part]]
    np.divide(order.share(part), order.total[history], out=probs[part])
    probs[part] += weighted


def subtract(
    counts: NGramCounts,
    k: int,
    values: NDArray[np.int64],
    discounts: NDArray[np.float64],
    keep: Keep,
    *,
    workers: int = 1,
) -> Discounted:
    """Discount one order: subtract ``discounts[j]`` from a count of j, and the last one from all greater counts.

    A pruned n-gram leaves its whole count to the order below. Machine code adds up many n-grams in ``workers`` threads.
    """
    if k > 1 and (kernels := compiled_sums(len(values))) is not None:
        gamma, total = kernels.sums(
            counts.levels[k - 1].history, values, discounts, keep[k - 1], len(counts.levels[k - 2]), workers
        )
        return Discounted(values, gamma, total, discounts)
    _, freed = subtracted(values, discounts, keep[k - 1])
    return Discounted(values, totals(counts, k, freed), totals(counts, k, values), discounts)


def compiled_sums(number: int) -> Any:
    """Return the machine code for so many n-grams; None if there is none, or starting it does not pay."""
    if number < COMPILED_NGRAMS or importlib.util.find_spec("numba") is None:
        return None
    from nlmkit.language_models.ngram import counting_kernels

    return counting_kernels


def subtracted(
    values: NDArray[np.int64], discounts: NDArray[np.float64], keep: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the counts after discounting and what each leaves to the order below, float64 [n]; see ``subtract``."""
    discount = discounts[np.minimum(values, len(discounts) - 1)]
    return values - discount, np.where(keep, discount, values)


def overridden(
    discounts: tuple[float | tuple[float, ...] | None, ...] | None, k: int, per_order: int
) -> list[float] | None:
    """Return the user's discounts for order k, or None if they must be estimated.

    Raises:
        HyperParameterError: The number of values is not ``per_order``, or a value exceeds the count it is taken from.
    """
    given = discounts[k - 1] if discounts is not None and k <= len(discounts) else None
    if given is None:
        return None
    values = given if isinstance(given, tuple) else (given,)
    if len(values) != per_order:
        raise HyperParameterError(f"discounts of order {k} must be {per_order} numbers, not {len(values)}")
    for j, value in enumerate(values, 1):
        if not 0 <= value <= j:
            raise HyperParameterError(f"discount {value} of order {k} is not between 0 and the count {j}")
    return [float(value) for value in values]
