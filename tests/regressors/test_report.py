"""Figures of regression, against scikit-learn's and SciPy's and by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from nlmkit.errors import DataError
from nlmkit.regressors.report import FIGURES, r_squared, regression_report

NUMBERS = st.floats(-1e3, 1e3, width=32)


def report(numbers: Any, predictions: Any, **options: Any) -> Any:
    return regression_report(
        numbers,
        predictions,
        component="toy",
        model_digest="0123",
        text_pipeline="tok:space",
        texts_digest="4567",
        **options,
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=2, max_size=40))
def test_figures_are_those_of_scikit_learn_and_scipy(pairs: list[tuple[int, int]]) -> None:
    """Small integers, so that there are many ties."""
    numbers, predictions = (np.array(values, float) for values in zip(*pairs, strict=True))
    found = report(numbers, predictions, resamples=0)
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(numbers, predictions))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(numbers, predictions))
    assert found.mean_residual == pytest.approx(np.mean(numbers - predictions))
    assert found.standard_deviation == pytest.approx(np.std(numbers))
    if len(set(numbers)) > 1:
        assert found.r2 == pytest.approx(metrics.r2_score(numbers, predictions))
    else:
        assert found.r2 is None
    if len(set(numbers)) > 1 and len(set(predictions)) > 1:
        assert found.pearson == pytest.approx(stats.pearsonr(numbers, predictions).statistic, abs=1e-12)
        assert found.spearman == pytest.approx(stats.spearmanr(numbers, predictions).statistic, abs=1e-12)
    else:
        assert found.pearson is found.spearman is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_figures_by_hand() -> None:
    """Residuals −1, 0, 1, −2: squares 6, absolute values 4; the numbers' squared distances from 2.5 sum to 5."""
    found = report([1, 2, 3, 4], [2, 2, 2, 6], resamples=0)
    assert found.n == 4
    assert found.r2 == pytest.approx(1 - 6 / 5)
    assert found.rmse == pytest.approx(1.5**0.5)
    assert found.mae == 1
    assert found.mean_residual == -0.5
    assert found.residuals.tolist() == [-1, 0, 1, -2]
    assert found.intervals == {}


def test_intervals_are_percentiles_of_resampled_figures() -> None:
    """The same resamples, and scikit-learn's and SciPy's figures of them."""
    random = np.random.default_rng(7)
    numbers = random.integers(1, 11, 30).astype(float)
    predictions = 0.5 * numbers + random.normal(size=30)
    found = report(numbers, predictions, resamples=200, seed=3)
    draws = np.random.default_rng(3)
    of: dict[str, list[float]] = {name: [] for name in FIGURES}
    for _ in range(200):
        some = draws.integers(30, size=30)
        y, p = numbers[some], predictions[some]
        of["r2"].append(metrics.r2_score(y, p))
        of["rmse"].append(metrics.root_mean_squared_error(y, p))
        of["mae"].append(metrics.mean_absolute_error(y, p))
        of["pearson"].append(stats.pearsonr(y, p).statistic)
        of["spearman"].append(stats.spearmanr(y, p).statistic)
    for name, values in of.items():
        assert found.intervals[name] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    assert report(numbers, predictions, resamples=200, seed=3).intervals == found.intervals
    assert report(numbers, predictions, resamples=200, seed=4).intervals != found.intervals


@pytest.mark.slow
def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Numbers with noise of deviation 1: the RMSE of perfect predictions is 1."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        truth = random.normal(size=100)
        found = report(truth + random.normal(size=100), truth, resamples=200).intervals["rmse"]
        covered += found[0] <= 1 <= found[1]
    assert 88 <= covered <= 99


def test_undefined_figures_are_none_and_say_why() -> None:
    flat = report([3, 3, 3], [1, 2, 3])
    assert flat.r2 is flat.pearson is flat.spearman is None
    assert flat.rmse == pytest.approx((5 / 3) ** 0.5)
    assert flat.reasons == dict.fromkeys(("r2", "pearson", "spearman"), "all numbers are equal")
    assert flat.intervals["r2"] is None
    assert "R²        undefined  (all numbers are equal)" in flat.render()
    same = report([1, 2, 3], [2, 2, 2])
    assert same.r2 == 0
    assert same.reasons == dict.fromkeys(("pearson", "spearman"), "all predictions are equal")
    both = report([2, 2], [2, 2])
    assert both.reasons["pearson"] == "all numbers and all predictions are equal"
    assert np.isnan(r_squared(np.array([2.0, 2.0]), np.array([2.0, 2.0])))
    assert np.isnan(r_squared(np.empty(0), np.empty(0)))
    json.dumps([each.to_dict() for each in (flat, same, both)], allow_nan=False)


def test_resamples_in_which_a_figure_is_undefined_do_not_count() -> None:
    """Of two texts half the resamples hold one of them twice; the others have the figure of the two."""
    found = report([1, 2], [1.25, 1.75])
    assert found.r2 == pytest.approx(1 - 0.125 / 0.5)
    assert found.intervals["r2"] == pytest.approx((found.r2, found.r2))
    assert found.intervals["pearson"] == pytest.approx((1, 1))


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1e-150, 1e-90, 1.0, 1e90, 1e119])
def test_tiny_and_huge_numbers_lose_nothing(unit: float) -> None:
    numbers, predictions = np.array([1, 2, 3, 4.0]), np.array([2, 2, 2, 6.0])
    plain, scaled = report(numbers, predictions), report(unit * numbers, unit * predictions)
    for name in ("r2", "pearson", "spearman"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name))
    assert scaled.rmse == pytest.approx(unit * plain.rmse, rel=1e-9)
    assert scaled.standard_deviation == pytest.approx(unit * plain.standard_deviation, rel=1e-9)
    json.dumps(scaled.to_dict(), allow_nan=False)


def test_errors_too_large_for_r2_are_told() -> None:
    found = report([0, 1e-100], [1e119, 0])
    assert found.r2 is None
    assert found.reasons["r2"] == "the errors are too large"


@pytest.mark.parametrize(
    ("numbers", "predictions", "problem"),
    [
        ([], [], "no texts to report on"),
        ([1, 2], [1], r"numbers of shape \[2\] and predictions of shape \[1\]"),
        ([[1], [2]], [[1], [2]], r"shape \[2, 1\]"),
        ([1, np.nan], [1, 2], "number 2 is nan: expected a finite value"),
        ([1, 2], [np.inf, 2], "prediction 1 is inf"),
        ([1, 2], [1, 1e200], r"prediction 2 is 1e\+200: expected a finite value up to ±1e\+120"),
    ],
)
def test_unusable_numbers_are_refused(numbers: Any, predictions: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        report(numbers, predictions)


def test_the_report_for_a_reader_and_as_json() -> None:
    found = report([1, 2, 3, 4], [2, 2, 2, 6], resamples=100, seed=5)
    shown = found.render()
    assert shown.splitlines()[0].startswith("R²        -0.2000  (95% interval ")
    assert "RMSE       1.2247" in shown
    assert (
        "n = 4; numbers: mean 2.5000, standard deviation 1.1180; mean residual (number less prediction): -0.5000"
        in shown
    )
    assert shown.endswith(f"nlmkit-r2|v:{found.version}|toy|tok:space|texts:4:4567|model:0123")
    facts = found.to_dict("there")
    assert next(iter(facts)) == "model"
    assert (facts["r2"], facts["n"], facts["resamples"], facts["seed"]) == (found.r2, 4, 100, 5)
    assert facts["intervals"]["rmse"] == list(found.intervals["rmse"])
    assert not {"numbers", "predictions"} & set(facts)
    assert repr(found).startswith("RegressionReport(n=4, r2=")
