"""Shared part of the conformance kits of classifiers and regressors: texts, and checks independent of the targets.

An answer is what a model computes of a text before it decides anything: the probabilities of a classifier, the number
of a regressor.
"""

from __future__ import annotations

import abc
import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.documents.base import TextModel
from nlmkit.errors import DataError
from nlmkit.testing import component, data
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.text import TextPipeline, Vocabulary
from nlmkit.text.labelled import LabelledTexts, encode

Targeted = tuple[list[str], list[Any]]
"""Texts, and the target of each."""

WORST_TO_BEST: Final = ("dull", "awful", "broken", "lovely", "splendid", "fine")
"""The words that the training texts' targets depend on."""

CHECKS: Final[list[Check]] = []


# ----------------------------------------------------------------------------------------------------------- texts


def train() -> tuple[list[str], list[int]]:
    """Training texts: 48 English ones of 2 to 13 words, each with the place of its word in ``WORST_TO_BEST``."""
    things = ("the film", "this old boat", "our dinner", "the song", "her letter", "that tool")
    endings = ("", ".", "in every way .", "as we all said on the way home .")
    texts, places = [], []
    for index, thing in enumerate(things * 4):
        for begin in (0, 3):
            place = begin + index % 3
            texts.append(f"{thing} was {WORST_TO_BEST[place]} {endings[index % 4]}".strip())
            places.append(place)
    return texts, places


def valid() -> tuple[list[str], list[int]]:
    """Held-out texts in the same way, with words that the training texts lack."""
    texts = ["the film was fine .", "the boat was awful", "her quiet song was lovely", "dinner was dull and broken ."]
    return texts, [5, 1, 3, 0]


def test() -> list[str]:
    """Texts to be answered: of 1 to 60 words, known and unknown, one of them twice."""
    return [
        "the film was splendid .",
        "awful",
        "our dinner was broken in every way .",
        "yesterday a neighbour sang a lovely song",
        " and ".join(["the boat was fine", "the tool was lovely", "we all said so"] * 4),
        "the film was splendid .",
        "that was that .",
    ]


def unusual() -> list[str]:
    """Texts without a known word, or without any."""
    return ["", " ", "\n", "zyzzyva", "qwerty uiop zyzzyva", "", *data.unusual_lines()]


# --------------------------------------------------------------------------------------------------------- subject


class Subject(component.Subject):
    """A configured, unfitted model of texts under test."""

    component: TextModel
    fitted: TextModel
    form: ClassVar[type[LabelledTexts]] = LabelledTexts
    """The class of texts with targets."""

    @abc.abstractmethod
    def train(self, *, other: bool = False) -> Targeted:
        """Fresh training texts, or other ones: of other words, size and targets."""

    @abc.abstractmethod
    def valid(self) -> Targeted:
        """Fresh held-out texts."""

    @abc.abstractmethod
    def answers(self, model: Any, texts: Any) -> NDArray[np.float64]:
        """Outputs of a fitted model for texts: float64 [texts, …]."""

    def clone(self) -> TextModel:
        """An unfitted model with the same hyper-parameters."""
        return cast(TextModel, super().clone())

    def fitted_on(self, texts: Any, targets: Any = None, *, held_out: Any = None) -> Any:
        """A model fitted on texts with targets; there are always validation texts, as a model may need them."""
        model: Any = self.clone()
        model.fit(texts, targets, valid=(texts, targets) if held_out is None else held_out)
        return model

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Texts, targets, and validation texts."""
        return self.train(other=other), {"valid": self.train(other=True) if other else self.valid()}

    def results(self, component: Component) -> NDArray[np.float64]:
        """Answers to the test texts and the unusual ones."""
        return self.answers(component, [*test(), *unusual()])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted model."""
        model: Any = component
        uses = {
            "encode": lambda: model.encode(test()),
            "predict": lambda: model.predict(test()),
            "score": lambda: model.score(*self.valid()),
            "report": lambda: model.report(*self.valid()),
            "fitted_state": model.fitted_state,
            "digest": lambda: model.digest,
        }
        if has_highlights(self):
            uses["highlights"] = lambda: model.highlights(test()[0])
        return uses

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting, answering and scoring, of lists and of texts with targets."""
        texts, targets = self.train()
        held_out = self.valid()
        given = (texts, targets, held_out)
        yield "fit on lists", given, lambda: self.fitted_on(texts, targets, held_out=held_out)
        both = self.form(*self.train())
        yield f"fit on {self.form.__name__}", both, lambda: self.fitted_on(both, held_out=self.form(*self.valid()))
        some = test()
        yield "the answers", some, lambda: self.answers(self.fitted, some)
        scored, right = self.valid()
        yield "score", [scored, right], lambda: cast(Any, self.fitted).score(scored, right)

    def score(self, component: Component) -> object:
        """The score on the validation texts."""
        return cast(Any, component).score(*self.valid())


def has_highlights(subject: Subject) -> bool:
    """Return whether the model says what its answers rest on."""
    return hasattr(subject.component, "highlights")


def _lower_cases(subject: Subject) -> bool:
    return subject.component.lowercase


def _sklearn_is_there(subject: Subject) -> bool:
    return importlib.util.find_spec("sklearn") is not None


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(CHECKS)
def vocabulary_is_of_the_training_texts(subject: Subject) -> None:
    """``vocabulary_``, where there is one, has no word of the validation texts that the training texts lack."""
    vocabulary = getattr(subject.fitted, "vocabulary_", None)
    require(vocabulary is None or isinstance(vocabulary, Vocabulary), "vocabulary_ is not a Vocabulary")
    known = set(encode(subject.train()[0], subject.fitted.pipeline_).types)
    leaked = sorted(set(() if vocabulary is None else vocabulary.words[3:]) - known)
    require(not leaked, f"the vocabulary has words that the training texts lack: {leaked[:5]}")


# --------------------------------------------------------------------------------------------- forms of the inputs


@check_in(CHECKS)
def all_forms_of_texts_agree(subject: Subject) -> None:
    """Lists, tuples, arrays and texts with targets of the same texts are fitted and answered alike, a Corpus too."""
    texts, targets = subject.train()
    arrays = (np.array(texts, object), np.array(targets))
    held_out, form = subject.valid(), subject.form
    forms: dict[str, Callable[[], TextModel]] = {
        "arrays": lambda: subject.fitted_on(*arrays, held_out=held_out),
        form.__name__: lambda: subject.fitted_on(form(texts, targets), held_out=form(*held_out)),
    }
    wanted = subject.results(subject.fitted)
    for what, fit in forms.items():
        require_close(subject.results(fit()), wanted, 0, f"answers when fitted on {what}, and on lists")
    wanted = subject.answers(subject.fitted, test())
    for some in (tuple(test()), np.array(test()), np.array(test(), object), encode(test(), subject.fitted.pipeline_)):
        what = f"answers to texts as {type(some).__name__}, and as a list"
        require_close(subject.answers(subject.fitted, some), wanted, 0, what)


@check_in(CHECKS, when=_lower_cases)
def texts_pass_the_pipeline(subject: Subject) -> None:
    """A text is lower-cased where the hyper-parameters say so, when it is answered, too."""
    wanted = subject.answers(subject.fitted, test())
    found = subject.answers(subject.fitted, [text.upper() for text in test()])
    require_close(found, wanted, 0, "answers to upper-case and lower-case texts")


@check_in(CHECKS)
def line_feeds_are_spaces(subject: Subject) -> None:
    """A text may have several lines: it is one document, and its line feeds are spaces."""
    wanted = subject.answers(subject.fitted, test())
    found = subject.answers(subject.fitted, [text.replace(" ", "\n") for text in test()])
    require_close(found, wanted, 0, "answers to texts with line feeds, and with spaces in their place")


@check_in(CHECKS)
def texts_do_not_depend_on_each_other(subject: Subject) -> None:
    """A text's answer is the same alone and among others, longer and shorter ones, in whatever order."""
    texts = [*test(), *unusual(), " ".join(test() * 12)]
    together = subject.answers(subject.fitted, texts)
    alone = np.concatenate([subject.answers(subject.fitted, [text]) for text in texts])
    require_close(together, alone, subject.tolerance, "answers to texts together, and each alone")
    backwards = subject.answers(subject.fitted, texts[::-1])[::-1]
    require_close(backwards, together, subject.tolerance, "answers to texts backwards, and in order")


@check_in(CHECKS)
def foreign_corpus_is_refused(subject: Subject) -> None:
    """A Corpus read in another way than the training texts raises DataError: its words are not the model's."""
    pipeline = TextPipeline(tokenizer="char" if subject.component.tokenizer != "char" else "space")
    foreign = encode(test(), pipeline)
    model: Any = subject.fitted
    require_error(DataError, lambda: model.predict(foreign), "predict of a Corpus read otherwise")


@check_in(CHECKS, when=has_highlights)
def highlights_are_tokens_with_weights(subject: Subject) -> None:
    """``highlights`` returns the tokens of a text in order, each with a finite weight; none for an empty text."""
    model: Any = subject.fitted
    for text in [*test(), *unusual()]:
        found = model.highlights(text)
        tokens = encode([text], subject.fitted.pipeline_).sentence(0)
        given = [token for token, _ in found]
        require(given == tokens, f"the tokens of {text!r} are {tokens}, but highlights returns {given}")
        finite = all(isinstance(weight, float) and math.isfinite(weight) for _, weight in found)
        require(finite, f"highlights of {text!r} returns weights that are not finite floats")


# ---------------------------------------------------------------------------------------------------- scikit-learn


@check_in(CHECKS, when=_sklearn_is_there)
def works_inside_scikit_learn(subject: Subject) -> None:
    """scikit-learn recognizes its kind, clones it unfitted, cross-validates it and accepts it in a Pipeline."""
    import sklearn
    from sklearn import base
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    texts, targets = subject.train()
    copy = base.clone(subject.fitted)
    require(type(copy) is subject.cls, f"clone returns a {type(copy).__name__}")
    require(not copy.is_fitted, f"clone returns a fitted {subject.cls.kind}")
    for name, value in subject.fitted.get_params(deep=False).items():
        require(getattr(copy, name) is value, f"clone changes {name}")
    is_kind = f"is_{subject.cls.kind}"
    require(getattr(base, is_kind)(subject.component), f"{is_kind} says no")
    with sklearn.config_context(enable_metadata_routing=False):
        scores = cross_val_score(subject.clone(), texts, targets, cv=2, error_score="raise")
        steps = [("same", FunctionTransformer()), ("model", subject.clone())]
        piped = subject.answers(Pipeline(steps).fit(texts, targets), test())
    require(bool(np.isfinite(scores).all()), f"cross_val_score gives {scores.tolist()}")
    model: Any = subject.clone()
    alone = subject.answers(model.fit(texts, targets), test())
    require_close(piped, alone, 0, "answers in a Pipeline, and alone")
