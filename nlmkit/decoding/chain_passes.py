"""Forward, backward and Viterbi passes over a batch of chains; ``nlmkit.decoding.chain`` is their interface."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Floats = NDArray[np.float64]

# A pass over probabilities instead of logarithms is exact if each nonzero value is at least _LEAST and one step divides
# it by at most exp(_STEEPEST): products then stay above the smallest float64, 2e-308, and zeros are forbidden paths.
_LEAST: Final = 1e-200
_STEEPEST: Final = 200.0

_SMALLEST: Final = 1e-300  # stands for a sum of zeros
_BLOCK: Final = 1 << 17  # emissions processed together


@dataclasses.dataclass(frozen=True, eq=False)
class Chain:
    """Scores of a chain of K tags that do not depend on the sentence: natural logarithms, −inf for forbidden.

    Attributes:
        start: Score of each tag at the first token: float64 [K].
        transitions: Score of each pair of successive tags: float64 [K, K], from and to.
        end: Score of each tag at the last token: float64 [K].

    Raises:
        ValueError: Shapes disagree, or a score is NaN or +inf.
    """

    start: Floats
    transitions: Floats
    end: Floats

    def __post_init__(self) -> None:
        for name in ("start", "transitions", "end"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.float64))
        tags = len(self.start)
        if self.start.shape != (tags,) or self.transitions.shape != (tags, tags) or self.end.shape != (tags,):
            shapes = ", ".join(str(list(array.shape)) for array in (self.start, self.transitions, self.end))
            raise ValueError(f"start, transitions and end of a chain must be [K], [K, K] and [K], not {shapes}")
        if not all((array < np.inf).all() for array in (self.start, self.transitions, self.end)):
            raise ValueError("scores of a chain must be numbers below infinity")

    @property
    def tags(self) -> int:
        """Number of tags, K."""
        return len(self.start)

    def constrained(self, start: ArrayLike, transitions: ArrayLike, end: ArrayLike) -> Chain:
        """Return a copy in which what is not legal is forbidden.

        Args:
            start: Whether each tag may come first: bool [K].
            transitions: Whether each pair of tags may be successive: bool [K, K].
            end: Whether each tag may come last: bool [K].
        """
        return Chain(
            np.where(start, self.start, -np.inf),
            np.where(transitions, self.transitions, -np.inf),
            np.where(end, self.end, -np.inf),
        )


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
        """Return the emissions of the sentences of more than ``time`` tokens: float64 [counts[time], K]."""
        return np.asarray(self.emissions[time, : self.counts[time]], np.float64)

    def inside(self) -> NDArray[np.bool_]:
        """Return where there are tokens: bool [steps, B]."""
        found: NDArray[np.bool_] = np.arange(self.steps)[:, None] < self.lengths
        return found

    def blocks(self) -> list[tuple[int, int]]:
        """Return stretches of time steps whose emissions can be processed together."""
        size = max(1, _BLOCK // max(1, self.emissions[:1].size))
        return [(low, min(low + size, self.steps)) for low in range(0, self.steps, size)]

    def some(self, chain: Chain, chosen: NDArray[np.bool_]) -> Batch:
        """Return the chosen sentences alone."""
        lengths = self.lengths[chosen]
        return Batch(chain, self.emissions[: lengths.max(initial=0), chosen], lengths)

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
        """Return emissions as factors of at most one, [steps, rows, K], and the logarithms taken out, [steps, rows]."""
        block = np.asarray(self.emissions[low:high, : self.counts[low]], np.float64)
        with np.errstate(invalid="ignore"):  # of padding
            peaks = block.max(axis=2, initial=-np.inf)
            peaks = np.where(peaks > -np.inf, peaks, 0.0)
            return np.exp(block - peaks[:, :, None]), peaks


def forward_pass(chain: Chain, batch: Batch) -> tuple[Floats, Floats]:
    """Return the log of the sum over all beginnings that end in a tag at a token, as logs + scales.

    Returns:
        Logs, float64 [steps, B, K], −inf beyond the length, and scales, float64 [steps, B], without meaning there.
    """
    matrix, highest = _as_factors(chain.transitions)
    starts, peak_start = _as_factors(chain.start)
    values = np.zeros((batch.steps, batch.sentences, chain.tags))
    scales = np.zeros((batch.steps, batch.sentences))
    sums = np.ones((batch.steps, batch.sentences))
    for low, high in batch.blocks():
        factors, peaks = batch.factors(low, high)
        scales[low:high, : peaks.shape[1]] = peaks
        for time in range(low, high):
            count = batch.counts[time]
            here, total = values[time, :count], sums[time, :count]
            if time:
                np.matmul(values[time - 1, :count], matrix, out=here)
                here *= factors[time - low, :count]
            else:
                np.multiply(factors[0], starts, out=here)
            _normalize(here, total)
    scales += highest
    scales[:1] += peak_start - highest
    scales += np.log(sums)
    return _checked(chain, batch, values, scales.cumsum(axis=0), _forward_logs)


def backward_pass(chain: Chain, batch: Batch) -> tuple[Floats, Floats]:
    """Return the log of the sum over all continuations after a tag at a token, as ``forward_pass`` does."""
    matrix, highest = _as_factors(chain.transitions.T)
    ends, peak_end = _as_factors(chain.end)
    values = np.zeros((batch.steps, batch.sentences, chain.tags))
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
                np.matmul(weighted, matrix, out=values[time, :later])
            values[time, later:count] = ends
            _normalize(values[time, :count], sums[time, :count])
    last = np.arange(batch.steps)[:, None] == batch.lengths - 1
    scales = np.where(last, peak_end, np.where(batch.inside(), scales + highest, 0.0)) + np.log(sums)
    return _checked(chain, batch, values, scales[::-1].cumsum(axis=0)[::-1], _backward_logs)


def best_prefixes(chain: Chain, batch: Batch) -> Floats:
    """Return the score of the best beginning that ends in a tag at a token: float64 [steps, B, K], 0 beyond."""
    best = np.zeros((batch.steps, batch.sentences, chain.tags))
    for time in range(batch.steps):
        here = best[time, : batch.counts[time]]
        if time:
            before = best[time - 1, : batch.counts[time]]
            np.add((before[:, :, None] + chain.transitions).max(axis=1), batch.at(time), out=here)
        else:
            np.add(batch.at(time), chain.start, out=here)
    return best


def log_sum(values: Floats, axis: int = -1) -> Floats:
    """Return log Σ exp(values) along an axis; −inf where all are."""
    highest = values.max(axis=axis, keepdims=True)
    shift = np.where(highest > -np.inf, highest, 0.0)
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(values - shift).sum(axis=axis)) + shift.squeeze(axis)
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
    chain: Chain, batch: Batch, values: Floats, scales: Floats, in_logs: Callable[[Chain, Batch], tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    """Take logarithms of the values of a pass in place; repeat the pass in logarithms where values got too small."""
    own = max(_range(chain.start), _range(chain.end)) + _range(chain.transitions)
    risky = batch.ranges() + own > _STEEPEST
    for low, high in batch.blocks():
        block = values[low:high]
        risky |= ((block > 0) & (block < _LEAST)).any(axis=(0, 2))
    with np.errstate(divide="ignore"):
        np.log(values, out=values)
    if risky.any():
        some = batch.some(chain, risky)
        values[: some.steps, risky], scales[: some.steps, risky] = in_logs(chain, some)
    return values, scales


def _forward_logs(chain: Chain, batch: Batch) -> tuple[Floats, Floats]:
    """``forward_pass`` in logarithms: slower, for scores of any range."""
    logs, scales = np.full(batch.emissions.shape, -np.inf), np.zeros(batch.emissions.shape[:2])
    for time in range(batch.steps):
        count = batch.counts[time]
        if time:
            values = log_sum(logs[time - 1, :count, :, None] + chain.transitions, axis=1) + batch.at(time)
            scales[time, :count] = scales[time - 1, :count]
        else:
            values = batch.at(time) + chain.start
        _shift(values, logs[time, :count], scales[time, :count])
    return logs, scales


def _backward_logs(chain: Chain, batch: Batch) -> tuple[Floats, Floats]:
    """``backward_pass`` in logarithms: slower, for scores of any range."""
    logs, scales = np.full(batch.emissions.shape, -np.inf), np.zeros(batch.emissions.shape[:2])
    for time in range(batch.steps - 1, -1, -1):
        count, later = batch.counts[time], batch.counts[time + 1]
        values = np.tile(chain.end, (count, 1))
        if later:
            after = logs[time + 1, :later] + batch.at(time + 1)
            values[:later] = log_sum(after[:, None] + chain.transitions, axis=2)
            scales[time, :later] = scales[time + 1, :later]
        _shift(values, logs[time, :count], scales[time, :count])
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
