"""EM for interpolation weights, against optimality conditions and brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.language_models.combined.members import GAP, MAX_ITERATIONS, finite_perplexity, fit_weights


@st.composite
def probabilities(draw: Any) -> np.ndarray:
    models, events = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    rows = draw(
        st.lists(st.lists(st.floats(0.001, 1), min_size=events, max_size=events), min_size=models, max_size=models)
    )
    return np.array(rows)


@pytest.mark.slow
@given(probabilities())
def test_the_weights_are_the_optimum(probs: np.ndarray) -> None:
    found = fit_weights(np.log(probs))
    assert found.values.sum() == pytest.approx(1, abs=1e-12)
    assert (found.values >= 0).all()
    mixture = found.values @ probs
    gradient = (probs / mixture).mean(axis=1)
    assert found.gap == pytest.approx(gradient.max() - 1, abs=1e-12)  # Karush, Kuhn and Tucker
    assert found.gap <= GAP or found.iterations == MAX_ITERATIONS
    assert found.log_prob == pytest.approx(np.log(mixture).mean(), abs=1e-12)
    others = np.random.default_rng(0).dirichlet(np.ones(len(probs)), 200)
    assert np.log(others @ probs).mean(axis=1).max() <= found.log_prob + 1e-6


def test_two_models_against_a_fine_grid() -> None:
    probs = np.array([[0.9, 0.1, 0.5, 0.2], [0.2, 0.6, 0.4, 0.3]])
    grid = np.linspace(0, 1, 100_001)
    values = np.log(grid[:, None] * probs[0] + (1 - grid[:, None]) * probs[1]).mean(axis=1)
    found = fit_weights(np.log(probs))
    assert found.values[0] == pytest.approx(grid[values.argmax()], abs=1e-4)
    assert found.log_prob >= values.max() - 1e-9


def test_a_known_optimum() -> None:
    # Each model is right on its own events and gives the others' nothing: the weights are the shares.
    log_probs = np.log(np.array([[1, 1, 1, 0.0], [0, 0, 0, 1.0]]) + 1e-300)
    np.testing.assert_allclose(fit_weights(log_probs).values, [0.75, 0.25], rtol=1e-9)


def test_tiny_probabilities_do_not_underflow() -> None:
    log_probs = np.array([[-2000.0, -2001.0], [-2001.0, -2000.0]])
    found = fit_weights(log_probs)
    np.testing.assert_allclose(found.values, [0.5, 0.5])
    assert found.log_prob == pytest.approx(-2000 + math.log((1 + math.exp(-1)) / 2))


def test_impossible_events_are_left_out_and_counted() -> None:
    log_probs = np.log(np.array([[0.9, 0.3, 0.5], [0.2, 0.6, 0.1]]))
    with_impossible = np.insert(log_probs, 1, -np.inf, axis=1)
    found, expected = fit_weights(with_impossible), fit_weights(log_probs)
    np.testing.assert_array_equal(found.values, expected.values)
    assert (found.impossible, expected.impossible) == (1, 0)


@pytest.mark.parametrize(("events", "message"), [(0, "has no event"), (2, "every model gives probability zero")])
def test_nothing_to_fit_on_is_an_error(events: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_weights(np.full((2, events), -np.inf))


def test_a_perplexity_that_is_no_number_is_none() -> None:
    assert finite_perplexity(np.log([0.5, 0.125])) == pytest.approx(4)
    assert finite_perplexity(np.array([-1.0, -np.inf])) is None
    assert finite_perplexity(np.empty(0)) is None


def test_a_step_that_is_too_long_is_taken_back() -> None:
    random = np.random.default_rng(3)
    for scale in (0.01, 1.0, 30.0):
        log_probs = -np.abs(random.normal(scale=scale, size=(3, 500)))
        log_probs[0, ::7] = -700.0  # a gradient of hundreds of orders of magnitude
        found = fit_weights(log_probs)
        assert np.isfinite(found.values).all()
        assert found.gap <= GAP
