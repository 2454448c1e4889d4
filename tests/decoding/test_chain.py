"""Inference in chains equals enumeration of all paths, for any lengths, padding, batch and range of scores."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.decoding import chain_passes, chains
from nlmkit.decoding.chain import (
    Chain,
    ContextChain,
    batched_span_log_probabilities,
    log_partition,
    marginals,
    n_best,
    path_scores,
    span_log_probabilities,
    viterbi,
)

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=25)


def made(
    seed: int, tags: int, steps: int, sentences: int, *, scale: float, forbidden: float, context: int = 1
) -> tuple[Chain, Any, Any]:
    """A chain, emissions and lengths of random numbers, of which a share is forbidden."""
    draw = np.random.default_rng(seed)

    def scores(*shape: int) -> np.ndarray:
        values = draw.normal(scale=scale, size=shape)
        return np.where(draw.random(shape) < forbidden, -np.inf, values)

    lengths = draw.integers(0, steps + 1, sentences)
    emissions = scores(steps, sentences, tags)
    emissions[np.arange(steps)[:, None] >= lengths] = np.nan  # must not be read
    if context == 1:
        return Chain(scores(tags), scores(tags, tags), scores(tags)), emissions, lengths
    states = (tags + 1) ** context
    transitions = np.pad(scores(states, tags), ((0, 0), (0, 1)), constant_values=-np.inf)
    return ContextChain(scores(tags), transitions, scores(states)), emissions, lengths


def paths_of(chain: Chain, emissions: np.ndarray) -> list[tuple[float, tuple[int, ...]]]:
    """Every path with its score, by definition."""
    if not len(emissions):
        return [(0.0, ())]
    tags = emissions.shape[1]
    base = chain.transitions.shape[1]  # one more than the tags if there are contexts
    context = round(math.log(len(chain.end), base)) if base > 1 else 1
    moves, ends = chain.transitions.reshape((base,) * (context + 1)), chain.end.reshape((base,) * context)
    starts = chain.start if base == tags else chain.start[-base:]
    found = []
    for path in itertools.product(range(tags), repeat=len(emissions)):
        after = (tags,) * (context - 1) + path  # padded with what is before the first token
        score = starts[path[0]] + ends[after[len(after) - context :]]
        score += sum(emissions[time, tag] for time, tag in enumerate(path))
        score += sum(moves[after[time : time + context + 1]] for time in range(len(path) - 1))
        found.append((float(score), path))
    return found


def log_total(scores: list[float]) -> float:
    return float(np.logaddexp.reduce(scores)) if scores else -np.inf


cases = st.builds(
    made,
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 4),
    scale=st.sampled_from([0.0, 1.0, 30.0, 500.0]),
    forbidden=st.sampled_from([0.0, 0.2, 0.6]),
    context=st.sampled_from([1, 1, 2, 3]),
)


@contextmanager
def in_little_room(scores: int) -> Iterator[None]:
    """Keep so few scores in memory at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain_passes, "_ROOM", scores)
        patch.setattr(chain_passes, "_BLOCK", 1 + scores // 2)
        yield


@settings(reproducible, max_examples=60)
@given(cases, st.sampled_from([1, 40, 1 << 20]))
def test_everything_equals_enumeration(case: tuple[Chain, Any, Any], room: int) -> None:
    chain, emissions, lengths = case
    tags = chain.tags
    with in_little_room(room):
        totals, shares = log_partition(chain, emissions, lengths), marginals(chain, emissions, lengths)
        best, scores = viterbi(chain, emissions, lengths)
    given_scores = path_scores(chain, emissions, best, lengths)
    for row, length in enumerate(lengths):
        own = emissions[:length, row]
        every = paths_of(chain, own)
        total = log_total([score for score, _ in every])
        assert totals[row] == pytest.approx(total, rel=1e-12, abs=1e-9)
        for time, tag in itertools.product(range(length), range(tags)):
            through = log_total([score for score, path in every if path[time] == tag])
            expected = 0.0 if total == -np.inf else np.exp(through - total)
            assert shares[time, row, tag] == pytest.approx(expected, abs=1e-9)
        highest = max(score for score, _ in every)
        assert scores[row] == pytest.approx(highest, rel=1e-12, abs=1e-9)
        if highest > -np.inf:
            assert given_scores[row] == pytest.approx(highest, rel=1e-12, abs=1e-9)
        assert not shares[length:, row].any()
        assert not best[length:, row].any()


@reproducible
@given(cases, st.integers(1, 30))
def test_n_best_paths_are_the_n_highest_of_all(case: tuple[Chain, Any, Any], n: int) -> None:
    chain, emissions, lengths = case
    own = emissions[: lengths[0], 0]
    found = n_best(chain, own, n)
    legal = sorted((score for score, _ in paths_of(chain, own) if score > -np.inf), reverse=True)
    assert [score for score, _ in found] == pytest.approx(legal[:n], rel=1e-12, abs=1e-9)
    by_path = {path: score for score, path in paths_of(chain, own)}
    for score, path in found:
        assert score == pytest.approx(by_path[tuple(path.tolist())], rel=1e-12, abs=1e-9)
    assert len({tuple(path.tolist()) for _, path in found}) == len(found)


@reproducible
@given(cases, st.integers(0, 10**6), st.sampled_from([1, 40, 1 << 20]))
def test_probabilities_of_stretches_equal_enumeration(case: tuple[Chain, Any, Any], seed: int, room: int) -> None:
    chain, emissions, lengths = case
    own = emissions[: lengths[0], 0]
    every, draw = paths_of(chain, own), np.random.default_rng(seed)
    stretches = [(s, e) for s in range(len(own)) for e in range(s + 1, len(own) + 1)]
    asked = [(start, draw.integers(0, chain.tags, end - start).tolist()) for start, end in stretches]
    total = log_total([score for score, _ in every])
    with in_little_room(room):
        found = span_log_probabilities(chain, own, asked)
    for value, (start, tags) in zip(found, asked, strict=True):
        agreeing = log_total([score for score, path in every if path[start : start + len(tags)] == tuple(tags)])
        expected = -np.inf if total == -np.inf else agreeing - total
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(reproducible, max_examples=10)
@given(cases)
def test_probabilities_of_stretches_in_a_batch_are_those_of_single_sentences(case: tuple[Chain, Any, Any]) -> None:
    chain, emissions, lengths = case
    asked = [[(start, [0] * (length - start)) for start in range(length)] for length in lengths.tolist()]
    together = batched_span_log_probabilities(chain, emissions, lengths, asked)
    for row, (own, found) in enumerate(zip(asked, together, strict=True)):
        alone = span_log_probabilities(chain, emissions[: lengths[row], row], own)
        np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-9)


@settings(reproducible, max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 300.0]), st.sampled_from([1, 2]))
def test_padding_and_batch_change_nothing(seed: int, scale: float, context: int) -> None:
    chain, emissions, lengths = made(seed, 5, 9, 6, scale=scale, forbidden=0.1, context=context)
    padded = np.concatenate([emissions, np.full((4, 6, 5), np.nan)])
    totals, shares, (best, scores) = (
        function(chain, padded, lengths) for function in (log_partition, marginals, viterbi)
    )
    for row, length in enumerate(lengths):
        alone, own = emissions[:length, row : row + 1], [length]
        assert log_partition(chain, alone, own)[0] == pytest.approx(totals[row], rel=1e-12, abs=1e-9)
        assert np.abs(marginals(chain, alone, own)[:, 0] - shares[:length, row]).max(initial=0) < 1e-9
        path, score = viterbi(chain, alone, own)
        assert np.array_equal(path[:, 0], best[:length, row])
        assert score[0] == scores[row]


@pytest.mark.parametrize("room", [1, 200, 1 << 20])
def test_scores_of_disjoint_parts_drift_apart_without_loss(room: int) -> None:
    """Tags 0 and 1 never follow each other; 0 leads by exp(2000) until the last token, where only 1 is possible."""
    forbidden = -np.inf
    chain = Chain([0.0, 0.0], [[0.0, forbidden], [forbidden, 0.0]], [forbidden, 0.0])
    emissions = np.tile([10.0, 0.0], (200, 1))[:, None]
    with in_little_room(room):
        assert log_partition(chain, emissions, [200])[0] == 0.0
        assert marginals(chain, emissions, [200])[:, 0, 1].min() == 1.0
        assert viterbi(chain, emissions, [200])[0].min() == 1


def test_no_legal_path_has_score_minus_infinity_and_no_probability() -> None:
    chain = Chain([0.0, -np.inf], [[-np.inf, 0.0], [-np.inf, -np.inf]], [0.0, 0.0])
    emissions = np.zeros((3, 2, 2))
    assert log_partition(chain, emissions, [3, 2]).tolist() == [-np.inf, 0.0]
    assert marginals(chain, emissions, [3, 2])[:, 0].sum() == 0.0
    paths, scores = viterbi(chain, emissions, [3, 2])
    assert scores.tolist() == [-np.inf, 0.0]
    assert paths.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert n_best(chain, emissions[:, 0], 2) == []


def test_empty_sentences_and_batches() -> None:
    chain = Chain(np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    assert log_partition(chain, np.zeros((0, 1, 2)), [0]).tolist() == [0.0]
    assert marginals(chain, np.zeros((0, 1, 2)), [0]).shape == (0, 1, 2)
    assert viterbi(chain, np.zeros((0, 0, 2)), [])[0].shape == (0, 0)
    ((score, path),) = n_best(chain, np.zeros((0, 2)), 3)
    assert (score, path.tolist()) == (0.0, [])


def test_constraints_forbid_what_is_not_legal() -> None:
    free = Chain(np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    chain = free.constrained([True, False], [[True, True], [False, True]], [False, True])
    assert log_partition(chain, np.zeros((3, 1, 2)), [3])[0] == pytest.approx(np.log(2))  # 0 0 1 and 0 1 1


def test_constraints_of_contexts_are_those_of_pairs() -> None:
    moves = np.pad(np.zeros((9, 2)), ((0, 0), (0, 1)), constant_values=-np.inf)
    free = ContextChain(np.zeros(2), moves, np.zeros(9))
    assert log_partition(free, np.zeros((3, 1, 2)), [3])[0] == pytest.approx(np.log(8))
    chain = free.constrained([True, False], [[True, True], [False, True]], [False, True])
    assert log_partition(chain, np.zeros((3, 1, 2)), [3])[0] == pytest.approx(np.log(2))
    assert chain.constrained([True, True], np.ones((2, 2), bool), [True, True]).start[-3] == 0.0


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: Chain([0.0], [[0.0, 0.0]], [0.0]), r"must be \[K\], \[K, K\] and \[K\], not \[1\], \[1, 2\], \[1\]"),
        (lambda: Chain([np.nan], [[0.0]], [0.0]), "numbers below infinity"),
        (lambda: Chain([np.inf], [[0.0]], [0.0]), "numbers below infinity"),
        (
            lambda: ContextChain(np.zeros(1), np.zeros((5, 2)), np.zeros(5)),
            r"must have scores \[K\], \[\(K \+ 1\)\^m, K",
        ),
        (lambda: ContextChain(np.zeros(1), np.zeros((4, 2)), np.zeros(4)), "must not return to the beginning"),
        (lambda: viterbi(ONE, np.zeros((2, 1, 3)), [2]), r"emissions must be \[T, B, 1\], not \[2, 1, 3\]"),
        (lambda: viterbi(ONE, np.zeros((2, 1, 1)), [2, 1]), r"lengths must be \[1\], not \[2\]"),
        (lambda: viterbi(ONE, np.zeros((2, 1, 1)), [3]), "lengths must be from 0 to 2"),
        (lambda: viterbi(ONE, np.zeros((2, 1, 1)), [-1]), "lengths must be from 0 to 2"),
        (lambda: n_best(ONE, np.zeros((2, 1)), 0), "n must be at least 1, not 0"),
        (lambda: n_best(ONE, np.zeros((2, 1, 1)), 1), r"emissions of one sentence must be \[T, 1\]"),
        (
            lambda: path_scores(ONE, np.zeros((2, 1, 1)), np.zeros((1, 1), int), [2]),
            r"paths must be \[2, 1\], not \[1, 1\]",
        ),
        (lambda: span_log_probabilities(ONE, np.zeros((2, 1)), [(1, [0, 0])]), "2 tags from token 1 on are no part"),
        (lambda: span_log_probabilities(ONE, np.zeros((2, 1)), [(0, [])]), "0 tags from token 0 on are no part"),
    ],
)
def test_wrong_arguments_are_named(call: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        call()


ONE = Chain([0.0], [[0.0]], [0.0])


@pytest.mark.slow
def test_long_sentences_without_underflow() -> None:
    """A chain whose transitions do not matter has independent tokens: everything is known in closed form."""
    steps, tags = 100_000, 4
    emissions = np.random.default_rng(0).normal(size=(steps, 1, tags))
    chain = Chain(np.zeros(tags), np.zeros((tags, tags)), np.zeros(tags))
    totals = np.logaddexp.reduce(emissions[:, 0], axis=1)
    assert log_partition(chain, emissions, [steps])[0] == pytest.approx(totals.sum(), rel=1e-12)
    path, _ = viterbi(chain, emissions, [steps])
    assert np.array_equal(path[:, 0], emissions[:, 0].argmax(axis=1))

    part = emissions[:5000]
    alone = np.exp(part[:, 0] - totals[: len(part), None])
    assert np.abs(marginals(chain, part, [len(part)])[:, 0] - alone).max() < 1e-12
    (_, first), (_, second) = n_best(chain, part[:, 0], 2)
    assert np.array_equal(first, path[: len(part), 0])
    assert (first != second).sum() == 1
    (found,) = span_log_probabilities(chain, part[:, 0], [(5, first[5:8])])
    assert found == pytest.approx(np.log(alone[[5, 6, 7], first[5:8]]).sum(), abs=1e-8)


@pytest.mark.parametrize("context", [1, 2])
def test_many_tags_take_room_for_few_sentences_at_a_time(context: int) -> None:
    case = made(3, 3, 4, 9, scale=80.0, forbidden=0.1, context=context)  # of a range that needs logarithms, too
    expected = viterbi(*case)[1], marginals(*case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "_ROOM", 2 * case[0].transitions.size)
        found = viterbi(*case)[1], marginals(*case)
    assert all(np.array_equal(one, two) for one, two in zip(found, expected, strict=True))
