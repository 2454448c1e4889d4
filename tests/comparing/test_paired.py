"""The paired bootstrap and approximate randomization against calculations over all draws and exchanges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.comparing import paired
from nlmkit.comparing.labels import ACCURACY, MACRO_F1
from nlmkit.comparing.numbers import R2
from nlmkit.core.intervals import interval


def shares(right: list[int]) -> np.ndarray:
    return np.stack([np.array(right, float), np.ones(len(right))], axis=1)


def exact_p(one: np.ndarray, other: np.ndarray) -> float:
    """Share of all exchanges of items whose difference is as large."""
    observed = abs(one[:, 0].mean() - other[:, 0].mean())
    found = []
    for swaps in itertools.product([False, True], repeat=len(one)):
        which = np.array(swaps)
        a, b = np.where(which, other[:, 0], one[:, 0]), np.where(which, one[:, 0], other[:, 0])
        found.append(abs(a.mean() - b.mean()) >= observed - 1e-12)
    return sum(found) / len(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 1, 1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0, 1, 0]), ([1, 0, 1, 0], [0, 1, 1, 0]), ([1, 1], [1, 1])],
)
def test_the_p_value_is_that_of_all_exchanges(one: list[int], other: list[int]) -> None:
    first, second = shares(one), shares(other)
    found = paired.randomization(first, second, ACCURACY.of, 20_000, 0)
    assert found == pytest.approx(exact_p(first, second), abs=0.015)


def test_the_p_value_of_accuracy_is_that_of_mcnemars_test() -> None:
    # 12 texts that only one of the models has right, 9 of them the first: an exact two-sided binomial test.
    one = [1] * 9 + [0] * 3 + [1] * 20
    other = [0] * 9 + [1] * 3 + [1] * 20
    exact = 2 * sum(math.comb(12, k) for k in range(9, 13)) / 2**12
    assert paired.randomization(shares(one), shares(other), ACCURACY.of, 40_000, 1) == pytest.approx(exact, abs=0.01)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 1), min_size=2, max_size=12), st.integers(0, 5))
def test_equal_models_have_a_p_value_of_one_and_an_interval_around_the_figure(right: list[int], seed: int) -> None:
    counts = shares(right)
    assert paired.randomization(counts, counts, ACCURACY.of, 20, seed) == 1
    found = interval(paired.bootstrap(counts, ACCURACY.of, 50, seed))
    assert found is not None
    assert 0 <= found[0] <= found[1] <= 1
    assert paired.figure(counts, ACCURACY.of) == pytest.approx(sum(right) / len(right))


def test_the_interval_is_that_of_all_draws() -> None:
    counts = shares([1, 1, 0, 1])
    every = sorted(np.mean(draw) for draw in itertools.product([1, 1, 0, 1], repeat=4))
    low, high = interval(paired.bootstrap(counts, ACCURACY.of, 20_000, 3)) or (0, 0)
    assert (low, high) == pytest.approx((np.quantile(every, 0.025), np.quantile(every, 0.975)), abs=1e-9)


def test_what_is_undefined_has_no_interval_and_no_p_value() -> None:
    flat = np.array([[1.0, 0.0, 0.0, 1.0]] * 3)
    assert np.isnan(R2.of(flat.sum(axis=0, keepdims=True))[0])
    assert interval(paired.bootstrap(flat, R2.of, 10, 0)) is None
    assert paired.randomization(flat, flat, R2.of, 10, 0) is None
    assert paired.randomization(shares([1, 0]), shares([0, 0]), ACCURACY.of, 0, 0) is None
    assert len(paired.bootstrap(shares([1]), ACCURACY.of, 10, 0)) == 0


def test_the_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = shares([1, 0, 1, 1, 0]), shares([0, 0, 1, 0, 1])
    whole = paired.bootstrap(one, ACCURACY.of, 30, 2), paired.randomization(one, other, ACCURACY.of, 30, 2)
    monkeypatch.setattr(paired, "_ENTRIES", 10)
    np.testing.assert_array_equal(paired.bootstrap(one, ACCURACY.of, 30, 2), whole[0])
    assert paired.randomization(one, other, ACCURACY.of, 30, 2) == pytest.approx(whole[1], abs=0.2)


def test_macro_f1_leaves_out_classes_that_do_not_occur() -> None:
    # hits of two classes, then labels and predictions of both
    sums = np.array([[2.0, 0.0, 4.0, 0.0], [1.0, 1.0, 4.0, 2.0]])
    np.testing.assert_allclose(MACRO_F1.of(sums), [1.0, (0.5 + 1.0) / 2])
