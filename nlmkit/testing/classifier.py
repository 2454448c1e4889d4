"""The conformance kit of classifiers."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.base import Classifier
from nlmkit.core.component import Component
from nlmkit.errors import DataError
from nlmkit.testing import component, data, text_model
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.text_model import Targeted, test, unusual
from nlmkit.text import TextPipeline, Tokenization

GOOD, BAD, MIXED = "a good one", "bad", "neither"
"""Labels; their order as strings is not the order in which they first appear."""

_OWN: list[Check] = [*text_model.CHECKS]


# ----------------------------------------------------------------------------------------------------------- texts


def train() -> Targeted:
    """The training texts, half of each of two labels."""
    texts, places = text_model.train()
    return texts, [_label(place) for place in places]


def other() -> Targeted:
    """Other training texts: other words, sizes and labels, three of them."""
    return ["rivers rise", "rivers fall slowly", "hills stand still"] * 6, ["up", "down", "level"] * 6


def three() -> Targeted:
    """Training texts with a third label."""
    texts, labels = train()
    return texts + ["so so , neither here nor there", "middling , so so ."] * 8, labels + [MIXED] * 16


def valid() -> Targeted:
    """Held-out texts, with words that the training texts lack."""
    texts, places = text_model.valid()
    return texts, [_label(place) for place in places]


def _label(place: int) -> str:
    return BAD if place < 3 else GOOD


# --------------------------------------------------------------------------------------------------------- subject


class Subject(text_model.Subject):
    """A configured, unfitted classifier under test."""

    component: Classifier
    fitted: Classifier

    def clone(self) -> Classifier:
        """An unfitted classifier with the same hyper-parameters."""
        return cast(Classifier, super().clone())

    def train(self, *, other: bool = False) -> Targeted:
        """Texts with labels."""
        return (other_ if other else train)()

    def valid(self) -> Targeted:
        """Texts with labels."""
        return valid()

    def answers(self, model: Any, texts: Any) -> NDArray[np.float64]:
        """The probabilities of the classes: float64 [texts, classes]."""
        found: NDArray[np.float64] = model.predict_proba(texts)
        return found

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted classifier."""
        return {**super().uses(component), "predict_proba": lambda: cast(Classifier, component).predict_proba(test())}


other_ = other  # `Subject.train` has an argument of that name


def _require_distributions(subject: Subject, classifier: Classifier, texts: Sequence[str], what: str) -> None:
    found = classifier.predict_proba(texts)
    shape = (len(texts), len(classifier.classes_))
    require(isinstance(found, np.ndarray), f"predict_proba returns {type(found).__name__}, not an array")
    require(found.shape == shape, f"{what}: probabilities of shape {list(found.shape)}, not {list(shape)}")
    require(found.dtype == np.float64, f"{what}: probabilities of {found.dtype}, not float64")
    require(bool(((found >= 0) & (found <= 1)).all()), f"{what}: probabilities that are NaN or not from 0 to 1")
    require_close(found.sum(axis=1), np.ones(len(texts)), subject.sum_tolerance, f"{what}: sums of the probabilities")


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(_OWN)
def fit_sets_classes_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``classes_``, the sorted labels, and ``pipeline_``, with the tokenizer of the hyper-parameters."""
    classes = getattr(subject.fitted, "classes_", None)
    require(isinstance(classes, np.ndarray), f"classes_ is {type(classes).__name__}, not an array")
    found = cast("NDArray[Any]", classes).tolist()
    require(found == sorted({GOOD, BAD}), f"classes_ is {found}, but the labels are {sorted({GOOD, BAD})}")
    pipeline = getattr(subject.fitted, "pipeline_", None)
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    component = subject.component
    tokenizer = Tokenization(component.tokenizer).tokenizer  # a segmenter has a name of its own there
    expected = {"tokenizer": tokenizer, "lowercase": component.lowercase, "unicode_form": component.unicode_form}
    for name, wanted in expected.items():
        own = getattr(pipeline, name)
        require(own == wanted, f"{name} is {wanted!r}, and {own!r} in pipeline_")


@check_in(_OWN)
def fit_reports_texts_and_classes(subject: Subject) -> None:
    """``fit_report_`` is strict JSON, and says how many texts of each label there were."""
    report = subject.fitted.fit_report_
    json.dumps(report, allow_nan=False)
    require(report.get("texts") == 48, f"fit_report_ counts {report.get('texts')} training texts of 48")
    wanted = {BAD: 24, GOOD: 24}
    require(report.get("classes") == wanted, f"fit_report_ counts {report.get('classes')}, not {wanted}")


@check_in(_OWN)
def failed_fit_leaves_the_classifier_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted classifier fitted as it was."""
    classifier = cast(Classifier, subject.fit(subject.clone()))
    before = subject.results(classifier)
    require_error(DataError, lambda: classifier.fit(["one", "two"], ["a", "a"]), "fit on texts of one label")
    require_close(subject.results(classifier), before, 0, "probabilities after and before a fit that failed")


# --------------------------------------------------------------------------------------------- forms of the inputs


@check_in(_OWN)
def labels_keep_their_type(subject: Subject) -> None:
    """Integers and booleans as labels are predicted as such; which labels they are makes no difference."""
    texts, labels = train()
    wanted = subject.results(subject.fitted_on(texts, labels))
    for low, high, kind in ((-3, 20, "i"), (False, True, "b")):
        numbers = [low if label == sorted({GOOD, BAD})[0] else high for label in labels]
        classifier = subject.fitted_on(texts, numbers)
        what = type(low).__name__
        require(
            classifier.classes_.dtype.kind == kind, f"classes_ is of {classifier.classes_.dtype}, labels are {what}"
        )
        found = classifier.predict(test())
        require(found.dtype.kind == kind, f"predict returns {found.dtype}, but labels are {what}")
        require_close(subject.results(classifier), wanted, 0, f"probabilities with {what} labels, and with strings")


@check_in(_OWN)
def chinese_texts_are_classified(subject: Subject) -> None:
    """With ``tokenizer=char`` texts without spaces are learnt like any other."""
    classifier = subject.clone().set_params(tokenizer="char")
    lines = data.chinese()[:24]
    texts = [line + mark for line in lines for mark in ("太好了", "真糟糕")]
    labels = ["好", "坏"] * len(lines)
    classifier.fit(texts, labels, valid=(texts, labels))
    _require_distributions(subject, classifier, [*texts, "未曾见过", ""], "Chinese texts")
    require(classifier.score(texts, labels) >= 0.9, "the training texts are not learnt")


# --------------------------------------------------------------------------------------------------- probabilities


@check_in(_OWN)
def probabilities_are_distributions(subject: Subject) -> None:
    """``predict_proba`` gives float64 [texts, classes], each row a distribution, for two classes and for more."""
    _require_distributions(subject, subject.fitted, test(), "two classes")
    classifier = subject.fitted_on(*three())
    require(len(classifier.classes_) == 3, f"classes_ has {len(classifier.classes_)} labels of 3")
    _require_distributions(subject, classifier, test(), "three classes")


@check_in(_OWN)
def predict_is_the_most_probable_class(subject: Subject) -> None:
    """``predict`` gives for each text the label with the greatest probability."""
    found = subject.fitted.predict(test())
    wanted = subject.fitted.classes_[subject.fitted.predict_proba(test()).argmax(axis=1)]
    require(isinstance(found, np.ndarray), f"predict returns {type(found).__name__}, not an array")
    require(found.tolist() == wanted.tolist(), f"predict returns {found.tolist()}, most probable are {wanted.tolist()}")


@check_in(_OWN)
def empty_and_unknown_texts_are_classified(subject: Subject) -> None:
    """Texts without words, of unknown words alone, and of unusual characters have probabilities, also alone."""
    _require_distributions(subject, subject.fitted, unusual(), "unusual texts")
    _require_distributions(subject, subject.fitted, ["", ""], "empty texts")
    _require_distributions(subject, subject.fitted, ["zyzzyva"], "an unknown word")


@check_in(_OWN)
def no_texts_have_no_predictions(subject: Subject) -> None:
    """Of no texts at all there are no predictions, a score of NaN, and no report."""
    classifier = subject.fitted
    found = classifier.predict_proba([])
    require(found.shape == (0, 2), f"probabilities of no texts have the shape {list(found.shape)}")
    require(len(classifier.predict([])) == 0, "predict returns labels for no texts")
    require(math.isnan(classifier.score([], [])), f"the score of no texts is {classifier.score([], [])}, not NaN")
    require_error(DataError, lambda: classifier.report([], []), "a report on no texts")


# -------------------------------------------------------------------------------------------------------- learning


@check_in(_OWN)
def learns_the_training_texts(subject: Subject) -> None:
    """Of training texts that single words tell apart, nine in ten are classified rightly afterwards."""
    accuracy = subject.fitted.score(*train())
    require(accuracy >= 0.9, f"accuracy {accuracy:.3f} on the training texts")


@check_in(_OWN)
def repeated_and_contradictory_texts_are_taken(subject: Subject) -> None:
    """Training texts may be empty, stand several times, and have now one label and now another."""
    texts, labels = train()
    texts += ["the same", "the same", "the same", ""]
    labels += [GOOD, BAD, BAD, GOOD]
    _require_distributions(subject, subject.fitted_on(texts, labels), [*test(), "the same"], "contradictory texts")


@check_in(_OWN)
def a_class_of_one_text_is_taken(subject: Subject) -> None:
    """A class may have a single training text."""
    texts, labels = train()
    classifier = subject.fitted_on([*texts, "so so ,"], [*labels, MIXED], held_out=valid())
    require(MIXED in classifier.classes_.tolist(), f"{MIXED!r} is not among classes_")
    _require_distributions(subject, classifier, [*test(), "so so ,"], "a class of one text")


@check_in(_OWN)
def unusable_training_data_are_refused(subject: Subject) -> None:
    """DataError: one label only, no texts, no words, labels missing, too few, of two types or no labels, one string."""
    texts, labels = train()
    wrong: dict[str, tuple[Any, Any]] = {
        "texts of one label": (texts, [GOOD] * len(texts)),
        "no texts": ([], []),
        "texts without words": (["", "  ", "\n"], [GOOD, BAD, GOOD]),
        "texts without labels": (texts, None),
        "fewer labels than texts": (texts, labels[:-1]),
        "labels of two types": (texts[:2], [GOOD, 1]),
        "labels of None": (texts[:2], [None, None]),
        "one string instead of texts": ("lovely", ["a"] * 6),
        "texts that are not strings": ([1, 2], [GOOD, BAD]),
    }
    for what, given in wrong.items():
        require_error(DataError, functools.partial(subject.clone().fit, *given), f"fit on {what}")


# --------------------------------------------------------------------------------------------------------- scoring


@check_in(_OWN)
def score_is_the_accuracy(subject: Subject) -> None:
    """``score`` is the share of texts whose label is predicted, and the report's accuracy."""
    texts, labels = train()
    labels = [BAD, *labels[1:-5], *[GOOD] * 5]
    found = subject.fitted.predict(texts).tolist()
    wanted = sum(one == two for one, two in zip(found, labels, strict=True)) / len(labels)
    score, report = subject.fitted.score(texts, labels), subject.fitted.report(texts, labels)
    require(score == wanted, f"the score is {score!r}, and {wanted!r} of the labels are predicted")
    require(report.accuracy == wanted, f"the report's accuracy is {report.accuracy!r}, not {wanted!r}")
    require(report.n == len(labels), f"the report counts {report.n} texts of {len(labels)}")
    require(report.model_digest == subject.fitted.digest, "the report has another digest than the classifier")
    json.dumps(report.to_dict(), allow_nan=False)


@check_in(_OWN)
def unseen_labels_are_errors(subject: Subject) -> None:
    """A label that training lacked is an error in scores, is named in the report, and validation leaves it out."""
    texts, labels = valid()
    score = subject.fitted.score(texts, [MIXED] * len(texts))
    require(score == 0, f"the score is {score!r} on texts whose label training lacked")
    report = subject.fitted.report(texts, [*labels[:-1], MIXED])
    require(report.unseen == (MIXED,), f"the report names {report.unseen} as unseen labels, not {MIXED!r}")
    classifier = subject.fitted_on(*train(), held_out=([*texts, "so so ,"], [*labels, MIXED]))
    _require_distributions(subject, classifier, test(), "validation texts with an unseen label")
    notes = " ".join(classifier.fit_report_.get("notes", ()))
    require(MIXED in notes, f"fit_report_ does not mention the label {MIXED!r}, which only validation texts have")


@check_in(_OWN)
def labels_of_another_type_are_refused(subject: Subject) -> None:
    """Scoring labels that could never be right, integers where strings were learnt, raises DataError."""
    texts, labels = valid()
    numbers = [0] * len(labels)
    require_error(DataError, lambda: subject.fitted.score(texts, numbers), "score with labels of another type")


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of a classifier, the shared ones first."""
