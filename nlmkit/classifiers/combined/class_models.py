"""Language models of the texts of each class, over one vocabulary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import kind_of_note
from nlmkit.core.progress import with_prefix
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits, shared_vocabulary
from nlmkit.documents.subsets import subset
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.base import LanguageModel
from nlmkit.text import Corpus, Vocabulary

_IMPOSSIBLE: Final = -1e4
"""Log-probability of an event that is impossible under the model of a class, so that sums stay comparable."""

_INTEGER: Final = 1e-6
"""Relative tolerance of whole numbers of copies."""


def copies_of_texts(
    weights: NDArray[np.float64] | None, targets: NDArray[np.int64], classes: NDArray[Any]
) -> NDArray[np.int64]:
    """Return how often the language model of its class reads each text: int64 [texts].

    Args:
        weights: Weight of each text: float64 [texts], positive; None for 1.
        targets: Class of each text: int64 [texts].
        classes: The labels, for errors.

    Raises:
        DataError: Weights within a class are neither integers nor integer multiples of the smallest.
    """
    copies = np.ones(len(targets), np.int64)
    if weights is None:
        return copies
    for index, label in enumerate(classes.tolist()):
        own = np.flatnonzero(targets == index)
        ratios = weights[own] / weights[own].min()
        for found in (ratios, weights[own]):
            rounded = np.rint(found)
            if np.abs(found - rounded).max() <= _INTEGER * rounded.max():
                copies[own] = rounded.astype(np.int64)
                break
        else:
            raise DataError(
                f"sample_weight of the label {label!r}: a language model reads a text a whole number of times, so that "
                "weights within a class must be integers, or integer multiples of the smallest"
            )
    return copies


def log_probs(models: Sequence[LanguageModel], corpus: Corpus) -> NDArray[np.float64]:
    """Return the log-probability of each document, ``</s>`` included, under each model: float64 [documents, models]."""
    found = np.empty((corpus.sentences, len(models)))
    starts = corpus.event_offsets[:-1]
    for number, model in enumerate(models):
        events = np.maximum(model.log_probs(corpus), _IMPOSSIBLE)
        found[:, number] = np.add.reduceat(events, starts) if len(starts) else 0.0
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class ClassModels:
    """Fits of one language model per class.

    Attributes:
        model: The language model, not fitted; copies are fitted.
        corpus: The training texts.
        targets: Class of each: int64 [documents].
        vocabulary: Vocabulary of all copies.
        classes: Number of classes.
        copies: How often each training text is read: int64 [texts].
        run: Options of the run; a budget is shared equally by all fits.
        rounds: Number of calls of ``fitted`` to come.
    """

    model: LanguageModel
    corpus: Corpus
    targets: NDArray[np.int64]
    vocabulary: Vocabulary
    classes: int
    copies: NDArray[np.int64]
    run: RunOptions
    rounds: int

    @classmethod
    def of(
        cls,
        model: LanguageModel,
        corpus: Corpus,
        targets: NDArray[np.int64],
        copies: NDArray[np.int64],
        run: RunOptions,
        *,
        rounds: int,
    ) -> ClassModels:
        """Prepare fits over the vocabulary of the training texts, under the limits of the model."""
        if isinstance(model, VocabularyLimits):
            vocabulary = model.limited_vocabulary(corpus, noted=True)
        else:
            vocabulary = Vocabulary.from_corpus(corpus)
        return cls(model, corpus, targets, vocabulary, int(targets.max()) + 1, copies, run, rounds)

    def fitted(
        self,
        chosen: NDArray[np.int64],
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        what: str,
        notes: list[str],
    ) -> tuple[LanguageModel, ...]:
        """Return a language model per class.

        Args:
            chosen: Indices of the texts to read; every class occurs.
            valid: Validation texts with their classes, or None.
            what: Name of the round in progress; empty for the final one.
            notes: List to which notes of the fits are appended, each kind of note once.

        Raises:
            HyperParameterError: The model does not take the vocabulary of the training texts.
        """
        models = []
        budget = self.run.budget_seconds
        share = None if budget is None else budget / (self.rounds * self.classes)
        for index in range(self.classes):
            own = chosen[self.targets[chosen] == index]
            texts = subset(self.corpus, np.repeat(own, self.copies[own]))
            held_out = None
            if valid is not None and (valid[1] == index).any():
                held_out = subset(valid[0], np.flatnonzero(valid[1] == index))
            about = f"class {index + 1} of {self.classes}"
            options = dataclasses.replace(
                self.run,
                progress=with_prefix(self.run.progress, f"{what}, {about}" if what else about),
                budget_seconds=share,
                checkpoint=None,
                resume=False,
                log=None,
            )
            copy = type(self.model)(**self.model.get_params(deep=False))
            with shared_vocabulary(self.vocabulary):
                copy.fit(texts, valid=held_out, run=options)
            if copy.vocabulary_.words != self.vocabulary.words:
                raise HyperParameterError(
                    f"language_model: {copy.name} has a vocabulary of its own for the texts of each class, so that its "
                    "probabilities cannot be compared"
                )
            said = {kind_of_note(text.partition(": ")[2]) for text in notes}
            for text in copy.fit_report_.get("notes", ()):
                if kind_of_note(text) not in said:
                    said.add(kind_of_note(text))
                    notes.append(f"{about}: {text}")
            models.append(copy)
        return tuple(models)
