"""Distributions with a temperature (sharper below one, flatter above), and the optimal temperature of a text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST: Final = 0.05
"""Lowest temperature that can be fitted."""

HIGHEST: Final = 20.0
"""Highest temperature that can be fitted."""

GAP: Final = 1e-10
"""Expected gain of a step in mean log-probability, in nats, below which the search ends."""

MAX_PASSES: Final = 40

Block = tuple[Any, "NDArray[np.int32]"]
"""Natural log-probabilities of every id, float32 or float64 [n, V], and the n events that came: int32 [n]."""


@dataclasses.dataclass(frozen=True)
class FittedTemperature:
    """Result of ``fit_temperature``.

    Attributes:
        value: The temperature T.
        log_prob: Mean natural log-probability at T of the events with nonzero probability.
        log_prob_before: The same with T = 1.
        impossible: Number of excluded events with probability zero, which no temperature changes.
        passes: Number of passes over the text.
        at_bound: Whether the best temperature lies beyond the search bounds.
    """

    value: float
    log_prob: float
    log_prob_before: float
    impossible: int
    passes: int
    at_bound: bool


def tempered(log_probs: Any, temperature: float) -> NDArray[np.float64]:
    """Return ln p(w)^(1/T) / Σ_v p(v)^(1/T): float64 [n, V].

    Args:
        log_probs: Natural log-probabilities, float32 or float64 [n, V].
        temperature: T; 1 returns them unchanged.
    """
    if temperature == 1:
        return np.asarray(log_probs, np.float64)
    scaled = log_probs / temperature
    _, normalizers = _normalizers(scaled.copy())
    return np.asarray(scaled, np.float64) - normalizers[:, None]


def tempered_events(block: Block, temperature: float) -> NDArray[np.float64]:
    """Return the tempered log-probabilities of the events only: float64 [n]."""
    log_probs, ids = block
    found = np.asarray(log_probs[np.arange(len(ids)), ids], np.float64)
    if temperature == 1:
        return found
    _, normalizers = _normalizers(log_probs / temperature)
    return found / temperature - normalizers


def fit_temperature(passes: Callable[[], Iterable[Block]]) -> FittedTemperature:
    """Return the temperature that maximises the probability of a text.

    With the inverse temperature β, an event's log-probability is β ln p(w) − A(β), and A(β) = ln Σ_v p(v)^β is convex:
    its derivatives are the mean and the variance of ln p(v) under the tempered distribution. So the mean over a text is
    concave in β, and Newton's method from β = 1, kept within a bracket that the signs of the derivative narrow, finds
    the maximum in a few passes over the text.

    Args:
        passes: Function that yields the distributions of the text in blocks on each call; one block at a time must fit
            into memory.

    Raises:
        DataError: No event has a probability above zero.
    """
    low, high = 1 / HIGHEST, 1 / LOWEST
    beta = 1.0
    tried: dict[float, _Derivatives] = {}
    while beta not in tried and len(tried) < MAX_PASSES:
        tried[beta] = found = _derivatives(passes(), beta)
        if found.slope > 0:
            low = beta
        else:
            high = beta
        if found.slope**2 <= 2 * GAP * found.curvature or found.curvature == 0 or high - low <= 1e-9 * high:
            break
        beta = min(max(beta + found.slope / found.curvature, low), high)
        if beta in tried:  # a step beyond the bracket, an end of which has been tried
            beta = math.sqrt(low * high)
    best = max(tried, key=lambda value: tried[value].log_prob)
    outward = (best == 1 / HIGHEST and tried[best].slope < 0) or (best == 1 / LOWEST and tried[best].slope > 0)
    return FittedTemperature(
        1 / best, tried[best].log_prob, tried[1.0].log_prob, tried[best].impossible, len(tried), outward
    )


@dataclasses.dataclass(frozen=True)
class _Derivatives:
    """Mean log-probability of a text's events at one β, its slope, and minus its second derivative."""

    log_prob: float
    slope: float
    curvature: float
    impossible: int


def _derivatives(blocks: Iterable[Block], beta: float) -> _Derivatives:
    sums, events, impossible = np.zeros(3), 0, 0
    for log_probs, ids in blocks:
        targets = np.asarray(log_probs[np.arange(len(ids)), ids], np.float64)
        possible = targets > -np.inf
        impossible += int(len(ids) - possible.sum())
        if not possible.all():
            log_probs, targets = log_probs[possible], targets[possible]  # noqa: PLW2901
        if not len(targets):
            continue
        weights, normalizers = _normalizers(log_probs * beta)
        finite = np.where(log_probs > -np.inf, log_probs, 0)  # avoids 0 · ∞: the weight is zero there
        totals = weights.sum(axis=1, dtype=np.float64)
        weights *= finite
        means = weights.sum(axis=1, dtype=np.float64) / totals
        weights *= finite
        squares = weights.sum(axis=1, dtype=np.float64) / totals
        sums += [
            float((beta * targets - normalizers).sum()),
            float((targets - means).sum()),
            float(np.maximum(squares - means**2, 0).sum()),
        ]
        events += len(targets)
    if not events:
        problem = "contains only events with probability zero under the model" if impossible else "has no event"
        raise DataError(f"the validation text {problem}: a temperature cannot be fitted on it")
    log_prob, slope, curvature = (sums / events).tolist()
    return _Derivatives(log_prob, slope, curvature, impossible)


def _normalizers(scores: Any) -> tuple[Any, NDArray[np.float64]]:
    """Replace scores [n, V] in place by exp(score − highest); return ln Σ exp(score) of each row: float64 [n]."""
    highest = scores.max(axis=1, keepdims=True)
    scores -= highest
    np.exp(scores, out=scores)
    return scores, np.log(scores.sum(axis=1, dtype=np.float64)) + highest[:, 0].astype(np.float64)
