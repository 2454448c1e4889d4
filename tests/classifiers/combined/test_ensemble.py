"""``ensemble``: weighted log-probabilities of classifiers, against calculations by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.model_selection import cross_val_score
from toys.classifiers import LABELS, TEXTS

from nlmkit import CNN, NBSVM, Ensemble, NGram, RunOptions, TfidfLogReg, load
from nlmkit.classifiers.combined import log_linear
from nlmkit.classifiers.combined.members import log_probs, texts_of
from nlmkit.core.groups import Fits
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.text import TextPipeline
from nlmkit.text.labelled import encode

NB, LOGREG = NBSVM(calibration=0, order=1), TfidfLogReg(order=1)
TINY: dict[str, Any] = {"embedding": 6, "maps": 4, "widths": (2, 3), "epochs": 2, "batch": 12}
NEW = ["a fine evening", "what a dull meal", "nothing known", ""]


class OfTrees(TfidfLogReg):
    """A classifier that says it reads trees."""

    takes = "trees"


def by_hand(models: Any, weights: Any, texts: list[str]) -> Any:
    logits = sum(
        weight * np.log(np.maximum(model.predict_proba(texts), 1e-12))
        for weight, model in zip(weights, models, strict=True)
    )
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def test_probabilities_are_the_weighted_product() -> None:
    ensemble = Ensemble(models=(NB, LOGREG), weights=(0.75, 2)).fit(TEXTS, LABELS)
    alone = [NBSVM(calibration=0, order=1).fit(TEXTS, LABELS), TfidfLogReg(order=1).fit(TEXTS, LABELS)]
    np.testing.assert_allclose(ensemble.predict_proba(NEW), by_hand(alone, (0.75, 2), NEW), rtol=1e-12)
    assert ensemble.fit_report_["weights_from"] == "given"
    equal = Ensemble(models=(NB, LOGREG), weights="equal").fit(TEXTS, LABELS)
    np.testing.assert_allclose(equal.predict_proba(NEW), by_hand(alone, (0.5, 0.5), NEW), rtol=1e-12)
    assert not NB.is_fitted


def test_fitted_weights_are_the_best() -> None:
    generator = np.random.default_rng(3)
    targets = generator.integers(0, 3, 200)
    good = log_linear.log_softmax(2.0 * np.eye(3)[targets] + generator.normal(size=(200, 3)))
    noise = log_linear.log_softmax(generator.normal(size=(200, 3)))
    both = np.stack([good, noise])
    weights = log_linear.fit_weights(both, targets)
    assert weights[0] > 5 * weights[1]

    def loss(some: Any) -> float:
        logits = np.tensordot(some, both, axes=1)
        right = logits[np.arange(200), targets] - np.log(np.exp(logits).sum(axis=1))
        return float(-right.sum() + ((some - 0.5) ** 2).sum())

    steps = [np.array(step) for step in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -min(0.01, weights[1])])]
    assert all(loss(weights + step) >= loss(weights) for step in steps)
    twice = log_linear.fit_weights(np.concatenate([both, both[:, :50]], axis=1), np.append(targets, targets[:50]))
    weighted = log_linear.fit_weights(both, targets, np.repeat([2.0, 1.0], [50, 150]))
    np.testing.assert_allclose(weighted, twice, atol=0.01)
    assert check_grad(loss, lambda some: np.zeros(2), np.ones(2)) > 1  # the loss is not flat where it began
    report = log_linear.Scored(both, targets, None).report(weights)
    assert report["accuracy_alone"][0] == pytest.approx((good.argmax(axis=1) == targets).mean())
    assert report["loss_together"] <= min(report["loss_alone"])


def test_cross_validation_scores_each_text_without_it() -> None:
    texts, labels = [*TEXTS, "a lone text"], [*LABELS, "other"]
    targets = np.unique(labels, return_inverse=True)[1]
    folds = log_linear.held_out_folds(targets, 3, seed=0)
    assert folds is not None
    assert folds[-1] == -1
    assert sorted(np.bincount(folds[:-1])) == [12, 12, 12]
    assert log_linear.held_out_folds(np.array([0, 0, 1]), 3, seed=0) is None
    found = Ensemble(models=(NB, LOGREG), folds=3).fit(texts, labels)
    scored: list[Any] = []
    for fold in range(3):
        rest, part = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        models = [type(model)(**model.get_params()) for model in (NB, LOGREG)]
        for model in models:
            model.fit([texts[at] for at in rest], [labels[at] for at in rest])
        scored.append(np.log(np.maximum([model.predict_proba([texts[at] for at in part]) for model in models], 1e-12)))
    order = np.concatenate([np.flatnonzero(folds == fold) for fold in range(3)])
    weights = log_linear.fit_weights(np.concatenate(scored, axis=1), targets[order])
    np.testing.assert_allclose(found.weights_, weights, rtol=1e-9)
    assert found.fit_report_["held_out_texts"] == 36
    assert found.fit_report_["weights_from"] == "cross-validation"


def test_too_few_texts_have_equal_weights() -> None:
    ensemble = Ensemble(models=(NB, LOGREG)).fit(["a fine day", "a dull day"], ["good", "bad"])
    assert ensemble.weights_.tolist() == [0.5, 0.5]
    assert "too few texts per class" in " ".join(ensemble.fit_report_["notes"])


def test_useless_models_have_equal_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_linear, "fit_weights", lambda *some: np.zeros(2))
    ensemble = Ensemble(models=(NB, LOGREG), folds=2).fit(TEXTS, LABELS)
    assert ensemble.weights_.tolist() == [0.5, 0.5]
    assert "better than chance" in " ".join(ensemble.fit_report_["notes"])


def test_validation_texts_decide_the_weights_and_are_given_to_the_models() -> None:
    valid = (TEXTS[24:], LABELS[24:])
    ensemble = Ensemble(models=("nbsvm", LOGREG)).fit(TEXTS[:24], LABELS[:24], valid=valid)
    report = ensemble.fit_report_
    assert (report["weights_from"], report["held_out_texts"]) == ("validation", 12)
    assert report["models"] == ["nbsvm", "tfidf-logreg"]
    assert "validation_accuracy" in ensemble.models_[0][0].fit_report_


def test_fitted_models_are_used_unchanged(tmp_path: Path) -> None:
    one, two = NBSVM(order=1).fit(TEXTS[:24], LABELS[:24]), TfidfLogReg().fit(TEXTS[:24], LABELS[:24])
    one.save(tmp_path / "one")
    ensemble = Ensemble(models=(str(tmp_path / "one"), two)).fit(TEXTS[24:], LABELS[24:])
    assert ensemble.fit_report_["weights_from"] == "validation"
    assert ensemble.models_[1] == (two,)
    expected = by_hand([one, two], ensemble.weights_, NEW)
    np.testing.assert_allclose(ensemble.predict_proba(NEW), expected, rtol=1e-12)
    ensemble.save(tmp_path / "both")
    loaded: Any = load(tmp_path / "both")
    assert loaded.digest == ensemble.digest
    assert np.array_equal(loaded.predict_proba(NEW), ensemble.predict_proba(NEW))
    with pytest.raises(HyperParameterError, match=r"model 2 \(tfidf-logreg\) is fitted: use weights=validation"):
        Ensemble(models=(NB, two), weights="cross-validation").fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match=r"has the labels 'bad', 'good', and these texts have 'a', 'b'"):
        Ensemble(models=(NB, two), weights="equal").fit(TEXTS, ["a", "b"] * 18)


@pytest.mark.slow
def test_seeds_of_a_neural_model_are_averaged(tmp_path: Path) -> None:
    ensemble = Ensemble(models=(CNN(**TINY, seed=4), NB), seeds=3, weights=(1.0, 0.0)).fit(TEXTS, LABELS)
    alone = [CNN(**TINY, seed=seed).fit(TEXTS, LABELS) for seed in (4, 5, 6)]
    expected = by_hand(alone, (1 / 3, 1 / 3, 1 / 3), NEW)
    np.testing.assert_allclose(ensemble.predict_proba(NEW), expected, rtol=1e-6)
    assert ensemble.fit_report_["fits"] == [3, 1]
    ensemble.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    assert [len(group) for group in loaded.models_] == [3, 1]
    assert loaded.digest == ensemble.digest
    single = Ensemble(models=(CNN(**TINY, seed=4),), seeds=2, seed=3).fit(TEXTS, LABELS)
    assert [model.get_params()["seed"] for model in single.models_[0]] == [10, 11]
    assert (single.fit_report_["weights_from"], single.weights_.tolist()) == ("equal", [1.0])


def test_models_keep_their_tokenization() -> None:
    cased = NBSVM(calibration=0, lowercase=False, tokenizer="char")
    ensemble = Ensemble(models=(cased, LOGREG), weights="equal").fit(TEXTS, LABELS)
    assert [group[0].tokenization_.tokenizer for group in ensemble.models_] == ["char", "word"]
    alone = [NBSVM(calibration=0, lowercase=False, tokenizer="char").fit(TEXTS, LABELS), LOGREG]
    alone[1] = TfidfLogReg(order=1).fit(TEXTS, LABELS)
    odd = ["A  fine\nday", "a DULL\tday!"]
    expected = by_hand(alone, (0.5, 0.5), ["A fine day", "a DULL day!"])
    np.testing.assert_allclose(ensemble.predict_proba(odd), expected, rtol=1e-12)
    corpus = encode(odd, ensemble.pipeline_)
    assert texts_of(corpus) == ["A fine day", "a DULL day!"]
    same = encode(odd, TextPipeline(tokenizer="word", lowercase=True))
    found = log_probs(ensemble.models_[1:], same, ensemble.classes_)
    assert np.array_equal(found[0], np.log(alone[1].predict_proba(odd)))


def test_a_budget_is_shared_by_the_fits_that_train_in_steps() -> None:
    fits = Fits([CNN(**TINY), NB], 2, 0, RunOptions(budget_seconds=60, log="x"), 3)
    of_cnn = fits._options("fold 1 of 2", fits.models[0])
    assert (of_cnn.budget_seconds, of_cnn.log) == (10, None)
    assert fits._options("fold 1 of 2", fits.models[1]).budget_seconds is None
    fitted = Fits([CNN(**TINY), CNN(**TINY).fit(TEXTS, LABELS)], 2, 0, fits.run)
    assert fitted._options("", fitted.models[0]).budget_seconds == 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "two or more models, or one neural model and seeds=2 or more, not 0"),
        ({"models": (NB,)}, "two or more models"),
        ({"models": (NB,), "seeds": 2}, "two or more models"),
        ({"models": (NB, LOGREG), "seeds": 2}, "seeds=2 has no effect: no unfitted model trains in steps"),
        ({"models": (NB, LOGREG), "weights": "fair"}, "weights must be auto, validation, cross-validation, equal"),
        ({"models": (NB, LOGREG), "weights": (1.0,)}, "1 weights for 2 models"),
        ({"models": (NB, LOGREG), "weights": (0.0, 0.0)}, "all weights are 0 for 2 models"),
        ({"models": (NB, LOGREG), "weights": "validation"}, "needs validation texts: add --valid FILE"),
        ({"models": (NB, LOGREG), "weights": "equal", "folds": 3}, "folds=3 has no effect"),
    ],
)
def test_options_that_do_not_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        Ensemble(**settings).fit(TEXTS, LABELS)


def test_other_models_are_refused(tmp_path: Path) -> None:
    NGram(order=1).fit([["a", "b"]]).save(tmp_path / "lm")
    with pytest.raises(HyperParameterError, match=r"is a language-model \(ngram\); expected a classifier"):
        Ensemble(models=(NB, str(tmp_path / "lm"))).fit(TEXTS, LABELS)
    with pytest.raises(SavedModelError):
        Ensemble(models=(NB, str(tmp_path / "none"))).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match=r"model 2 \(tfidf-logreg\) reads trees, but an ensemble reads texts"):
        Ensemble(models=(NB, OfTrees())).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="models must be"):
        Ensemble(models=(NB, NGram()))


def test_damaged_folders_are_refused() -> None:
    ensemble = Ensemble(models=(NB, LOGREG), weights="equal").fit(TEXTS, LABELS)
    state = ensemble.fitted_state()
    others = TfidfLogReg().fit(TEXTS, ["x", "y"] * 18)

    def restored(arrays: Any = None, metadata: Any = None, members: Any = None) -> None:
        copy = Ensemble(models=(NB, LOGREG), weights="equal")
        copy.pipeline_ = ensemble.pipeline_
        copy.restore(
            type(state)(
                {**state.arrays, **(arrays or {})},
                {**state.metadata, **(metadata or {})},
                {**state.members, **(members or {})},
            )
        )

    restored()
    with pytest.raises(SavedModelError, match="values that are not weights"):
        restored(arrays={"weights": np.zeros(2)})
    with pytest.raises(SavedModelError, match="number of its models"):
        restored(metadata={"versions": [1]})
    with pytest.raises(SavedModelError, match="its model 1 is missing"):
        restored(metadata={"versions": [0, 1]})
    with pytest.raises(SavedModelError, match="its model 2 has other classes"):
        restored(members={"models_.1.0": others})


def test_weights_of_texts_and_scikit_learn() -> None:
    weights = [1 + index % 2 for index in range(len(TEXTS))]
    ensemble = Ensemble(models=(NB, LOGREG), folds=2).fit(TEXTS, LABELS, sample_weight=weights)
    alone = TfidfLogReg(order=1).fit(TEXTS, LABELS, sample_weight=weights)
    assert np.array_equal(ensemble.models_[1][0].predict_proba(NEW), alone.predict_proba(NEW))
    balanced = Ensemble(models=(NB, LOGREG), folds=2, class_weight="balanced").fit(TEXTS[:25], LABELS[:25])
    assert balanced.fit_report_["class_weights"]["bad"] > 1
    scores = cross_val_score(Ensemble(models=(NB, LOGREG), folds=2), TEXTS, LABELS, cv=2, error_score="raise")
    assert np.isfinite(scores).all()
