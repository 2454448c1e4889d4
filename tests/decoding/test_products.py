"""A product of chains gives each path the weighted sum of its scores in them, by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.decoding.chain import Chain, ContextChain, path_scores
from nlmkit.decoding.products import product

TAGS = 3


def random_chain(draw: np.random.Generator, context: int, forbidden: float) -> Chain:
    """A chain in which a tag depends on ``context`` tags before it."""

    def scores(*shape: int) -> np.ndarray:
        return np.where(draw.random(shape) < forbidden, -np.inf, draw.normal(size=shape))

    if not context:
        return Chain(scores(TAGS), scores(TAGS, TAGS), scores(TAGS))
    states = (TAGS + 1) ** context
    transitions = np.pad(scores(states, TAGS), ((0, 0), (0, 1)), constant_values=-np.inf)
    return ContextChain(scores(TAGS), transitions, scores(states))


def scores_of(chain: Chain, paths: np.ndarray) -> np.ndarray:
    """The scores of paths [T, B] without emissions."""
    return path_scores(chain, np.zeros((*paths.shape, TAGS)), paths, np.full(paths.shape[1], len(paths)))


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),  # 0: a chain without contexts; 1: with those of one tag
    st.integers(1, 4),
    st.sampled_from([0.0, 0.3]),
)
def test_paths_have_the_weighted_sum_of_their_scores(
    seed: int, contexts: list[int], steps: int, forbidden: float
) -> None:
    draw = np.random.default_rng(seed)
    chains = [random_chain(draw, context, forbidden) for context in contexts]
    weights = draw.random(len(chains)) * (draw.random(len(chains)) < 0.7)
    orders = [draw.permutation(TAGS) for _ in chains]
    paths = np.array([*itertools.product(range(TAGS), repeat=steps)]).T
    found = scores_of(product(chains, weights.tolist(), orders), paths)
    expected = np.zeros(paths.shape[1])
    for chain, weight, order in zip(chains, weights, orders, strict=True):
        if weight:
            expected += weight * scores_of(chain, order[paths])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_chains_of_pairs_stay_such() -> None:
    draw, order = np.random.default_rng(0), np.arange(TAGS)
    pairs, contexts = random_chain(draw, 0, 0.0), random_chain(draw, 2, 0.0)
    assert type(product([pairs, pairs], [0.5, 0.5], [order, order])) is Chain
    assert type(product([pairs, contexts], [0.5, 0.5], [order, order])) is ContextChain
