"""Forward, backward and Viterbi passes over a batch of chains; ``nlmkit.decoding.chain`` is their interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.decoding.chains import Chain, Floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# A pass over probabilities instead of logarithms is exact if each nonzero value is at least _LEAST and one step divides
# it by at most exp(_STEEPEST): products then stay above the smallest float64, 2e-308, and zeros are forbidden paths.
_LEAST: Final = 1e-200
_STEEPEST: Final = 200.0

_SMALLEST: Final = 1e-300  # stands for a sum of zeros
_BLOCK: Final = 1 << 17  # scores of states processed together
_ROOM: Final = 1 << 22  # scores of states kept in memory together

Row = tuple[Floats, Floats]
"""Logs [B, S] and scales [B] of one time step of a pass."""


class Batch:
    """Emissions of several sentences, the longest first.

    Attributes:
        emissions: [T, B, K], with the sentences in the order ``order``.
        lengths: int64 [B], in the same order.
        order: Number of each sentence in the order given: int64 [B].
        counts: Number of sentences of more than t tokens, for t from 0 to T.
    """

    def __init__(self, chain: Chain, emissions: NDArray[Any], lengths: ArrayLike) -> None:
        values, given = np.asarray(emissions), np.asarray(lengths, np.int64)
        if values.ndim != 3 or values.shape[2] != chain.tags:
            raise ValueError(f"emissions must be [T, B, {chain.tags}], not {list(values.shape)}")
        if given.shape != values.shape[1:2]:
            raise ValueError(f"lengths must be [{values.shape[1]}], not {list(given.shape)}")
        self.length, self.steps, self.sentences = len(values), int(given.max(initial=0)), len(given)
        if self.steps > len(values) or (given < 0).any():
            raise ValueError(f"lengths must be from 0 to {len(values)}")
        self.chain = chain
        self.order = np.argsort(-given, kind="stable")
        is_sorted = bool((self.order[1:] > self.order[:-1]).all())
        self.emissions = values[: self.steps] if is_sorted else values[: self.steps, self.order]
        self.lengths = given[self.order]
        longer = np.bincount(given, minlength=self.steps + 1)[::-1].cumsum()[::-1]  # of at least t tokens
        self.counts = [*longer[1:].tolist(), 0]

    def as_given(self, values: NDArray[Any], axis: int) -> NDArray[Any]:
        """Return results in the order in which the sentences were given."""
        back = np.empty_like(self.order)
        back[self.order] = np.arange(self.sentences)
        return values if bool((back[1:] > back[:-1]).all()) else values.take(back, axis)

    def at(self, time: int) -> Floats:
        """Return the emissions of the sentences of more than ``time`` tokens: float64 [counts[time], S]."""
        return self.chain.spread(np.asarray(self.emissions[time, : self.counts[time]], np.float64))

    def blocks(self, low: int, high: int) -> list[tuple[int, int]]:
        """Return pieces of time steps whose emissions can be spread over states together."""
        return self._pieces(low, high, _BLOCK)

    def stretches(self) -> list[tuple[int, int]]:
        """Return pieces of time steps whose results can be kept in memory together."""
        return self._pieces(0, self.steps, _ROOM)

    def _pieces(self, low: int, high: int, most: int) -> list[tuple[int, int]]:
        size = max(1, most // max(1, self.sentences * self.chain.states))
        return [(first, min(first + size, high)) for first in range(low, high, size)]

    def some(self, chosen: NDArray[np.bool_]) -> Batch:
        """Return the chosen sentences alone."""
        lengths = self.lengths[chosen]
        return Batch(self.chain, self.emissions[: lengths.max(initial=0), chosen], lengths)

    @cached_property
    def ranges(self) -> Floats:
        """Largest difference of two emissions of a token that are not forbidden, per sentence: float64 [B]."""
        found = np.zeros(self.sentences)
        for low, high in self.blocks(0, self.steps):
            block = np.asarray(self.emissions[low:high], np.float64)
            inside = (np.arange(low, high)[:, None] < self.lengths)[:, :, None]
            highest = block.max(axis=2, initial=-np.inf, where=inside)
            lowest = block.min(axis=2, initial=np.inf, where=inside & (block > -np.inf))
            spread = np.where(lowest < np.inf, highest - np.where(lowest < np.inf, lowest, 0), 0)
            np.maximum(found, spread.max(axis=0), out=found)
        return found

    def factors(self, low: int, high: int) -> tuple[Floats, Floats]:
        """Return emissions as factors of at most one, [steps, rows, S], and the logarithms taken out, [steps, rows]."""
        block = np.asarray(self.emissions[low:high, : self.counts[low]], np.float64)
        with np.errstate(invalid="ignore"):  # of padding
            peaks = block.max(axis=2, initial=-np.inf)
            peaks = np.where(peaks > -np.inf, peaks, 0.0)
            return self.chain.spread(np.exp(block - peaks[:, :, None]), 0.0), peaks


def forward_pass(batch: Batch, low: int, high: int, before: Row | None = None) -> tuple[Floats, Floats]:
    """Return the log of the sum over all beginnings that end in a state at a token, as logs + scales.

    Args:
        batch: Sentences.
        low: First time step of the result.
        high: Time step after the last one.
        before: Logs and scales of the time step before ``low``; None for 0.

    Returns:
        Logs, float64 [high − low, B, S], −inf beyond the length, and scales, float64 [high − low, B], without meaning
        there.
    """
    chain = batch.chain
    starts, peak_start = _as_factors(chain.start)
    values, scales, sums = _room(batch, low, high)
    for first, last in batch.blocks(low, high):
        factors, peaks = batch.factors(first, last)
        scales[first - low : last - low, : peaks.shape[1]] = peaks
        for time in range(first, last):
            count = batch.counts[time]
            here = values[time - low, :count]
            if time:
                chain.forward(values[time - low - 1, :count] if time > low else _weights(before, count), here)
                here *= factors[time - first, :count]
            else:
                np.multiply(factors[0], starts, out=here)
            _normalize(here, sums[time - low, :count])
    scales += np.log(sums) + chain.peak
    scales[:1] += peak_start - chain.peak if before is None else before[1]
    return _checked(batch, values, scales.cumsum(axis=0), low=low, beside=before, in_logs=_forward_logs)


def backward_pass(batch: Batch, low: int, high: int, after: Row | None = None) -> tuple[Floats, Floats]:
    """Return the log of the sum over all continuations after a state at a token, as ``forward_pass`` does.

    Args:
        batch: Sentences.
        low: First time step of the result.
        high: Time step after the last one.
        after: Logs and scales of the time step ``high``; None if there is none.
    """
    chain = batch.chain
    ends, peak_end = _as_factors(chain.end)
    values, scales, sums = _room(batch, low, high)
    for first, last in reversed(batch.blocks(low, high)):
        stop = min(last + 1, batch.steps)
        factors, peaks = batch.factors(first + 1, stop) if first + 1 < stop else (values[:0], scales[:0])
        scales[first - low : first - low + len(peaks), : peaks.shape[1]] = peaks
        for time in range(last - 1, first - 1, -1):
            count, later = batch.counts[time], batch.counts[time + 1]
            here = values[time - low, :count]
            if later:
                weights = values[time - low + 1, :later] if time + 1 < high else _weights(after, later)
                chain.backward(weights * factors[time - first, :later], here[:later])
            here[later:] = ends
            _normalize(here, sums[time - low, :count])
    left = batch.lengths - np.arange(low, high)[:, None]  # tokens from here on
    scales = np.where(left == 1, peak_end, np.where(left > 1, scales + chain.peak, 0.0)) + np.log(sums)
    if after is not None:
        scales[-1] += after[1]
    scales = scales[::-1].cumsum(axis=0)[::-1]
    return _checked(batch, values, scales, low=low, beside=after, in_logs=_backward_logs)


def best_prefixes(batch: Batch, low: int, high: int, before: Floats | None = None) -> Floats:
    """Return the score of the best beginning that ends in a state at a token: float64 [high − low, B, S], 0 beyond.

    Args:
        batch: Sentences.
        low: First time step of the result.
        high: Time step after the last one.
        before: Result for the time step before ``low``, [B, S]; None for 0.
    """
    chain = batch.chain
    best = np.zeros((high - low, batch.sentences, chain.states))
    for time in range(low, high):
        count = batch.counts[time]
        here = best[time - low, :count]
        last = best[time - low - 1] if time > low else before
        if last is None:
            np.add(batch.at(time), chain.start, out=here)
        else:
            np.add(chain.best_before(last[:count]), batch.at(time), out=here)
    return best


def _room(batch: Batch, low: int, high: int) -> tuple[Floats, Floats, Floats]:
    """Return zeros for values [t, B, S] and scales [t, B], and ones for sums [t, B]."""
    shape = (high - low, batch.sentences)
    return np.zeros((*shape, batch.chain.states)), np.zeros(shape), np.ones(shape)


def _weights(row: Row | None, count: int) -> Floats:
    assert row is not None
    found: Floats = np.exp(row[0][:count])
    return found


def _as_factors(scores: Floats) -> tuple[Floats, float]:
    """Return scores as factors of at most one, and the logarithm taken out."""
    highest = float(scores.max(initial=-np.inf))
    highest = highest if highest > -np.inf else 0.0
    return np.ascontiguousarray(np.exp(scores - highest)), highest


def _normalize(values: Floats, sums: Floats) -> None:
    """Divide rows by their sums, which are written into ``sums``; a row of zeros stays."""
    np.add.reduce(values, axis=1, out=sums)
    np.maximum(sums, _SMALLEST, out=sums)
    values /= sums[:, None]


def _checked(
    batch: Batch,
    values: Floats,
    scales: Floats,
    *,
    low: int,
    beside: Row | None,
    in_logs: Callable[[Batch, int, int, Row | None], tuple[Floats, Floats]],
) -> tuple[Floats, Floats]:
    """Take logarithms of the values of a pass in place; repeat the pass in logarithms where values got too small."""
    chain = batch.chain
    own = max(_range(chain.start), _range(chain.end)) + _range(chain.transitions)
    risky = batch.ranges + own > _STEEPEST
    if beside is not None:
        risky |= ((beside[0] > -np.inf) & (beside[0] < math.log(_LEAST))).any(axis=1)
    for first, last in batch.blocks(0, len(values)):
        block = values[first:last]
        risky |= ((block > 0) & (block < _LEAST)).any(axis=(0, 2))
    with np.errstate(divide="ignore"):
        np.log(values, out=values)
    if risky.any():
        some = batch.some(risky)
        high = min(low + len(values), some.steps)
        if high > low:
            row = None if beside is None else (beside[0][risky], beside[1][risky])
            values[: high - low, risky], scales[: high - low, risky] = in_logs(some, low, high, row)
    return values, scales


def _forward_logs(batch: Batch, low: int, high: int, before: Row | None) -> tuple[Floats, Floats]:
    """``forward_pass`` in logarithms: slower, for scores of any range."""
    logs, scales, _ = _room(batch, low, high)
    logs[:] = -np.inf
    for time in range(low, high):
        count, at = batch.counts[time], time - low
        row = before if time == low else (logs[at - 1], scales[at - 1])
        if row is None:
            values = batch.at(time) + batch.chain.start
        else:
            values = batch.chain.log_forward(row[0][:count]) + batch.at(time)
            scales[at, :count] = row[1][:count]
        _shift(values, logs[at, :count], scales[at, :count])
    return logs, scales


def _backward_logs(batch: Batch, low: int, high: int, after: Row | None) -> tuple[Floats, Floats]:
    """``backward_pass`` in logarithms: slower, for scores of any range."""
    logs, scales, _ = _room(batch, low, high)
    logs[:] = -np.inf
    for time in range(high - 1, low - 1, -1):
        count, later, at = batch.counts[time], batch.counts[time + 1], time - low
        row = after if time + 1 == high else (logs[at + 1], scales[at + 1])
        values = np.tile(batch.chain.end, (count, 1))
        if later:
            assert row is not None
            values[:later] = batch.chain.log_backward(row[0][:later] + batch.at(time + 1))
            scales[at, :later] = row[1][:later]
        _shift(values, logs[at, :count], scales[at, :count])
    return logs, scales


def _shift(values: Floats, logs: Floats, scales: Floats) -> None:
    """Write values into ``logs`` with their maximum moved to ``scales``, so that no digits are lost."""
    peak = values.max(axis=1)
    peak = np.where(peak > -np.inf, peak, 0.0)
    np.subtract(values, peak[:, None], out=logs)
    scales += peak


def _range(values: Floats) -> float:
    """Return the largest difference of two values that are not −inf."""
    finite = values[values > -np.inf]
    return float(finite.max() - finite.min()) if finite.size else 0.0
