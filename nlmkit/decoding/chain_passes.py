"""Forward, backward and Viterbi passes over a batch of chains; ``nlmkit.decoding.chain`` is their interface."""

from __future__ import annotations

from collections.abc import Callable
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
_BLOCK: Final = 1 << 17  # emissions processed together


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

    def inside(self) -> NDArray[np.bool_]:
        """Return where there are tokens: bool [steps, B]."""
        found: NDArray[np.bool_] = np.arange(self.steps)[:, None] < self.lengths
        return found

    def blocks(self) -> list[tuple[int, int]]:
        """Return stretches of time steps whose emissions can be processed together."""
        size = max(1, _BLOCK // max(1, self.sentences * self.chain.states))
        return [(low, min(low + size, self.steps)) for low in range(0, self.steps, size)]

    def some(self, chosen: NDArray[np.bool_]) -> Batch:
        """Return the chosen sentences alone."""
        lengths = self.lengths[chosen]
        return Batch(self.chain, self.emissions[: lengths.max(initial=0), chosen], lengths)

    def ranges(self) -> Floats:
        """Return the largest difference of two emissions of a token that are not forbidden, per sentence: [B]."""
        found = np.zeros(self.sentences)
        for low, high in self.blocks():
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


def forward_pass(batch: Batch) -> tuple[Floats, Floats]:
    """Return the log of the sum over all beginnings that end in a state at a token, as logs + scales.

    Returns:
        Logs, float64 [steps, B, S], −inf beyond the length, and scales, float64 [steps, B], without meaning there.
    """
    chain = batch.chain
    starts, peak_start = _as_factors(chain.start)
    values = np.zeros((batch.steps, batch.sentences, chain.states))
    scales = np.zeros((batch.steps, batch.sentences))
    sums = np.ones((batch.steps, batch.sentences))
    for low, high in batch.blocks():
        factors, peaks = batch.factors(low, high)
        scales[low:high, : peaks.shape[1]] = peaks
        for time in range(low, high):
            count = batch.counts[time]
            here, total = values[time, :count], sums[time, :count]
            if time:
                chain.forward(values[time - 1, :count], here)
                here *= factors[time - low, :count]
            else:
                np.multiply(factors[0], starts, out=here)
            _normalize(here, total)
    scales += chain.peak
    scales[:1] += peak_start - chain.peak
    scales += np.log(sums)
    return _checked(batch, values, scales.cumsum(axis=0), _forward_logs)


def backward_pass(batch: Batch) -> tuple[Floats, Floats]:
    """Return the log of the sum over all continuations after a state at a token, as ``forward_pass`` does."""
    chain = batch.chain
    ends, peak_end = _as_factors(chain.end)
    values = np.zeros((batch.steps, batch.sentences, chain.states))
    scales = np.zeros((batch.steps, batch.sentences))
    sums = np.ones((batch.steps, batch.sentences))
    for low, high in reversed(batch.blocks()):
        if high < batch.steps:
            factors, peaks = batch.factors(low + 1, high + 1)
        else:
            factors, peaks = batch.factors(low + 1, high) if low + 1 < high else (values[:0], scales[:0, :0])
        scales[low : low + len(peaks), : peaks.shape[1]] = peaks
        for time in range(high - 1, low - 1, -1):
            count, later = batch.counts[time], batch.counts[time + 1]
            if later:
                weighted = values[time + 1, :later] * factors[time - low, :later]
                chain.backward(weighted, values[time, :later])
            values[time, later:count] = ends
            _normalize(values[time, :count], sums[time, :count])
    last = np.arange(batch.steps)[:, None] == batch.lengths - 1
    scales = np.where(last, peak_end, np.where(batch.inside(), scales + chain.peak, 0.0)) + np.log(sums)
    return _checked(batch, values, scales[::-1].cumsum(axis=0)[::-1], _backward_logs)


def best_prefixes(batch: Batch) -> Floats:
    """Return the score of the best beginning that ends in a state at a token: float64 [steps, B, S], 0 beyond."""
    chain = batch.chain
    best = np.zeros((batch.steps, batch.sentences, chain.states))
    for time in range(batch.steps):
        here = best[time, : batch.counts[time]]
        if time:
            before = best[time - 1, : batch.counts[time]]
            np.add(chain.best_before(before), batch.at(time), out=here)
        else:
            np.add(batch.at(time), chain.start, out=here)
    return best


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
    batch: Batch, values: Floats, scales: Floats, in_logs: Callable[[Batch], tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    """Take logarithms of the values of a pass in place; repeat the pass in logarithms where values got too small."""
    chain = batch.chain
    own = max(_range(chain.start), _range(chain.end)) + _range(chain.transitions)
    risky = batch.ranges() + own > _STEEPEST
    for low, high in batch.blocks():
        block = values[low:high]
        risky |= ((block > 0) & (block < _LEAST)).any(axis=(0, 2))
    with np.errstate(divide="ignore"):
        np.log(values, out=values)
    if risky.any():
        some = batch.some(risky)
        values[: some.steps, risky], scales[: some.steps, risky] = in_logs(some)
    return values, scales


def _forward_logs(batch: Batch) -> tuple[Floats, Floats]:
    """``forward_pass`` in logarithms: slower, for scores of any range."""
    chain, (logs, scales) = batch.chain, _nothing(batch)
    for time in range(batch.steps):
        count = batch.counts[time]
        if time:
            values = chain.log_forward(logs[time - 1, :count]) + batch.at(time)
            scales[time, :count] = scales[time - 1, :count]
        else:
            values = batch.at(time) + chain.start
        _shift(values, logs[time, :count], scales[time, :count])
    return logs, scales


def _backward_logs(batch: Batch) -> tuple[Floats, Floats]:
    """``backward_pass`` in logarithms: slower, for scores of any range."""
    chain, (logs, scales) = batch.chain, _nothing(batch)
    for time in range(batch.steps - 1, -1, -1):
        count, later = batch.counts[time], batch.counts[time + 1]
        values = np.tile(chain.end, (count, 1))
        if later:
            values[:later] = chain.log_backward(logs[time + 1, :later] + batch.at(time + 1))
            scales[time, :later] = scales[time + 1, :later]
        _shift(values, logs[time, :count], scales[time, :count])
    return logs, scales


def _nothing(batch: Batch) -> tuple[Floats, Floats]:
    return np.full((batch.steps, batch.sentences, batch.chain.states), -np.inf), np.zeros(
        (batch.steps, batch.sentences)
    )


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
