"""Weights of texts and classes: as many copies of a text, for every classifier and regressor that takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.class_weight import compute_class_weight
from toys.broken_classifiers import Correct
from toys.classifiers import LABELS, TEXTS

from nlmkit import CNN, NBSVM, CNNRegressor, TfidfLogReg, TfidfRidge, load
from nlmkit.classifiers.base import Classifier
from nlmkit.classifiers.linear.calibration import fit_scale_and_offsets
from nlmkit.documents.weights import checked_weights, class_weights, rescaled
from nlmkit.errors import DataError, HyperParameterError

TINY: dict[str, Any] = {"embedding": 6, "maps": 4, "widths": (2, 3), "epochs": 3, "batch": 6, "seed": 1}
WEIGHTS = [1 + index % 3 for index in range(len(TEXTS))]
NUMBERS = [float(len(text)) + 3 * (label == "good") for text, label in zip(TEXTS, LABELS, strict=True)]
MODELS = [NBSVM(), TfidfLogReg(), CNN(**TINY), TfidfRidge(), TfidfRidge(alpha=None), CNNRegressor(**TINY)]


def copy_of(model: Any) -> Any:
    return type(model)(**model.get_params(deep=False))


def answers(model: Any) -> Any:
    return model.predict_proba(TEXTS) if isinstance(model, Classifier) else model.predict(TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.name}")
def test_weight_zero_leaves_no_trace_and_other_weights_matter(model: Any) -> None:
    targets: list[Any] = LABELS if isinstance(model, Classifier) else NUMBERS
    extra = [*TEXTS, "zzz never seen", "fine zzz"], [*targets, targets[0], targets[0]]
    kept = copy_of(model).fit(TEXTS, targets, sample_weight=WEIGHTS)
    longer = copy_of(model).fit(*extra, sample_weight=[*WEIGHTS, 0, 0])
    assert np.array_equal(answers(longer), answers(kept))
    assert "zzz" not in longer.vocabulary_
    assert not np.array_equal(answers(kept), answers(copy_of(model).fit(TEXTS, targets)))


@pytest.mark.slow
@pytest.mark.parametrize("model", [CNN(**TINY), CNNRegressor(**TINY)], ids=["classifier", "regressor"])
def test_equal_weights_are_none(model: Any) -> None:
    targets: list[Any] = LABELS if isinstance(model, Classifier) else NUMBERS
    weighted = copy_of(model).fit(TEXTS, targets, sample_weight=[0.5] * len(TEXTS))
    assert weighted.digest == copy_of(model).fit(TEXTS, targets).digest


def test_linear_models_equal_those_of_scikit_learn() -> None:
    logreg = TfidfLogReg(C=2.0).fit(TEXTS, LABELS, sample_weight=WEIGHTS)
    matrix = logreg._matrix(logreg.encode(TEXTS))
    reference = LogisticRegression(C=2.0, max_iter=1000).fit(matrix, LABELS, sample_weight=WEIGHTS)
    np.testing.assert_allclose(logreg.predict_proba(TEXTS), reference.predict_proba(matrix), atol=2e-4)
    balanced = TfidfLogReg(C=2.0, class_weight="balanced").fit(TEXTS[:25], LABELS[:25])
    reference = LogisticRegression(C=2.0, max_iter=1000, class_weight="balanced")
    matrix = balanced._matrix(balanced.encode(TEXTS[:25]))
    expected = reference.fit(matrix, LABELS[:25]).predict_proba(matrix)
    np.testing.assert_allclose(balanced.predict_proba(TEXTS[:25]), expected, atol=2e-4)

    ridge = TfidfRidge(alpha=0.5).fit(TEXTS, NUMBERS, sample_weight=WEIGHTS)
    matrix = ridge._matrix(ridge.encode(TEXTS))
    standard = (np.array(NUMBERS) - np.mean(NUMBERS)) / np.std(NUMBERS)
    by_sklearn = Ridge(alpha=0.5).fit(matrix.toarray(), standard, sample_weight=WEIGHTS)
    np.testing.assert_allclose(ridge.estimates(ridge.encode(TEXTS)), by_sklearn.predict(matrix.toarray()), atol=1e-4)


def test_naive_bayes_counts_a_text_of_weight_two_twice() -> None:
    weighted = NBSVM(beta=0, calibration=0, order=1).fit(TEXTS, LABELS, sample_weight=WEIGHTS)
    twice = [(text, label) for text, label, n in zip(TEXTS, LABELS, WEIGHTS, strict=True) for _ in range(n)]
    copies = NBSVM(beta=0, calibration=0, order=1).fit(*map(list, zip(*twice, strict=True)))

    def ratios(model: NBSVM) -> Any:
        words = [model.vocabulary_.id(word) for word in ("fine", "dull", "film", "say")]
        found = dict(zip(model.vocabulary_.words[3:], model.weights_[0], strict=True))
        return np.array([found[model.vocabulary_.words[word]] for word in words])

    one, two = ratios(weighted), ratios(copies)
    np.testing.assert_allclose(one / one[0], two / two[0], rtol=1e-9)


def test_calibration_weighs_its_texts() -> None:
    margins = np.random.default_rng(1).normal(size=(30, 3))
    targets = np.arange(30) % 3
    weights = np.array([1.0, 2.0, 3.0])[np.arange(30) // 10]
    found = fit_scale_and_offsets(margins, targets, weights)
    same = fit_scale_and_offsets(margins, targets, np.full(30, 2.0))
    plain = fit_scale_and_offsets(margins, targets)
    assert same[0] == plain[0]
    assert np.array_equal(same[1], plain[1])
    assert found[0] != plain[0]

    def loss(scale: float, offsets: Any) -> float:
        logits = scale * margins + offsets
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-(weights * log_probs[np.arange(30), targets]).sum())

    assert loss(*found) < loss(*plain)


def test_losses_of_networks_by_hand() -> None:
    from nlmkit.classifiers.neural.task import ClassificationTask
    from nlmkit.regressors.neural.task import RegressionTask

    generator = np.random.default_rng(0)
    outputs, weights = generator.normal(size=(5, 3)), np.array([2.0, 0.5, 1.0, 0.5, 1.0])
    targets = np.array([0, 1, 2, 1, 0])
    log_probs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    losses = -log_probs[np.arange(5), targets]
    task = object.__new__(ClassificationTask)
    task._label_smoothing = 0.0
    given = [torch.from_numpy(each) for each in (outputs, targets, weights)]
    assert float(task.mean_loss(*given)) == pytest.approx((weights * losses).sum() / 5)
    assert float(task.summed_loss(*given)) == pytest.approx((weights * losses).sum())
    found = task.measured(outputs, targets, weights)
    right = outputs.argmax(axis=1) == targets
    assert found == pytest.approx({"accuracy": (weights * right).sum() / 5, "loss": (weights * losses).sum() / 5})

    numbers = RegressionTask.__new__(RegressionTask)
    numbers._delta, numbers._scale = None, 2.0
    errors = generator.normal(size=5)
    given = [torch.from_numpy(each) for each in (errors[:, None], np.zeros(5), weights)]
    assert float(numbers.mean_loss(*given)) == pytest.approx((weights * errors**2).sum() / 5)
    assert float(numbers.summed_loss(*given)) == pytest.approx((weights * errors**2).sum())
    rmse = 2 * np.sqrt((weights * errors**2).sum() / 5)
    assert numbers.measured(errors[:, None], np.zeros(5), weights)["rmse"] == pytest.approx(rmse)


@pytest.mark.slow
def test_networks_keep_weights_of_held_out_texts_and_of_copies() -> None:
    settings = TINY | {"augment": 1, "augment_operations": ("swap",), "valid_share": 0.2}
    fitted = CNN(**settings, class_weight={"good": 5.0}).fit(TEXTS, LABELS)
    assert fitted.fit_report_["class_weights"] == {"bad": 1.0, "good": 5.0}
    plain = CNN(**settings).fit(TEXTS, LABELS)
    assert fitted.predict_proba(TEXTS)[:, 1].mean() > plain.predict_proba(TEXTS)[:, 1].mean() + 0.03
    given = CNN(**TINY, class_weight="balanced").fit(TEXTS[:25], LABELS[:25], valid=(TEXTS[25:], LABELS[25:]))
    assert given.fit_report_["held_out"]["chosen"] == "given"


def test_class_weights_of_all_forms(tmp_path: Any) -> None:
    classes, targets = np.unique(LABELS[:25], return_inverse=True)
    expected = compute_class_weight("balanced", classes=classes, y=np.array(LABELS[:25]))
    np.testing.assert_allclose(class_weights("balanced", classes, targets, None), expected)
    np.testing.assert_allclose(class_weights((("good", 3),), classes, targets, None), [1, 3])
    assert class_weights(((1, 3.0),), np.array([0, 1]), np.array([0, 1]), None).tolist() == [1, 3]
    with pytest.raises(DataError, match="no training text has the label True"):
        class_weights(((True, 3.0),), np.array([0, 1]), np.array([0, 1]), None)
    model = TfidfLogReg(class_weight={"good": 2, "bad": 0.5})
    assert model.class_weight == (("good", 2), ("bad", 0.5))
    assert TfidfLogReg(**model.params_as_json()) == model
    model.fit(TEXTS, LABELS)
    by_hand = TfidfLogReg().fit(TEXTS, LABELS, sample_weight=[2 if label == "good" else 0.5 for label in LABELS])
    assert np.array_equal(model.predict_proba(TEXTS), by_hand.predict_proba(TEXTS))
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").digest == model.digest
    assert "class_weight" not in by_hand.saved_params()
    with pytest.raises(DataError, match="no training text has the label 'goood'"):
        TfidfLogReg(class_weight={"goood": 2}).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("even", "must be balanced, none, or a weight per label, not 'even'"),
        ({"good": 0}, "the weight of 'good' must be positive, not 0"),
        ((("good", 1), ("good", 2)), "a label has two weights"),
        ({"good": "much"}, "class_weight must be "),
        (2, "class_weight must be "),
    ],
)
def test_unusable_class_weights(given: Any, message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        NBSVM(class_weight=given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], r"one number per text: 3 texts, shape \[2\]"),
        ([1, float("nan"), 1], "text 2 has nan"),
        ([1, 1, -1], "not negative: text 3 has -1"),
        ([0, 0, 0], "0 for every text"),
        (["a", "b", "c"], "must be one number per text"),
    ],
)
def test_unusable_weights(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_weights(given, 3)
    with pytest.raises(DataError, match=message):
        NBSVM().fit(["a", "b", "c"], ["x", "y", "x"], sample_weight=given)


def test_rescaling() -> None:
    assert rescaled(None) is None
    assert rescaled(np.full(3, 2.0)) is None
    found = rescaled(np.array([1.0, 3.0]))
    assert found is not None
    assert found.tolist() == [0.5, 1.5]


def test_a_classifier_without_weights_says_so() -> None:
    with pytest.raises(HyperParameterError, match="cannot weight its training texts: omit sample_weight"):
        Correct().fit(TEXTS, LABELS, sample_weight=WEIGHTS)
    with pytest.raises(
        HyperParameterError, match="class_weight=balanced has no effect: it needs a classifier that can"
    ):
        Correct(class_weight="balanced").fit(TEXTS, LABELS)


def test_scikit_learn_passes_weights() -> None:
    scores = cross_val_score(
        TfidfLogReg(), TEXTS, LABELS, cv=3, params={"sample_weight": np.array(WEIGHTS)}, error_score="raise"
    )
    assert np.isfinite(scores).all()
    grid = {"class_weight": ["balanced", {"good": 2.0}, None]}
    search = GridSearchCV(TfidfLogReg(), grid, cv=2, error_score="raise").fit(TEXTS, LABELS)
    assert search.best_params_["class_weight"] in grid["class_weight"]
