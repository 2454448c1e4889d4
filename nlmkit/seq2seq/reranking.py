"""Candidates of a search in the order of a cost that the caller computes: over-generate and rerank.

Langkilde & Knight (1998) for generation, Wen et al. (2015) with the errors of slots as the cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from nlmkit.errors import HyperParameterError
from nlmkit.seq2seq.translations import Translation

Cost = Callable[[int, Translation], float]
"""Cost of a candidate, smaller is better, from the number of its source in the call, from 0, and the candidate."""

CANDIDATES: Final = 20
"""Candidates per source where no number is given."""


def number_of_candidates(n: int, rerank: Cost | None, candidates: int | None) -> int:
    """Return how many targets per source search must return.

    Args:
        n: How many are wanted in the end.
        rerank: Cost of candidates, or None.
        candidates: Candidates per source; None for ``CANDIDATES``, or ``n`` if that is more.

    Raises:
        HyperParameterError: ``candidates`` has no effect, or is less than ``n``.
    """
    if rerank is None:
        if candidates is not None:
            raise HyperParameterError(f"candidates={candidates} has no effect: it needs rerank")
        return n
    if candidates is None:
        return max(n, CANDIDATES)
    if isinstance(candidates, bool) or not isinstance(candidates, int) or candidates < n:
        raise HyperParameterError(f"candidates must be an integer of at least n={n}, not {candidates!r}")
    return candidates


def reranked(found: Sequence[Sequence[Translation]], cost: Cost, n: int) -> list[list[Translation]]:
    """Return the ``n`` candidates of each source with the least cost; of equal cost, those that search ranked higher.

    Args:
        found: Candidates of each source, best first.
        cost: Cost of a candidate.
        n: How many at most.

    Raises:
        HyperParameterError: A cost is not a number.
    """
    return [_ordered(place, candidates, cost)[:n] for place, candidates in enumerate(found)]


def _ordered(place: int, candidates: Sequence[Translation], cost: Cost) -> list[Translation]:
    costs = [float(cost(place, candidate)) for candidate in candidates]
    for value, candidate in zip(costs, candidates, strict=True):
        if math.isnan(value):
            raise HyperParameterError(f"rerank returned nan for the candidate {candidate.text!r} of source {place + 1}")
    return [candidates[number] for number in sorted(range(len(costs)), key=costs.__getitem__)]
