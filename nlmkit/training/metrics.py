"""Metrics of runs, of which the first decides and the others break ties.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

Rank = tuple[float, ...]
"""Rank among evaluations: smaller is better, equal is equally good."""

NOTHING: Final[Rank] = (math.inf,)
"""Rank without an evaluation; an evaluation whose first metric is infinitely bad is not better."""


class Metric(NamedTuple):
    """Quality measure of a model on held-out data.

    Attributes:
        name: Name in the log, such as ``perplexity`` or ``accuracy``.
        greater_is_better: Whether greater values are better.
        form: Format string for the progress display.
    """

    name: str
    greater_is_better: bool = False
    form: str = "{:.3f}"

    @property
    def worst(self) -> float:
        """Worst value: plus or minus infinity."""
        return -math.inf if self.greater_is_better else math.inf


def rank(values: Mapping[str, float], metrics: Sequence[Metric]) -> Rank:
    """Return the rank of the values of some metrics."""
    return tuple(-values[name] if greater else values[name] for name, greater, _ in metrics)


def perplexity_of(loss: float) -> float:
    """Return exp of a mean loss in nats; infinity if too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def epochs_without_improvement(ranks: Sequence[Rank]) -> int:
    """Return the number of epochs since the best one.

    Args:
        ranks: One rank per epoch.
    """
    if not ranks:
        return 0
    return len(ranks) - 1 - min(range(len(ranks)), key=ranks.__getitem__)


def plateaus(ranks: Sequence[Rank]) -> int:
    """Return the number of epochs that did not improve on all before; see ``epochs_without_improvement``."""
    best, found = NOTHING, 0
    for each in ranks:
        found += not each < best
        best = min(best, each)
    return found


def starts_averaging(ranks: Sequence[Rank], window: int) -> bool:
    """Return whether NT-ASGD starts averaging after the last evaluation (Merity et al. 2018, algorithm 1).

    It does if that one is worse than the best of those more than ``window`` evaluations before it.

    Args:
        ranks: One rank per evaluation, the latest last.
        window: The non-monotone interval n.
    """
    *before, last = ranks
    return len(before) > window and last > min(before[: len(before) - window])
