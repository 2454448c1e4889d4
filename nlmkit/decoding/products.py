"""Products of chains: one chain in which every path has the weighted sum of its scores in several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nlmkit.decoding.chains import Chain, ContextChain, Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray


def product(chains: Sequence[Chain], weights: Sequence[float], orders: Sequence[NDArray[np.int64]]) -> Chain:
    """Return the chain with scores Σ_k weights[k] · chains[k], in one order of the tags.

    With the weighted sum of the emissions, a path has the probability Π_k p_k^w_k, up to normalization. A factor of
    weight 0 counts in nothing but the number of tags that a tag depends on.

    Args:
        chains: Chains of the same K tags; a tag may depend on one before it, or on several.
        weights: One per chain, not negative.
        orders: Per chain the number in it of each tag of the product: int64 [K].

    Returns:
        A ``ContextChain`` if a tag depends on several tags before it in any of the chains, otherwise a ``Chain``.
    """
    depth = max(_depth(chain) for chain in chains)
    tags = chains[0].tags
    start = np.zeros(tags)
    transitions, end = np.zeros((tags + 1,) * (depth + 1)), np.zeros((tags + 1,) * depth)
    for chain, weight, order in zip(chains, weights, orders, strict=True):
        if not weight:
            continue
        first, moves, last = _as_arrays(chain, order)
        start += weight * first
        transitions += weight * moves  # by the latest tags, whatever the tags before those
        end += weight * last
    if depth == 1 and not any(isinstance(chain, ContextChain) for chain in chains):
        return Chain(start, transitions[:-1, :-1], end[:-1])
    transitions[..., -1] = -np.inf
    return ContextChain(start, transitions.reshape(-1, tags + 1), end.ravel())


def _depth(chain: Chain) -> int:
    """Return the number of tags that a state stands for."""
    if not isinstance(chain, ContextChain):
        return 1
    base, depth = chain.tags + 1, 1
    while base**depth < chain.states:
        depth += 1
    return depth


def _as_arrays(chain: Chain, order: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return start [K], transitions [Q, …, Q] and end [Q, …, Q] of a chain of m tags, Q = K + 1, reordered.

    Transitions have m + 1 axes, the tag that is next last; K on another one is what is before the first token.
    """
    if not isinstance(chain, ContextChain):
        moves = np.pad(chain.transitions[np.ix_(order, order)], (0, 1))
        return chain.start[order], moves, np.pad(chain.end[order], (0, 1))
    depth, tags = _depth(chain), chain.tags
    places = np.append(order, tags)
    shape = (tags + 1,) * depth
    first = chain.start[-tags - 1 : -1][order]
    moves = chain.transitions.reshape(*shape, tags + 1)[np.ix_(*[places] * (depth + 1))]
    return first, moves, chain.end.reshape(shape)[np.ix_(*[places] * depth)]
