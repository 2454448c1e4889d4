"""Cross-validation: every text once, nothing of the test fold, and what is told of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from toys.regressors import LengthRegressor

from nlmkit.classifiers.base import Classifier
from nlmkit.core.run import RunOptions
from nlmkit.documents.cross_validation import cross_validate
from nlmkit.documents.splits import k_folds, k_folds_of_numbers
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import Corpus
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.numbered import NumberedTexts


@dataclasses.dataclass(kw_only=True)
class Recorder(Classifier):
    """Predicts the label of the last training text, and remembers what it was shown."""

    name = "recorder"
    seen: ClassVar[list[tuple[set[str], set[str]]]] = []

    def fit_corpus(
        self, corpus: Corpus, targets: NDArray[np.int64], *, valid: Any, run: RunOptions
    ) -> Mapping[str, Any]:
        self.last_ = int(targets[-1])
        self.seen.append((set(corpus.types), set()))
        return {}

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        self.seen[-1][1].update(corpus.types)
        return np.tile(np.eye(len(self.classes_))[self.last_], (corpus.sentences, 1))


DATA = LabelledTexts([f"t{index}" for index in range(30)], ["a", "b", "b"] * 10)


@pytest.fixture(autouse=True)
def forget() -> None:
    Recorder.seen.clear()


def test_every_text_is_tested_once_and_never_trained_on() -> None:
    found = cross_validate(Recorder(), DATA, folds=5, seed=3)
    assert len(Recorder.seen) == 5
    tested = [test for _, test in Recorder.seen]
    assert sorted(set().union(*tested)) == sorted(DATA.texts)
    assert sum(map(len, tested)) == 30
    assert all(not train & test and len(train | test) == 30 for train, test in Recorder.seen)
    folds = k_folds(DATA.labels, 5, seed=3)
    assert [{DATA.texts[i] for i in np.flatnonzero(folds == fold)} for fold in range(5)] == tested
    assert [fold.test for fold in found.folds] == [6] * 5


def test_figures_are_the_mean_and_deviation_of_the_folds() -> None:
    found = cross_validate(Recorder(), DATA, folds=5, seed=3)
    values = [fold.accuracy for fold in found.folds]
    facts = found.to_dict()
    assert facts["accuracy"]["folds"] == values
    assert facts["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert facts["accuracy"]["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    assert facts["pooled"]["accuracy"] == pytest.approx(sum(f.accuracy * f.test for f in found.folds) / 30)
    assert facts["n"] == 30
    json.dumps(facts, allow_nan=False)
    assert f"accuracy  {np.mean(values):.4f} ± " in found.render()


def test_what_repeats_and_what_is_unseen_is_counted() -> None:
    data = LabelledTexts(["same"] * 6 + ["x", "y", "z", "only"], ["a", "b"] * 3 + ["a", "b", "a", "c"])
    found = cross_validate(Recorder(), data, folds=5)
    assert found.to_dict()["repeated"] == 6
    assert "6 texts also occur, word for word" in found.render()
    assert sorted(label for fold in found.folds for label in fold.unseen) == ["c"]
    assert all(fold.accuracy < 1 for fold in found.folds if fold.unseen)


def test_the_classifier_is_left_alone_and_runs_are_told_apart() -> None:
    classifier, runs, done = Recorder(lowercase=False), [], []

    def run(fold: int) -> RunOptions:
        runs.append(fold)
        return RunOptions()

    cross_validate(classifier, DATA, folds=3, run=run, done=done.append)
    assert not classifier.is_fitted
    assert runs == [fold.fold for fold in done] == [0, 1, 2]


def test_impossible_ones_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="at least 2 folds"):
        cross_validate(Recorder(), DATA, folds=1)
    with pytest.raises(DataError, match="two or more labels"):
        cross_validate(Recorder(), LabelledTexts(["a", "b"], ["x", "x"]), folds=2)


def test_a_fold_that_leaves_one_label_is_named_before_any_is_fitted() -> None:
    data = LabelledTexts(["one", "two", "three", "four"], ["b", "b", "b", "c"])
    with pytest.raises(
        DataError, match=r"fold 2 of 2: without it, all training texts have the label 'b', since it has"
    ):
        cross_validate(Recorder(), data, folds=2)
    assert not Recorder.seen


def test_a_fit_that_fails_is_named_by_its_fold() -> None:
    data = LabelledTexts(["word", "", "", ""], ["a", "a", "b", "b"], source="texts.tsv")
    with pytest.raises(DataError, match=r"^texts\.tsv: fold \d of 2: no training text has a word$"):
        cross_validate(Recorder(), data, folds=2)


def test_a_table_or_texts_alone_are_refused() -> None:
    table: Any = {"text": ["one", "two"], "label": ["a", "b"]}
    with pytest.raises(DataError, match="the list of texts was given as a dict: pass one of its values"):
        cross_validate(Recorder(), table, folds=2)
    texts: Any = ["one", "two", "three"]
    with pytest.raises(DataError, match="labels are missing: pass texts and labels, or LabelledTexts"):
        cross_validate(Recorder(), texts, folds=2)


# ----------------------------------------------------------------------------------------------------- regressors

NUMBERED = NumberedTexts(["w " * (index % 7 + 1) for index in range(30)], [float(index % 7) for index in range(30)])


def test_a_regressor_is_cross_validated_on_folds_of_like_numbers() -> None:
    found = cross_validate(LengthRegressor(), NUMBERED, folds=5, seed=3)
    fold = k_folds_of_numbers(NUMBERED.numbers, 5, seed=3)
    facts = found.to_dict()
    for number, one in enumerate(found.folds):
        test = NUMBERED.take(np.flatnonzero(fold == number))
        again = LengthRegressor().fit(NUMBERED.take(np.flatnonzero(fold != number)))
        assert one.report.predictions == pytest.approx(again.predict(test))
        assert one.report.numbers.tolist() == test.numbers.tolist()
        assert facts["folds"][number]["rmse"] == one.figures["rmse"] == one.report.rmse
        assert (one.train, one.test) == (24, 6)
    values = [one.report.rmse for one in found.folds]
    assert facts["rmse"]["mean"] == pytest.approx(np.mean(values))
    assert facts["rmse"]["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    assert facts["pooled"]["r2"] == pytest.approx(1)  # numbers are a line of lengths
    assert list(facts["folds"][0]) == [
        *("fold", "train", "test", "r2", "rmse", "mae", "pearson", "spearman", "repeated", "seconds")
    ]
    assert facts["repeated"] == 30
    assert "30 texts also occur, word for word, in the training texts of their regressor" in found.render()
    json.dumps(facts, allow_nan=False)


def test_a_fold_without_a_figure_has_none_and_does_not_count() -> None:
    data = NumberedTexts(["a", "a b", "a b c", "a b c d"], [1, 2, 2, 3])
    found = cross_validate(LengthRegressor(), data, folds=4)  # one text per fold: no variance
    assert found.summary("r2") == {"mean": None, "standard_deviation": None, "folds": [None] * 4}
    assert found.summary("mae")["mean"] >= 0
    assert "R²  undefined ± undefined over 4 folds" in found.render()
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_pair_of_texts_and_numbers_will_do() -> None:
    pair = (list(NUMBERED.texts), NUMBERED.numbers.tolist())
    assert cross_validate(LengthRegressor(), pair, folds=3).report.r2 == pytest.approx(1)


def test_equal_numbers_are_refused_before_any_is_fitted() -> None:
    LengthRegressor.seen.clear()
    data = NumberedTexts(["one", "two", "three", "four"], [2, 2, 2, 5], source="n.tsv")
    with pytest.raises(
        DataError, match=r"^n\.tsv: fold \d of 2: without it, all training texts have the number 2, but"
    ):
        cross_validate(LengthRegressor(), data, folds=2)
    assert not LengthRegressor.seen
