"""scikit-learn's own tools on every registered classifier of texts; those of trees are with their kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from nlmkit import NBSVM, HyperParameterError
from nlmkit.classifiers.base import Classifier
from nlmkit.core import registry
from nlmkit.testing.classifier import train

TEXTS, LABELS = train()
NAMES = [
    entry.name
    for entry in registry.entries()
    if entry.builtin and entry.kind == "classifier" and registry.get(entry.name).takes == "texts"
]


@pytest.fixture(params=NAMES)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    """Each of them; where training goes in epochs, with a single one, since nothing here depends on what is learnt."""
    cls: Any = registry.get(request.param)
    settings = dict(cls.conformance_settings)
    if "epochs" in cls.hyper_parameters():
        settings["epochs"] = 1
    made: Classifier = cls(**settings)
    return made


@pytest.mark.slow
def test_clone_is_unfitted_and_equal(classifier: Classifier) -> None:
    classifier.fit(TEXTS, LABELS)
    copy = clone(classifier)
    assert copy.get_params(deep=False) == classifier.get_params(deep=False)
    assert not copy.is_fitted
    assert classifier.is_fitted
    check_is_fitted(classifier)
    with pytest.raises(SklearnNotFittedError):
        check_is_fitted(copy)
    assert is_classifier(classifier)


@pytest.mark.slow
def test_cross_validation(classifier: Classifier) -> None:
    scores = cross_val_score(classifier, TEXTS, np.array(LABELS), cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    found = cross_val_predict(classifier, np.array(TEXTS, object), LABELS, cv=2, method="predict_proba")
    assert found.shape == (len(TEXTS), 2)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)))


@pytest.mark.slow
def test_grid_search_in_a_pipeline(classifier: Classifier) -> None:
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    grid = {"classifier__tokenizer": ["word", "space"], "classifier__lowercase": [True]}
    search = GridSearchCV(Pipeline([("upper", upper), ("classifier", classifier)]), grid, cv=2, error_score="raise")
    search.fit(TEXTS, LABELS)
    assert search.best_params_["classifier__tokenizer"] in ("word", "space")
    best = search.best_estimator_["classifier"]
    assert isinstance(best, type(classifier))
    assert best.tokenizer == search.best_params_["classifier__tokenizer"]
    assert search.predict(TEXTS[:4]).tolist() == best.predict([text.upper() for text in TEXTS[:4]]).tolist()
    assert search.classes_.tolist() == sorted(set(LABELS))
    assert not classifier.is_fitted


def test_grid_search_over_the_representation_of_the_input_layer() -> None:
    from nlmkit import CNN, Word2Vec

    vectors = Word2Vec(dimension=3, min_count=1, epochs=1)
    cnn = CNN(representation=vectors, maps=2, epochs=1)
    search = GridSearchCV(cnn, {"representation__dimension": [4, 5]}, cv=2, error_score="raise").fit(TEXTS, LABELS)
    chosen = search.best_params_["representation__dimension"]
    assert search.best_estimator_.module_.words.width == chosen
    assert vectors.dimension == 3
    assert cnn.representation is vectors

    fitted = CNN(representation=Word2Vec(dimension=3, min_count=1, epochs=1).fit(TEXTS))
    assert not fitted.set_params(representation__dimension=4).representation.is_fitted
    with pytest.raises(HyperParameterError, match=r"no hyper-parameter 'dimensions'.*did you mean dimension"):
        fitted.set_params(representation__dimensions=4)
    with pytest.raises(HyperParameterError, match="representation=None has no hyper-parameters of its own"):
        CNN().set_params(representation__dimension=4)
    with pytest.raises(HyperParameterError, match="no hyper-parameter 'representations'"):
        CNN().set_params(representations__dimension=4)


def test_several_can_vote() -> None:
    from nlmkit.classifiers.linear.nbsvm import NBSVM
    from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg

    voters = [("nbsvm", NBSVM(calibration=0)), ("logreg", TfidfLogReg())]
    assert cross_val_score(voters[0][1], TEXTS, LABELS, cv=3, error_score="raise").mean() == 1.0
    voting = VotingClassifier(voters, voting="soft").fit(TEXTS, LABELS)
    expected = np.mean([voter.predict_proba(TEXTS) for voter in voting.estimators_], axis=0)
    assert voting.predict_proba(TEXTS) == pytest.approx(expected)
    assert voting.score(TEXTS, LABELS) == 1.0


def test_a_cross_validation_logs_each_kind_of_note_once(caplog: pytest.LogCaptureFixture) -> None:
    texts, labels = ["a b", "b c", "c d", "d a"] * 6, ["x", "X", "y", "x"] * 6
    classifier = NBSVM(calibration=0)
    search = GridSearchCV(classifier, {"lowercase": [True, False]}, cv=2).fit(texts, labels)
    (message,) = caplog.messages
    assert message.startswith("similar labels are separate classes")
    (kept,) = search.best_estimator_.fit_report_["notes"]
    assert kept.startswith("similar labels")
    caplog.clear()
    for _ in range(2):  # what is fitted by hand says it every time
        classifier.fit(texts, labels)
        clone(NBSVM(calibration=0)).fit(texts, labels)
    assert len(caplog.messages) == 4
    caplog.clear()
    cross_val_score(clone(clone(classifier)), texts, labels, cv=2)
    assert caplog.messages == []
    unspaced = NBSVM(calibration=0, tokenizer="space")
    cross_val_score(unspaced, ["今天天气很好我们", "他不喜欢这个菜"] * 4, ["x", "y"] * 4, cv=2)
    assert [text[:10] for text in caplog.messages] == ["most lines"]
