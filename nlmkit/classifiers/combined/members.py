"""Models of an ensemble: from hyper-parameters to fitted classifiers, and their log-probabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.base import Classifier
from nlmkit.classifiers.combined.log_linear import FLOOR
from nlmkit.core import registry
from nlmkit.core.notes import kind_of_note
from nlmkit.core.progress import with_prefix
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.text import Corpus
from nlmkit.text.labelled import LabelledTexts

Group: TypeAlias = tuple[Classifier, ...]
"""Fitted versions of one model, one per seed."""


def resolved(given: Classifier | str, number: int) -> Classifier:
    """Return a classifier: itself, one with default options by its name, or the one in a folder.

    Args:
        given: Value of the hyper-parameter; a string is a folder unless a classifier has that name.
        number: Place among the models, from 1, for errors.

    Raises:
        HyperParameterError: Another kind of model is there, or the classifier does not read texts.
        SavedModelError: The folder cannot be loaded.
    """
    if not isinstance(given, str):
        return _of_texts(given, number)
    if any(entry.kind == "classifier" and entry.name == given for entry in registry.entries()):
        made: Any = registry.get(given)()
    else:
        from nlmkit.core.storage import load

        made = load(given)
    if not isinstance(made, Classifier):
        raise HyperParameterError(f"model {number}: {given} is a {made.kind} ({made.name}); expected a classifier")
    return _of_texts(made, number)


def _of_texts(model: Classifier, number: int) -> Classifier:
    """Return a classifier of texts.

    Raises:
        HyperParameterError: It reads something else, such as trees.
    """
    if model.takes != "texts":
        raise HyperParameterError(f"model {number} ({model.name}) reads {model.takes}, but an ensemble reads texts")
    return model


def require_classes(model: Classifier, number: int, classes: NDArray[Any]) -> None:
    """Raise HyperParameterError unless a fitted model has exactly these classes."""
    own = model.classes_
    if own.dtype.kind != classes.dtype.kind or not np.array_equal(own, classes):
        raise HyperParameterError(
            f"model {number} ({model.name}) has the labels {_shown(own)}, and these texts have {_shown(classes)}: "
            "an ensemble needs the same ones"
        )


def _shown(labels: NDArray[Any]) -> str:
    named = ", ".join(map(repr, labels[:5].tolist()))
    return f"{named}, ... ({len(labels)})" if len(labels) > 5 else named


def is_seeded(model: Classifier) -> bool:
    """Return whether ``seeds`` applies to a model."""
    return model.trains_in_steps and not model.is_fitted and "seed" in model.hyper_parameters()


def texts_of(corpus: Corpus) -> list[str]:
    """Return the documents of a corpus as texts, their tokens joined by single spaces."""
    return [" ".join(corpus.sentence(number)) for number in range(corpus.sentences)]


def log_probs(groups: Sequence[Group], corpus: Corpus, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the log-probabilities of the models, each the mean over its versions: float64 [models, texts, classes].

    Args:
        groups: The fitted models; they have the same classes.
        corpus: Documents in the tokenization of the ensemble.
        classes: The labels.
    """
    texts: list[str] | None = None
    found = np.zeros((len(groups), corpus.sentences, len(classes)))
    for number, group in enumerate(groups):
        for model in group:
            if model.tokenization_ == corpus.tokenization:
                probabilities = model.predict_proba(corpus)
            else:
                texts = texts_of(corpus) if texts is None else texts
                probabilities = model.predict_proba(texts)
            found[number] += np.log(np.maximum(probabilities, FLOOR)) / len(group)
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Fits:
    """Fits of the models of one ensemble.

    Attributes:
        models: The models; fitted ones are used unchanged.
        seeds: Number of versions of each model that ``is_seeded``.
        seed: Number of the ensemble; ensembles of different numbers have different seeds.
        classes: The labels.
        valid: Validation texts, or None.
        run: Options of the run; a budget is shared equally by the fits that train in steps.
        rounds: Number of calls of ``fitted`` to come.
    """

    models: Sequence[Classifier]
    seeds: int
    seed: int
    classes: NDArray[Any]
    valid: LabelledTexts | None
    run: RunOptions
    rounds: int
    _notes: dict[str, str] = dataclasses.field(default_factory=dict)

    def fitted(self, data: LabelledTexts, weights: NDArray[np.float64] | None, what: str) -> tuple[Group, ...]:
        """Return the models fitted to texts.

        Args:
            data: Training texts with labels; every class occurs.
            weights: Weight of each text: float64 [texts]; None for 1.
            what: Name of the round in progress, such as ``fold 1 of 5``; empty for the final one.
        """
        groups: list[Group] = []
        for number, model in enumerate(self.models, 1):
            if model.is_fitted:
                groups.append((model,))
                continue
            versions = self.seeds if is_seeded(model) else 1
            group = []
            for version in range(versions):
                values = model.get_params(deep=False)
                if is_seeded(model):
                    values["seed"] += self.seed * self.seeds + version
                about = f"model {number} ({model.name})" + (f", seed {values['seed']}" if versions > 1 else "")
                run = self._options(", ".join([*([what] if what else []), about]), model)
                copy = type(model)(**values)
                group.append(copy.fit(data, sample_weight=weights, valid=self.valid, run=run))
                for text in self._own(copy, data):
                    self._notes.setdefault(f"{number} {kind_of_note(text)}", f"model {number} ({model.name}): {text}")
            groups.append(tuple(group))
        return tuple(groups)

    def _own(self, model: Classifier, data: LabelledTexts) -> list[str]:
        """Return the notes of a fit that are not on its texts."""
        of_texts = {*data.notes, *(() if self.valid is None else self.valid.notes)}
        return [text for text in model.fit_report_.get("notes", ()) if text not in of_texts]

    def _options(self, what: str, model: Classifier) -> RunOptions:
        """Return the options of one fit."""
        budget = self.run.budget_seconds
        if budget is not None:
            in_steps = [each for each in self.models if each.trains_in_steps and not each.is_fitted]
            fits = self.rounds * sum(self.seeds if is_seeded(each) else 1 for each in in_steps)
            budget = budget / fits if model.trains_in_steps else None
        return dataclasses.replace(
            self.run,
            progress=with_prefix(self.run.progress, what),
            budget_seconds=budget,
            checkpoint=None,
            resume=False,
            log=None,
        )

    def log_probs(self, groups: Sequence[Group], corpus: Corpus) -> NDArray[np.float64]:
        """Return the log-probabilities of fitted models; see ``log_probs``."""
        return log_probs(groups, corpus, self.classes)

    def notes(self) -> list[str]:
        """Return the notes of all fits, each kind of note once per model."""
        return [*self._notes.values()]
