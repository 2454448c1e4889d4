"""Classifiers of an ensemble, and their log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.base import Classifier
from nlmkit.classifiers.combined.log_linear import FLOOR
from nlmkit.core import groups
from nlmkit.core.groups import Group
from nlmkit.errors import HyperParameterError
from nlmkit.text import Corpus


def resolved(given: Classifier | str, number: int) -> Classifier:
    """Return a classifier of texts; see ``nlmkit.core.groups.resolved``.

    Raises:
        HyperParameterError: Another kind of model is there, or the classifier does not read texts.
        SavedModelError: The folder cannot be loaded.
    """
    model: Classifier = groups.resolved(given, number, Classifier.kind)
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


def texts_of(corpus: Corpus) -> list[str]:
    """Return the documents of a corpus as texts, their tokens joined by single spaces."""
    return [" ".join(corpus.sentence(number)) for number in range(corpus.sentences)]


def log_probs(models: Sequence[Group], corpus: Corpus, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the log-probabilities of the models, each the mean over its versions: float64 [models, texts, classes].

    Args:
        models: The fitted models; they have the same classes.
        corpus: Documents in the tokenization of the ensemble.
        classes: The labels.
    """
    texts: list[str] | None = None
    found = np.zeros((len(models), corpus.sentences, len(classes)))
    for number, group in enumerate(models):
        for model in group:
            if model.tokenization_ == corpus.tokenization:
                probabilities = model.predict_proba(corpus)
            else:
                texts = texts_of(corpus) if texts is None else texts
                probabilities = model.predict_proba(texts)
            found[number] += np.log(np.maximum(probabilities, FLOOR)) / len(group)
    return found
