"""Tf-idf and logistic regression against scikit-learn's own pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nlmkit.classification.data import LabelledTexts
from nlmkit.classifiers.tfidf_logreg import TfidfLogReg
from nlmkit.components import FittedState
from nlmkit.errors import DataError, SavedModelError

TRAIN = LabelledTexts.read("corpus:reviews-en")
TEST = LabelledTexts.read("corpus:reviews-en/test")
UNUSUAL = ["", "zyzzyva", "the the the the"]


def reference(order: int, min_documents: int, sublinear: bool, C: float) -> Any:
    vectorizer = TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, order), min_df=min_documents, sublinear_tf=sublinear
    )
    return make_pipeline(vectorizer, LogisticRegression(C=C, max_iter=1000))


@pytest.mark.parametrize(
    ("order", "min_documents", "sublinear", "C"), [(1, 1, False, 1.0), (2, 2, True, 10.0), (3, 1, True, 5.0)]
)
def test_probabilities_are_those_of_scikit_learn(order: int, min_documents: int, sublinear: bool, C: float) -> None:
    labels = np.array([("a", "b", "c")[index % 3] for index in range(len(TRAIN))])
    for targets in (TRAIN.labels, labels):
        classifier = TfidfLogReg(tokenizer="space", order=order, min_documents=min_documents, sublinear=sublinear, C=C)
        classifier.fit(TRAIN.texts, targets)
        expected = reference(order, min_documents, sublinear, C).fit(TRAIN.texts, targets)
        assert len(classifier.features_) == len(expected[0].vocabulary_)
        found = classifier.predict_proba([*TEST.texts, *UNUSUAL])
        assert found == pytest.approx(expected.predict_proba([*TEST.texts, *UNUSUAL]), abs=1e-6)
        assert classifier.classes_.tolist() == expected.classes_.tolist()


def test_document_frequencies_are_of_the_training_texts_alone() -> None:
    classifier = TfidfLogReg(order=1).fit(["a b", "a c", "a"], ["x", "y", "x"], valid=(["b b zz"], ["y"]))
    expected = np.log(4 / np.array([4, 2, 2])) + 1
    assert classifier.idf_ == pytest.approx(expected)
    assert classifier.vocabulary_.words[3:] == ("a", "b", "c")


def test_slow_convergence_is_a_note_and_not_a_warning() -> None:
    notes = TfidfLogReg(max_iter=1).fit(TRAIN).fit_report_["notes"]
    assert notes == ["L-BFGS did not converge in 1 iterations: raise max_iter or lower C"]


def test_features_that_are_all_too_rare_are_an_error() -> None:
    with pytest.raises(DataError, match="no n-gram is in 9 texts"):
        TfidfLogReg(min_documents=9).fit(["a b", "c d"], ["x", "y"])


def test_highlights_sum_to_the_logit_of_the_predicted_class() -> None:
    classifier = TfidfLogReg().fit(TRAIN)
    for text in TEST.texts[:5]:
        probabilities = classifier.predict_proba([text])[0]
        sign = 1 if probabilities[1] > probabilities[0] else -1
        logit = abs(np.log(probabilities[1] / probabilities[0]))
        found = sum(weight for _, weight in classifier.highlights(text))
        assert found == pytest.approx(logit - sign * classifier.intercepts_[0])
    assert classifier.highlights("") == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("idf", np.zeros(5), "shape"),
        ("idf", np.array([1.0, np.nan]), "'idf' holds NaN"),
        ("weights", np.zeros((2, 2)), "shape"),
        ("weights", np.array([[1.0, np.inf]]), "'weights' holds NaN or infinity"),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray, problem: str) -> None:
    fitted = TfidfLogReg(order=1).fit(["good", "bad"], ["x", "y"])
    state = fitted.fitted_state()
    damaged = TfidfLogReg(order=1)
    vars(damaged).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    with pytest.raises(SavedModelError, match=problem):
        damaged.restore(FittedState({**state.arrays, name: value}, state.metadata))
