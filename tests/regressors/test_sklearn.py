"""scikit-learn's own tools on every regressor that is registered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from nlmkit.core import registry
from nlmkit.regressors.base import Regressor
from nlmkit.regressors.tfidf_ridge import TfidfRidge
from nlmkit.testing.regressor import train

TEXTS, NUMBERS = train()
NAMES = [entry.name for entry in registry.entries() if entry.builtin and entry.kind == "regressor"]


@pytest.fixture(params=NAMES)
def regressor(request: pytest.FixtureRequest) -> Regressor:
    """Each of them; where training goes in epochs, with a single one, since nothing here depends on what is learned."""
    cls: Any = registry.get(request.param)
    settings = dict(cls.conformance_settings)
    if "epochs" in cls.hyper_parameters():
        settings["epochs"] = 1
    made: Regressor = cls(**settings)
    return made


def test_clone_is_unfitted_and_equal(regressor: Regressor) -> None:
    regressor.fit(TEXTS, NUMBERS)
    copy = clone(regressor)
    assert copy.get_params(deep=False) == regressor.get_params(deep=False)
    assert not copy.is_fitted
    assert regressor.is_fitted
    check_is_fitted(regressor)
    with pytest.raises(SklearnNotFittedError):
        check_is_fitted(copy)
    assert is_regressor(regressor)
    assert not is_classifier(regressor)


def test_cross_validation(regressor: Regressor) -> None:
    scores = cross_val_score(regressor, TEXTS, np.array(NUMBERS), cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    found = cross_val_predict(regressor, np.array(TEXTS, object), NUMBERS, cv=2)
    assert found.shape == (len(TEXTS),)
    errors = cross_val_score(
        regressor, TEXTS, NUMBERS, cv=2, scoring="neg_root_mean_squared_error", error_score="raise"
    )
    assert (errors < 0).all()


def test_grid_search_in_a_pipeline(regressor: Regressor) -> None:
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    grid = {"regressor__tokenizer": ["word", "space"], "regressor__lowercase": [True]}
    search = GridSearchCV(Pipeline([("upper", upper), ("regressor", regressor)]), grid, cv=2, error_score="raise")
    search.fit(TEXTS, NUMBERS)
    best = search.best_estimator_["regressor"]
    assert isinstance(best, type(regressor))
    assert best.tokenizer == search.best_params_["regressor__tokenizer"]
    assert search.predict(TEXTS[:4]).tolist() == best.predict([text.upper() for text in TEXTS[:4]]).tolist()
    assert not regressor.is_fitted


def test_grid_search_finds_the_penalty() -> None:
    """On texts whose number one word decides, little of it is needed."""
    search = GridSearchCV(TfidfRidge(), {"alpha": [0.01, 1e6]}, cv=2, error_score="raise").fit(TEXTS, NUMBERS)
    assert search.best_params_ == {"alpha": 0.01}
    assert search.best_score_ > 0.8
    assert search.cv_results_["mean_test_score"][1] < 0.1


def test_several_can_vote() -> None:
    voters = [("words", TfidfRidge(order=1)), ("pairs", TfidfRidge(order=2))]
    voting = VotingRegressor(voters).fit(np.array(TEXTS, object), NUMBERS)
    expected = np.mean([voter.predict(TEXTS) for voter in voting.estimators_], axis=0)
    assert voting.predict(np.array(TEXTS, object)) == pytest.approx(expected)
