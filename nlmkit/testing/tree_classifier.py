"""The conformance kit of classifiers of trees: of those whose ``takes`` is ``trees``."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.trees.base import TreeClassifier
from nlmkit.core.component import Component
from nlmkit.errors import DataError
from nlmkit.testing import component, tree_data
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.tree_data import BAD, GOOD, MIXED, Trees
from nlmkit.text import TextPipeline
from nlmkit.text.trees import LabelledTrees

_DEPTH: Final = 2000

_OWN: list[Check] = []


class Subject(component.Subject):
    """A configured, unfitted classifier of trees under test."""

    component: TreeClassifier
    fitted: TreeClassifier

    def clone(self) -> TreeClassifier:
        """An unfitted classifier with the same hyper-parameters."""
        return cast(TreeClassifier, super().clone())

    def fitted_on(self, trees: Any, labels: Any = None, *, held_out: Any = None) -> TreeClassifier:
        """A classifier fitted on trees with labels; there are always held-out trees, as one may need them."""
        return self.clone().fit(trees, labels, valid=(trees, labels) if held_out is None else held_out)

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Trees, labels, and held-out trees."""
        return (tree_data.other() if other else tree_data.train()), {
            "valid": tree_data.other() if other else tree_data.valid()
        }

    def results(self, component: Component) -> NDArray[np.float64]:
        """The probabilities of all nodes of the test trees and the unusual ones: float64 [nodes, classes]."""
        return cast(TreeClassifier, component).predict_proba_nodes([*tree_data.test(), *tree_data.unusual()])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted classifier."""
        model = cast(TreeClassifier, component)
        return {
            "encode": lambda: model.encode(tree_data.test()),
            "predict": lambda: model.predict(tree_data.test()),
            "predict_proba": lambda: model.predict_proba(tree_data.test()),
            "predict_nodes": lambda: model.predict_nodes(tree_data.test()),
            "predict_proba_nodes": lambda: model.predict_proba_nodes(tree_data.test()),
            "node_accuracy": lambda: model.node_accuracy(*tree_data.valid()),
            "score": lambda: model.score(*tree_data.valid()),
            "report": lambda: model.report(*tree_data.valid()),
            "fitted_state": model.fitted_state,
            "digest": lambda: model.digest,
        }

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting, answering and scoring, of lists and of trees with labels."""
        trees, labels = tree_data.train()
        held_out = tree_data.valid()
        given = (trees, labels, held_out)
        yield "fit on lists", given, lambda: self.fitted_on(trees, labels, held_out=held_out)
        some = tree_data.test()
        yield "predict_proba", some, lambda: self.fitted.predict_proba(some)
        scored, right = tree_data.valid()
        yield "score", [scored, right], lambda: self.fitted.score(scored, right)

    def score(self, component: Component) -> object:
        """The score on the held-out trees."""
        return cast(TreeClassifier, component).score(*tree_data.valid())


def _require_distributions(subject: Subject, classifier: TreeClassifier, trees: Sequence[str], what: str) -> None:
    classes = len(classifier.classes_)
    nodes = LabelledTrees.of(trees).nodes
    for found, rows in ((classifier.predict_proba(trees), len(trees)), (classifier.predict_proba_nodes(trees), nodes)):
        require(found.shape == (rows, classes), f"{what}: probabilities of shape {list(found.shape)}")
        require(found.dtype == np.float64, f"{what}: probabilities of {found.dtype}, not float64")
        require(bool(((found >= 0) & (found <= 1)).all()), f"{what}: probabilities that are NaN or not from 0 to 1")
        require_close(found.sum(axis=1), np.ones(rows), subject.sum_tolerance, f"{what}: sums of the probabilities")


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(_OWN)
def fit_sets_classes_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``classes_``, the sorted labels, ``at_roots_``, and ``pipeline_``."""
    found = subject.fitted.classes_.tolist()
    require(found == sorted({GOOD, BAD}), f"classes_ is {found}, but the labels are {sorted({GOOD, BAD})}")
    require(subject.fitted.at_roots_.tolist() == [True, True], "at_roots_ lacks a label that roots had")
    pipeline = subject.fitted.pipeline_
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    require(pipeline.lowercase == subject.component.lowercase, "pipeline_ has another case than the hyper-parameter")


@check_in(_OWN)
def fit_reports_trees_and_classes(subject: Subject) -> None:
    """``fit_report_`` is strict JSON, and says how many roots had each label."""
    report = subject.fitted.fit_report_
    json.dumps(report, allow_nan=False)
    require(report.get("texts") == 48, f"fit_report_ counts {report.get('texts')} training trees of 48")
    wanted = {BAD: 24, GOOD: 24}
    require(report.get("classes") == wanted, f"fit_report_ counts {report.get('classes')}, not {wanted}")


@check_in(_OWN)
def vocabulary_is_of_the_training_trees(subject: Subject) -> None:
    """``vocabulary_``, where there is one, has no word that the training trees lack."""
    vocabulary = getattr(subject.fitted, "vocabulary_", None)
    known = set(subject.fitted.encode(tree_data.train()[0]).types)
    leaked = sorted(set(() if vocabulary is None else vocabulary.words[3:]) - known)
    require(not leaked, f"the vocabulary has words that the training trees lack: {leaked[:5]}")


@check_in(_OWN)
def failed_fit_leaves_the_classifier_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted classifier fitted as it was."""
    classifier = cast(TreeClassifier, subject.fit(subject.clone()))
    before = subject.results(classifier)
    require_error(DataError, lambda: classifier.fit(["(a one)", "(a two)"]), "fit on trees of one label")
    require_close(subject.results(classifier), before, 0, "probabilities after and before a fit that failed")


# --------------------------------------------------------------------------------------------- forms of the inputs


@check_in(_OWN)
def all_forms_of_trees_agree(subject: Subject) -> None:
    """Strings, arrays, ``LabelledTrees`` and trees of NLTK, if it is installed, are fitted and answered alike."""
    trees, labels = tree_data.train()
    held_out = tree_data.valid()
    forest = LabelledTrees.of(trees, labels)
    wanted = subject.results(subject.fitted)
    forms: dict[str, Callable[[], TreeClassifier]] = {
        "arrays": lambda: subject.fitted_on(np.array(trees, object), np.array(labels), held_out=held_out),
        "LabelledTrees": lambda: subject.fitted_on(forest, held_out=LabelledTrees.of(*held_out)),
    }
    if importlib.util.find_spec("nltk") is not None:
        forms["trees of NLTK"] = lambda: subject.fitted_on(forest.to_nltk(), held_out=held_out)
    for what, fit in forms.items():
        require_close(subject.results(fit()), wanted, 0, f"probabilities when fitted on {what}, and on strings")
    some = tree_data.test()
    wanted = subject.fitted.predict_proba(some)
    for given in (tuple(some), np.array(some), LabelledTrees.of(some), subject.fitted.encode(some)):
        what = f"probabilities of trees as {type(given).__name__}, and as a list"
        require_close(subject.fitted.predict_proba(given), wanted, 0, what)


@check_in(_OWN)
def labels_keep_their_type(subject: Subject) -> None:
    """Integers and booleans as labels are predicted as such; which labels they are makes no difference."""
    trees, labels = tree_data.train()
    wanted = subject.results(subject.fitted_on(trees, labels))
    for low, high, kind in ((-3, 20, "i"), (False, True, "b")):
        numbers = [low if label == sorted({GOOD, BAD})[0] else high for label in labels]
        classifier = subject.fitted_on(trees, numbers)
        what = type(low).__name__
        require(
            classifier.classes_.dtype.kind == kind, f"classes_ is of {classifier.classes_.dtype}, labels are {what}"
        )
        found = classifier.predict(tree_data.test())
        require(found.dtype.kind == kind, f"predict returns {found.dtype}, but labels are {what}")
        require_close(subject.results(classifier), wanted, 0, f"probabilities with {what} labels, and with strings")


@check_in(_OWN)
def words_are_lower_cased(subject: Subject) -> None:
    """A tree's words are lower-cased where the hyper-parameters say so, when it is classified, too."""
    trees = ["(_ (_ the) (_ film))", "(_ (_ a) (_ splendid))"]
    upper = ["(_ (_ THE) (_ Film))", "(_ (_ A) (_ SPLENDID))"]
    if subject.component.lowercase:
        found, wanted = (subject.fitted.predict_proba(given) for given in (upper, trees))
        require_close(found, wanted, 0, "probabilities of trees in upper and lower case")


# --------------------------------------------------------------------------------------------------- probabilities


@check_in(_OWN)
def probabilities_are_distributions(subject: Subject) -> None:
    """Probabilities are float64 [trees, classes] or [nodes, classes], each row a distribution."""
    _require_distributions(subject, subject.fitted, tree_data.test(), "two classes")
    _require_distributions(subject, subject.fitted, tree_data.unusual(), "unusual trees")
    _require_distributions(subject, subject.fitted, ["(_ zyzzyva)"], "an unknown word")


@check_in(_OWN)
def predictions_are_the_most_probable_classes(subject: Subject) -> None:
    """``predict`` and ``predict_nodes`` give the label with the greatest probability, and agree at roots."""
    classifier, trees = subject.fitted, tree_data.test()
    wanted = classifier.classes_[classifier.predict_proba(trees).argmax(axis=1)]
    found = classifier.predict(trees)
    require(found.tolist() == wanted.tolist(), f"predict returns {found.tolist()}, most probable are {wanted.tolist()}")
    of_nodes = classifier.predict_nodes(trees)
    require(of_nodes[LabelledTrees.of(trees).roots].tolist() == found.tolist(), "predict_nodes differs from predict")


@check_in(_OWN)
def trees_do_not_depend_on_each_other(subject: Subject) -> None:
    """A tree's probabilities are the same alone and among others, larger and smaller ones, in whatever order."""
    trees = [*tree_data.test(), *tree_data.unusual(), tree_data.bracketed(" ".join(["so it was"] * 60))]
    together = subject.fitted.predict_proba_nodes(trees)
    alone = np.concatenate([subject.fitted.predict_proba_nodes([tree]) for tree in trees])
    require_close(together, alone, subject.tolerance, "probabilities of trees together, and each alone")
    backwards = subject.fitted.predict_proba(trees[::-1])[::-1]
    require_close(backwards, subject.fitted.predict_proba(trees), subject.tolerance, "probabilities backwards")


@check_in(_OWN)
def deep_trees_are_classified(subject: Subject) -> None:
    """A tree may be as deep as its sentence is long: nothing is recursive."""
    _require_distributions(subject, subject.fitted, [tree_data.bracketed("the " * _DEPTH)], "a deep tree")


@check_in(_OWN)
def no_trees_have_no_predictions(subject: Subject) -> None:
    """An empty list of trees has empty predictions, a score of NaN, and a report that raises an error."""
    classifier = subject.fitted
    require(classifier.predict_proba([]).shape == (0, 2), "probabilities of no trees")
    require(classifier.predict_proba_nodes([]).shape == (0, 2), "probabilities of the nodes of no trees")
    require(len(classifier.predict([])) == len(classifier.predict_nodes([])) == 0, "predictions of no trees")
    require(math.isnan(classifier.score([], [])), f"the score of no trees is {classifier.score([], [])}, not NaN")
    require_error(DataError, lambda: classifier.report([], []), "a report on no trees")


@check_in(_OWN)
def texts_are_refused(subject: Subject) -> None:
    """Plain texts are not trees: DataError."""
    require_error(DataError, lambda: subject.fitted.predict(["the film was fine ."]), "predict of texts")
    require_error(DataError, lambda: subject.fitted.predict("(_ fine)"), "predict of one string")


# -------------------------------------------------------------------------------------------------------- learning


@check_in(_OWN)
def learns_the_training_trees(subject: Subject) -> None:
    """Of training trees that single words tell apart, nine in ten are classified rightly afterwards."""
    accuracy = subject.fitted.score(*tree_data.train())
    require(accuracy >= 0.9, f"accuracy {accuracy:.3f} on the training trees")


@check_in(_OWN)
def unusable_training_data_are_refused(subject: Subject) -> None:
    """DataError: one label only, no trees, labels missing, too few, of two types or no labels, one string, texts."""
    trees, labels = tree_data.train()
    wrong: dict[str, tuple[Any, Any]] = {
        "trees of one label": (trees, [GOOD] * len(trees)),
        "no trees": ([], []),
        "trees without labels": (trees, None),
        "fewer labels than trees": (trees, labels[:-1]),
        "labels of two types": (trees[:2], [GOOD, 1]),
        "labels of None": (trees[:2], [None, None]),
        "one string instead of trees": ("(a lovely)", ["a"] * 6),
        "things that are not trees": ([1, 2], [GOOD, BAD]),
        "texts": (["the film", "a song"], [GOOD, BAD]),
    }
    for what, given in wrong.items():
        require_error(DataError, functools.partial(subject.clone().fit, *given), f"fit on {what}")


# --------------------------------------------------------------------------------------------------------- scoring


@check_in(_OWN)
def score_is_the_accuracy_of_roots(subject: Subject) -> None:
    """``score`` is the share of trees whose root's label is predicted, and the report's accuracy."""
    trees, labels = tree_data.train()
    labels = [BAD, *labels[1:-5], *[GOOD] * 5]
    found = subject.fitted.predict(trees).tolist()
    wanted = sum(one == two for one, two in zip(found, labels, strict=True)) / len(labels)
    score, report = subject.fitted.score(trees, labels), subject.fitted.report(trees, labels)
    require(score == wanted, f"the score is {score!r}, and {wanted!r} of the labels are predicted")
    require(report.accuracy == wanted, f"the report's accuracy is {report.accuracy!r}, not {wanted!r}")
    require(report.model_digest == subject.fitted.digest, "the report has another digest than the classifier")
    json.dumps(report.to_dict(), allow_nan=False)
    of_nodes = subject.fitted.node_accuracy(LabelledTrees.of(trees, labels))
    require(of_nodes == wanted, f"node_accuracy is {of_nodes!r} where only roots have labels, and the score {wanted!r}")


@check_in(_OWN)
def unseen_labels_are_errors(subject: Subject) -> None:
    """A label that training lacked is an error in scores, is named in the report, and validation leaves it out."""
    trees, labels = tree_data.valid()
    score = subject.fitted.score(trees, [MIXED] * len(trees))
    require(score == 0, f"the score is {score!r} on trees whose label training lacked")
    report = subject.fitted.report(trees, [*labels[:-1], MIXED])
    require(report.unseen == (MIXED,), f"the report names {report.unseen} as unseen labels, not {MIXED!r}")
    held_out = ([*trees, "(_ so)"], [*labels, MIXED])
    classifier = subject.fitted_on(*tree_data.train(), held_out=held_out)
    notes = " ".join(classifier.fit_report_.get("notes", ()))
    require(MIXED in notes, f"fit_report_ does not mention the label {MIXED!r}, which only held-out trees have")


@check_in(_OWN)
def labels_of_another_type_are_refused(subject: Subject) -> None:
    """Scoring labels that could never be right, integers where strings were learnt, raises DataError."""
    trees, labels = tree_data.valid()
    numbers = [0] * len(labels)
    require_error(DataError, lambda: subject.fitted.score(trees, numbers), "score with labels of another type")


# ---------------------------------------------------------------------------------------------------- scikit-learn


@check_in(_OWN, when=lambda subject: importlib.util.find_spec("sklearn") is not None)
def works_inside_scikit_learn(subject: Subject) -> None:
    """scikit-learn clones it unfitted, and cross-validates it on a list of bracketed strings."""
    from sklearn import base
    from sklearn.model_selection import cross_val_score

    trees: Trees = tree_data.train()
    copy = base.clone(subject.fitted)
    require(type(copy) is subject.cls and not copy.is_fitted, "clone returns something else, or something fitted")
    require(base.is_classifier(subject.component), "is_classifier says no")
    scores = cross_val_score(subject.clone(), *trees, cv=2, error_score="raise")
    require(bool(np.isfinite(scores).all()), f"cross_val_score gives {scores.tolist()}")


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of a classifier of trees, the shared ones first."""
