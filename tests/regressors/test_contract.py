"""What every regressor inherits: its numbers, its scale, fitting, scoring and saving."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.regressors import LengthRegressor

from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.errors import DataError, NotFittedError, SavedModelError
from nlmkit.saving.state import FittedState
from nlmkit.text import TextPipeline
from nlmkit.text.labelled import LabelledTexts, encode
from nlmkit.text.numbered import NumberedTexts

TEXTS = ["a", "a b", "a b c", "a b c d"]
NUMBERS = [1, 2, 3, 4.5]  # of the line 1.15 · length − 0.25


@pytest.fixture(autouse=True)
def forget() -> None:
    LengthRegressor.seen.clear()


def test_predictions_are_in_the_unit_of_the_numbers() -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS)
    assert regressor.predict(["a b", "", "x x x x x x"]) == pytest.approx([2.05, -0.25, 6.65])
    assert regressor.predict([]).shape == (0,)
    assert regressor.target_mean_ == pytest.approx(2.625)
    assert regressor.target_scale_ == pytest.approx(np.std(NUMBERS))


def test_the_model_sees_numbers_of_mean_0_and_variance_1() -> None:
    LengthRegressor().fit(TEXTS, NUMBERS, valid=(["a a"], [7.796010054098575]))
    targets, (_, held_out) = LengthRegressor.seen[0]
    assert targets.mean() == pytest.approx(0, abs=1e-12)
    assert targets.std() == pytest.approx(1)
    assert held_out == pytest.approx([(7.796010054098575 - 2.625) / np.std(NUMBERS)])


@given(
    st.integers(-1000, 1000), st.integers(-20, 20), st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True)
)
def test_shifts_and_powers_of_two_leave_the_targets_the_same_to_the_bit(
    shift: int, power: int, numbers: list[int]
) -> None:
    """Such numbers and their sums are exact in float64, and so whatever is learned is the same."""
    LengthRegressor.seen.clear()
    texts = ["a " * (index + 1) for index in range(len(numbers))]
    plain = LengthRegressor().fit(texts, numbers)
    changed = LengthRegressor().fit(texts, [2.0**power * (number + shift) for number in numbers])
    assert (LengthRegressor.seen[0][0] == LengthRegressor.seen[1][0]).all()
    assert changed.line_.tobytes() == plain.line_.tobytes()
    assert changed.predict(texts) / 2.0**power - shift == pytest.approx(plain.predict(texts), abs=1e-9)


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True))
def test_scaled_and_shifted_numbers_give_scaled_and_shifted_predictions(
    scale: float, shift: float, numbers: list[int]
) -> None:
    texts = ["a " * (index + 1) for index in range(len(numbers))]
    plain, changed = (
        LengthRegressor().fit(texts, some).predict(texts) for some in (numbers, scale * np.array(numbers) + shift)
    )
    assert changed == pytest.approx(scale * plain + shift, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-95, 1e-30, 1.0, 1e30, 9e98])
def test_tiny_and_huge_numbers_are_learned(unit: float) -> None:
    regressor = LengthRegressor().fit(TEXTS, unit * np.array(NUMBERS), valid=(TEXTS, unit * np.array(NUMBERS)))
    assert regressor.predict(TEXTS) / unit == pytest.approx([0.9, 2.05, 3.2, 4.35])
    assert regressor.score(TEXTS, unit * np.array(NUMBERS)) == pytest.approx(0.9888, abs=1e-4)


def test_the_fit_report_says_what_the_numbers_are() -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS, valid=(["a", "a b c"], [1.9, 2.2]))
    report = regressor.fit_report_
    assert report["texts"] == 4
    assert report["numbers"] == pytest.approx(
        {"mean": 2.625, "standard_deviation": np.std(NUMBERS), "lowest": 1, "highest": 4.5, "different": 4}
    )
    assert report["validation_rmse"] == pytest.approx(1.0)  # it says 0.9 and 3.2
    assert "validation_rmse" not in LengthRegressor().fit(TEXTS, NUMBERS).fit_report_


@pytest.mark.parametrize(
    ("texts", "numbers", "problem"),
    [
        (["a", "b"], [3, 3], "all 2 training texts have the number 3: a regressor needs two or more different numbers"),
        (["a"], [3], "there is one training text, with the number 3: a regressor needs two or more different numbers"),
        ([], [], "no texts to train on"),
        (["", " "], [1, 2], "no training text has a word"),
        (["a", "b"], [0, 1e-200], "the training texts' numbers differ by at most 1e-200: use a smaller unit"),
        (["a", "b"], [1, True], "number 2 is bool, not an integer or a float: convert it, as in float(value)"),
        (["a", "b"], None, "numbers are missing: pass texts and numbers, or NumberedTexts"),
        ("ab", [1, 2], "expected a sequence of texts, not one text: pass a single text in a list"),
    ],
)
def test_what_cannot_be_learned_is_one_clear_line(texts: Any, numbers: Any, problem: str) -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS)
    before = regressor.predict(TEXTS)
    with pytest.raises(DataError) as caught:
        regressor.fit(texts, numbers)
    assert str(caught.value).removeprefix("<texts>: ") == problem
    assert (regressor.predict(TEXTS) == before).all()


def test_unusable_held_out_texts_are_refused() -> None:
    with pytest.raises(DataError, match="no validation texts"):
        LengthRegressor().fit(TEXTS, NUMBERS, valid=([], []))
    with pytest.raises(DataError, match="number 1 is missing"):
        LengthRegressor().fit(TEXTS, NUMBERS, valid=(["a"], [None]))
    LengthRegressor().fit(TEXTS, NUMBERS, valid=(["a", "b"], [3, 3]))  # equal numbers are no harm there


def test_texts_and_numbers_in_one_object() -> None:
    plain = LengthRegressor().fit(TEXTS, NUMBERS)
    for data in (NumberedTexts(TEXTS, NUMBERS), (TEXTS, NUMBERS)):
        assert LengthRegressor().fit(data).digest == plain.digest
    spelt = LabelledTexts(TEXTS, ["1", "2", "3", "4.5"])
    assert LengthRegressor().fit(spelt).digest == plain.digest
    assert LengthRegressor().fit(LabelledTexts(TEXTS, [1, 2, 3, 4])).score(LabelledTexts(TEXTS, [1, 2, 3, 4])) == 1
    with pytest.raises(DataError, match="these texts already have numbers"):
        LengthRegressor().fit(NumberedTexts(TEXTS, NUMBERS), NUMBERS)


def test_a_classifier_refuses_numbers() -> None:
    with pytest.raises(DataError, match="these texts have numbers, but a classifier needs labels: use a regressor"):
        TfidfLogReg().fit(NumberedTexts(TEXTS, NUMBERS))


def test_score_is_r_squared_and_the_report_has_it() -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS)
    # It says 0.9, 2.05, 3.2 and 4.35: residuals -0.9, -1.05, -0.2 and 1.65, of numbers 0, 1, 3, 6 of mean 2.5.
    numbers = [0, 1, 3, 6]
    expected = 1 - (0.81 + 1.1025 + 0.04 + 2.7225) / 21
    assert regressor.score(TEXTS, numbers) == pytest.approx(expected)
    report = regressor.report(TEXTS, numbers, resamples=50, seed=2)
    assert report.r2 == pytest.approx(expected)
    assert report.residuals == pytest.approx([-0.9, -1.05, -0.2, 1.65])
    assert (report.n, report.resamples, report.seed) == (4, 50, 2)
    assert (report.component, report.model_digest) == ("length-regressor", regressor.digest)
    assert report.text_pipeline == regressor.pipeline_.signature
    assert report.texts_digest == NumberedTexts(TEXTS, numbers).digest


def test_equal_numbers_have_a_score_of_nan_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS)
    with caplog.at_level(logging.WARNING, logger="nlmkit"):
        assert np.isnan(regressor.score(["a", "b"], [2, 2]))
    assert caplog.messages == ["R² is undefined, since all 2 numbers are 2"]
    assert np.isnan(regressor.score([], []))
    assert len(caplog.messages) == 1
    assert regressor.report(["a", "b"], [2, 2]).r2 is None
    with pytest.raises(DataError, match="no texts to report on"):
        regressor.report([], [])


def test_a_corpus_of_the_own_pipeline_is_read_and_others_refused() -> None:
    regressor = LengthRegressor().fit(TEXTS, NUMBERS)
    assert (regressor.predict(encode(TEXTS, regressor.pipeline_)) == regressor.predict(TEXTS)).all()
    with pytest.raises(DataError, match="but the regressor uses"):
        regressor.predict(encode(TEXTS, TextPipeline(tokenizer="char")))


def test_unfitted_use_is_refused() -> None:
    regressor = LengthRegressor()
    for use in (lambda: regressor.predict(["a"]), lambda: regressor.score(TEXTS, NUMBERS), lambda: regressor.digest):
        with pytest.raises(NotFittedError):
            use()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("target_mean", value) for value in (None, "1", float("inf"), float("nan"), 1e300, True)),
        *(("target_scale", value) for value in (None, 0.0, -1.0, float("inf"), float("nan"), 1e300, 1)),
        *(("fit_report", value) for value in (None, [])),
    ],
)
def test_damaged_metadata_are_refused(name: str, value: Any) -> None:
    fitted = LengthRegressor().fit(TEXTS, NUMBERS)
    state = fitted.fitted_state()
    again = LengthRegressor()
    again.pipeline_ = fitted.pipeline_
    again.restore(state)
    assert (again.predict(TEXTS) == fitted.predict(TEXTS)).all()
    with pytest.raises(SavedModelError, match="save the model again"):
        again.restore(FittedState(state.arrays, {**state.metadata, name: value}))
