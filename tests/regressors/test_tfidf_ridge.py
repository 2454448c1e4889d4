"""Tf-idf and ridge regression against scikit-learn's own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from nlmkit import load
from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.regressors import tfidf_ridge
from nlmkit.regressors.tfidf_ridge import ALPHAS, TfidfRidge
from nlmkit.saving.state import FittedState
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.numbered import NumberedTexts


def rated(name: str) -> NumberedTexts:
    """Reviews with numbers: 1 to 5 for the label, and a part by length."""
    data = LabelledTexts.read(name)
    numbers = [
        4.0 * (label == "positive") + len(text) % 10 / 10 for label, text in zip(data.labels, data.texts, strict=True)
    ]
    return NumberedTexts(data.texts, numbers)


TRAIN, TEST = rated("corpus:reviews-en"), rated("corpus:reviews-en/test")
UNUSUAL = ["", "zyzzyva", "the the the the"]


@pytest.mark.parametrize(
    ("order", "min_documents", "sublinear", "alpha"), [(1, 1, False, 1.0), (2, 2, True, 0.1), (3, 1, True, 10.0)]
)
def test_predictions_are_those_of_scikit_learn(order: int, min_documents: int, sublinear: bool, alpha: float) -> None:
    """On the numbers as they are: a ridge regression with an intercept does not mind that ours are standardised."""
    regressor = TfidfRidge(
        tokenizer="space", order=order, min_documents=min_documents, sublinear=sublinear, alpha=alpha
    ).fit(TRAIN)
    vectorizer = TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, order), min_df=min_documents, sublinear_tf=sublinear
    )
    expected = make_pipeline(vectorizer, Ridge(alpha=alpha, solver="sparse_cg", tol=1e-12))
    expected.fit(TRAIN.texts, TRAIN.numbers)
    assert len(regressor.features_) == len(expected[0].vocabulary_)
    found = regressor.predict([*TEST.texts, *UNUSUAL])
    assert found == pytest.approx(expected.predict([*TEST.texts, *UNUSUAL]), abs=1e-5)
    assert regressor.score(TEST) == pytest.approx(expected.score(TEST.texts, TEST.numbers), abs=1e-5)
    assert regressor.fit_report_["notes"] == []


@pytest.mark.slow
def test_the_weights_are_the_minimum() -> None:
    """Of Σ(y − w·x − b)² + α‖w‖², solved densely by the normal equations."""
    regressor = TfidfRidge(order=1, alpha=0.5).fit(TRAIN)
    x = regressor._matrix(regressor.encode(TRAIN.texts)).toarray()
    y = (TRAIN.numbers - TRAIN.numbers.mean()) / TRAIN.numbers.std()
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + 0.5 * np.eye(x.shape[1]), centred.T @ y)
    assert regressor.weights_ == pytest.approx(weights, abs=1e-6)
    assert regressor.intercept_ == pytest.approx(-x.mean(axis=0) @ weights, abs=1e-6)


def test_document_frequencies_are_of_the_training_texts_alone() -> None:
    regressor = TfidfRidge(order=1).fit(["a b", "a c", "a"], [1, 2, 3], valid=(["b b zz"], [2]))
    assert regressor.idf_ == pytest.approx(np.log(4 / np.array([4, 2, 2])) + 1)
    assert regressor.vocabulary_.words[3:] == ("a", "b", "c")


def test_without_a_strength_the_one_that_predicts_held_out_texts_best_is_taken() -> None:
    chosen = TfidfRidge(alpha=None).fit(TRAIN, valid=TEST)
    tried = {}
    for alpha in ALPHAS:
        residuals = TfidfRidge(alpha=alpha).fit(TRAIN).predict(TEST) - TEST.numbers
        tried[f"{alpha:g}"] = float(np.sqrt(np.mean(residuals**2)))
    best = min(tried, key=lambda name: tried[name])
    assert chosen.fit_report_["rmse_by_alpha"] == pytest.approx(tried, abs=1e-4)
    assert chosen.alpha_ == chosen.fit_report_["alpha"] == float(best)
    assert chosen.alpha is None
    assert chosen.predict(TEST) == pytest.approx(TfidfRidge(alpha=float(best)).fit(TRAIN).predict(TEST), abs=1e-9)


def test_without_held_out_texts_a_tenth_is_held_out_and_then_fitted_too() -> None:
    chosen = TfidfRidge(alpha=None).fit(TRAIN)
    assert TfidfRidge(alpha=None).fit(TRAIN).digest == chosen.digest
    assert sorted(map(float, chosen.fit_report_["rmse_by_alpha"])) == sorted(ALPHAS)
    whole = TfidfRidge(alpha=chosen.alpha_).fit(TRAIN)
    assert (chosen.predict(TEST) == whole.predict(TEST)).all()
    TfidfRidge(alpha=None).fit(["a", "b"], [1, 2])  # one text is held out, and one is left


def test_no_convergence_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_ridge, "_TOLERANCE", 1e-30)  # beyond what float64 can reach
    notes = TfidfRidge().fit(TRAIN).fit_report_["notes"]
    assert notes == ["the solver of the regression did not converge: raise alpha"]


def test_a_tiny_penalty_goes_through_the_training_texts() -> None:
    texts, numbers = ["a b", "c", "d e f", "g"], [1, 5, -2, 10]
    assert TfidfRidge(alpha=1e-9).fit(texts, numbers).predict(texts) == pytest.approx(numbers, abs=1e-3)


def test_a_huge_penalty_predicts_the_mean() -> None:
    assert TfidfRidge(alpha=1e12).fit(TRAIN).predict(TEST) == pytest.approx(np.full(len(TEST), TRAIN.numbers.mean()))


def test_features_that_are_all_too_rare_are_an_error() -> None:
    with pytest.raises(DataError, match="no n-gram occurs in 9 texts: lower min_documents"):
        TfidfRidge(min_documents=9).fit(["a b", "c d"], [1, 2])


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), "strong"])
def test_impossible_penalties_are_refused(alpha: Any) -> None:
    with pytest.raises(HyperParameterError, match="alpha"):
        TfidfRidge(alpha=alpha)


def test_highlights_sum_to_what_the_words_add_to_the_number() -> None:
    regressor = TfidfRidge().fit(TRAIN)
    nothing = regressor.predict([""])[0]
    for text in TEST.texts[:5]:
        found = sum(weight for _, weight in regressor.highlights(text))
        assert found == pytest.approx(regressor.predict([text])[0] - nothing)
    assert regressor.highlights("") == []


@pytest.mark.parametrize("alpha", [0.3, 1, None])
def test_saved_and_loaded_it_is_the_same(alpha: float | None, tmp_path: Path) -> None:
    regressor = TfidfRidge(alpha=alpha).fit(TRAIN)
    regressor.save(tmp_path / "model")
    again: Any = load(tmp_path / "model")
    assert again.digest == regressor.digest
    assert (again.predict([*TEST.texts, *UNUSUAL]) == regressor.predict([*TEST.texts, *UNUSUAL])).all()
    assert (again.alpha, again.alpha_, again.intercept_) == (regressor.alpha, regressor.alpha_, regressor.intercept_)
    assert again.report(TEST, resamples=10).to_dict() == regressor.report(TEST, resamples=10).to_dict()
    assert again.fit_report_ == regressor.fit_report_


TEXTS = st.lists(st.lists(st.sampled_from("abcde"), min_size=0, max_size=6).map(" ".join), min_size=2, max_size=9)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-100, 100))
def test_scaled_and_shifted_numbers_give_scaled_and_shifted_predictions(
    texts: list[str], seed: int, scale: float, shift: float
) -> None:
    texts = [*texts, "a b"]  # one text has a word
    numbers = np.random.default_rng(seed).normal(size=len(texts))
    plain = TfidfRidge().fit(texts, numbers).predict(texts)
    changed = TfidfRidge().fit(texts, scale * numbers + shift).predict(texts)
    assert (changed - shift) / scale == pytest.approx(plain, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.data())
def test_a_prediction_depends_on_its_text_alone(texts: list[str], data: st.DataObject) -> None:
    regressor = TfidfRidge(order=2).fit(["a b c", "b d", "e e a"], [1, 2, 4])
    together = regressor.predict(texts)
    order = data.draw(st.permutations(range(len(texts))))
    assert regressor.predict([texts[index] for index in order]) == pytest.approx(together[order], abs=1e-12)
    size = data.draw(st.integers(1, len(texts)))
    parts = [regressor.predict(texts[begin : begin + size]) for begin in range(0, len(texts), size)]
    assert np.concatenate(parts) == pytest.approx(together, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("idf", np.zeros(5), "shape"),
        ("idf", np.array([1.0, np.nan]), "'idf' contains values that are not"),
        ("weights", np.zeros(3), "shape"),
        ("weights", np.array([1.0, np.inf]), "'weights' contains NaN or infinity"),
        ("weights", np.array([1.0, 1e13]), r"a weight beyond 1e\+12"),
        ("weights", np.zeros(2, np.float32), "dtype|float32"),
        ("ngrams.1", np.array([0, 9]), "words missing from the vocabulary"),
        ("intercept", None, "its intercept is not a usable number"),
        ("intercept", float("nan"), "its intercept is not a usable number"),
        ("intercept", 1e13, "its intercept is not a usable number"),
        ("alpha", "1", "its alpha is not a usable number"),
        ("alpha", float("inf"), "its alpha is not a usable number"),
    ],
)
def test_damaged_states_are_refused(name: str, value: Any, problem: str) -> None:
    fitted = TfidfRidge(order=1).fit(["good", "bad"], [1, 2])
    state = fitted.fitted_state()
    damaged = TfidfRidge(order=1)
    vars(damaged).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    damaged.restore(state)
    changed = {name: value}
    arrays, metadata = (changed, {}) if isinstance(value, np.ndarray) else ({}, changed)
    with pytest.raises(SavedModelError, match=problem):
        damaged.restore(FittedState({**state.arrays, **arrays}, {**state.metadata, **metadata}))
