"""What runs are judged by: named metrics, of which the first decides and the others break ties.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

Rank = tuple[float, ...]
"""A place among evaluations: the smaller, the better. Equal ones are equally good."""

NOTHING: Final[Rank] = (math.inf,)
"""The rank of no evaluation; one whose first metric is infinitely bad is no better."""


class Metric(NamedTuple):
    """A number that says how good a model is on held-out data.

    Attributes:
        name: Its name in the log, such as ``perplexity`` or ``accuracy``.
        greater_is_better: Whether a greater value is a better one.
        form: How a value is shown beside the progress, as a format string.
    """

    name: str
    greater_is_better: bool = False
    form: str = "{:.3f}"

    @property
    def worst(self) -> float:
        """The infinite value that no other is worse than."""
        return -math.inf if self.greater_is_better else math.inf


def rank(values: Mapping[str, float], metrics: Sequence[Metric]) -> Rank:
    """The rank of the values of some metrics."""
    return tuple(-values[name] if greater else values[name] for name, greater, _ in metrics)


def perplexity_of(loss: float) -> float:
    """exp of a mean loss in nats; infinity where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def epochs_without_improvement(ranks: Sequence[Rank]) -> int:
    """How many epochs there have been since the best one.

    Args:
        ranks: One per epoch.
    """
    if not ranks:
        return 0
    return len(ranks) - 1 - min(range(len(ranks)), key=ranks.__getitem__)


def plateaus(ranks: Sequence[Rank]) -> int:
    """How many epochs did not improve on all before them; arguments as of :func:`epochs_without_improvement`."""
    best, found = NOTHING, 0
    for each in ranks:
        found += not each < best
        best = min(best, each)
    return found


def starts_averaging(ranks: Sequence[Rank], window: int) -> bool:
    """Whether NT-ASGD begins to average after the last evaluation (Merity et al. 2018, algorithm 1).

    It does when that one is worse than the best of those more than ``window`` evaluations before it.

    Args:
        ranks: One per evaluation, the newest last.
        window: The non-monotone interval n.
    """
    *before, last = ranks
    return len(before) > window and last > min(before[: len(before) - window])
