"""Tf-idf and logistic regression against scikit-learn's own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from toys.classifiers import many_classes

from nlmkit import load
from nlmkit.classifiers.linear import tfidf_logreg
from nlmkit.classifiers.linear import weights as linear
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.documents.merged_features import MergedFeatures
from nlmkit.errors import DataError, SavedModelError
from nlmkit.saving.state import FittedState
from nlmkit.text.labelled import LabelledTexts

TRAIN = LabelledTexts.read("corpus:reviews-en")
TEST = LabelledTexts.read("corpus:reviews-en/test")
UNUSUAL = ["", "zyzzyva", "the the the the"]


def reference(order: int, min_documents: int, sublinear: bool, C: float) -> Any:
    vectorizer = TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, order), min_df=min_documents, sublinear_tf=sublinear
    )
    return make_pipeline(vectorizer, LogisticRegression(C=C, max_iter=1000))


@pytest.mark.slow
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


THREE = np.array([("a", "b", "c")[index % 3] for index in range(len(TRAIN))])


@pytest.mark.slow
@pytest.mark.parametrize("labels", [TRAIN.labels, THREE], ids=["two", "three"])
def test_merged_features_give_the_same_regression(labels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TfidfLogReg().fit(TRAIN.texts, labels)
    merged_features = MergedFeatures.of(plain.features_.matrix(plain.encode(TRAIN.texts))).matrix.shape[1]
    monkeypatch.setattr(tfidf_logreg, "_MOST_TOGETHER", len(plain.weights_) * merged_features)
    merged = TfidfLogReg().fit(TRAIN.texts, labels)
    assert merged.fit_report_["notes"] == []
    assert merged.weights_.shape == plain.weights_.shape
    assert (merged.weights_ != plain.weights_).any()  # the way was another
    assert merged.predict_proba(TEST) == pytest.approx(plain.predict_proba(TEST), abs=1e-3)


def test_too_many_weights_for_one_regression_are_fitted_class_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_logreg, "_MOST_TOGETHER", 1)
    classifier = TfidfLogReg(tokenizer="space").fit(TRAIN.texts, THREE)
    assert classifier.fit_report_["notes"] == [
        f"3 classes and {len(classifier.features_)} n-grams: "
        "one-against-rest regressions, since a multinomial one takes too much memory"
    ]
    vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    train, test = vectorizer.fit_transform(TRAIN.texts), vectorizer.transform(TEST.texts)
    logits = np.stack(
        [
            LogisticRegression(C=10, solver="liblinear", tol=1e-8, max_iter=10_000)
            .fit(train, name == THREE)
            .decision_function(test)
            for name in "abc"
        ],
        axis=1,
    )
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert classifier.predict_proba(TEST) == pytest.approx(expected, abs=0.01)
    # two classes always have one decision, which costs no more than the features do
    assert TfidfLogReg().fit(TRAIN).fit_report_["notes"] == []


def test_over_many_values_each_class_is_fitted_against_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    data, test = many_classes(12, 30), many_classes(12, 20, seed=1)
    monkeypatch.setattr(tfidf_logreg, "_MOST_TOGETHER", 1)
    whole = TfidfLogReg().fit(data)
    monkeypatch.setattr(linear, "_MOST_VALUES", 1 << 15)
    sampled = TfidfLogReg().fit(data)
    (note,) = (note for note in sampled.fit_report_["notes"] if note not in whole.fit_report_["notes"])
    assert note.startswith("12 classes and 360 texts: each class was fitted against a sample of ")
    assert (sampled.weights_ != whole.weights_).any()
    assert sampled.score(test) > whole.score(test) - 0.05 > 0.8
    assert TfidfLogReg().fit(data).digest == sampled.digest


def test_class_by_class_slow_convergence_is_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_logreg, "_MOST_TOGETHER", 1)
    notes = TfidfLogReg(max_iter=1).fit(TRAIN.texts, THREE).fit_report_["notes"]
    assert notes[1:] == ["liblinear did not converge in 1 iterations: raise max_iter or lower C"]


def test_single_precision_weights_are_saved_and_predict_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "_MOST_DOUBLE", 1)
    classifier = TfidfLogReg().fit(TRAIN)
    assert classifier.weights_.dtype == np.float32
    classifier.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.digest == classifier.digest
    assert (again.predict_proba(TEST) == classifier.predict_proba(TEST)).all()  # type: ignore[attr-defined]


def test_features_that_are_all_too_rare_are_an_error() -> None:
    with pytest.raises(DataError, match="no n-gram occurs in 9 texts: lower min_documents"):
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
        ("idf", np.array([1.0, np.nan]), "array 'idf' contains values that are not an idf"),
        ("weights", np.zeros((2, 2)), "shape"),
        ("weights", np.array([[1.0, np.inf]]), "'weights' contains NaN or infinity"),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray, problem: str) -> None:
    fitted = TfidfLogReg(order=1).fit(["good", "bad"], ["x", "y"])
    state = fitted.fitted_state()
    damaged = TfidfLogReg(order=1)
    vars(damaged).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    with pytest.raises(SavedModelError, match=problem):
        damaged.restore(FittedState({**state.arrays, name: value}, state.metadata))
