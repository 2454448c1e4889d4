"""Classifiers of a report with their answers to one set of labelled texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.base import Classifier, labelled
from nlmkit.classifiers.report import ClassificationReport
from nlmkit.comparing.labels import ACCURACY, score_predictions
from nlmkit.comparing.report import ItemComparison
from nlmkit.core.progress import Progress
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.reporting.common.figures import read_files, source_of
from nlmkit.reporting.common.ranking import compared
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.text.labelled import LabelledTexts, label_kind
from nlmkit.text.trees import LabelledTrees


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Texts as one classifier labels them.

    Attributes:
        subject: The classifier.
        labels: Label of each text.
        probabilities: Probability of each class: float64 [texts, classes].
        report: Accuracy and related figures.
    """

    subject: Subject
    labels: Sequence[Any]
    probabilities: NDArray[np.float64]
    report: ClassificationReport

    @property
    def model(self) -> Classifier:
        """The classifier."""
        return cast(Classifier, self.subject.model)

    @property
    def classes(self) -> list[Any]:
        """Labels of the classes."""
        found: list[Any] = self.model.classes_.tolist()
        return found

    @cached_property
    def best(self) -> NDArray[np.int64]:
        """Index of the most probable class of each text: int64 [texts]."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return found

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of that class: float64 [texts]."""
        found: NDArray[np.float64] = self.probabilities.max(axis=1)
        return found

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each text has its own label: bool [texts]."""
        classes = self.classes
        guesses = (classes[place] for place in self.best.tolist())
        return np.array([guess == label for guess, label in zip(guesses, self.labels, strict=True)], np.bool_)

    @cached_property
    def log_losses(self) -> NDArray[np.float64]:
        """Negative logarithm of the probability of each text's label; inf for a label that training lacked."""
        place = {label: index for index, label in enumerate(self.classes)}
        own = [place.get(label, -1) for label in self.labels]
        shares = [row[index] if index >= 0 else 0.0 for row, index in zip(self.probabilities, own, strict=True)]
        with np.errstate(divide="ignore"):
            found: NDArray[np.float64] = -np.log(np.array(shares, np.float64))
        return found


@dataclasses.dataclass(kw_only=True, eq=False)
class ClassifierStudy(Study):
    """Classifiers with their answers to one set of labelled texts or trees.

    Attributes:
        data: The texts, or trees; None without.
        texts: The texts as they are shown.
        source: What the texts are called.
        readings: The answers of each classifier.
        comparison: Their ranking by accuracy; None without texts.
    """

    data: LabelledTexts | LabelledTrees | None = None
    texts: tuple[str, ...] = ()
    source: str = ""
    readings: tuple[Reading, ...] = ()
    comparison: ItemComparison | None = None

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Label the texts with each classifier once.

        Args:
            subjects: The classifiers.
            text: ``Files``, or what ``Classifier.report`` takes: texts and labels as a pair, ``LabelledTexts``,
                ``LabelledTrees``; None for no texts.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The texts cannot be read, there are none, or their labels are of another type.
            HyperParameterError: Some classifiers take texts, and others trees.
        """
        study = cls(subjects=subjects, options=options, progress=progress)
        if text is None:
            return study
        models = [cast(Classifier, subject.model) for subject in subjects]
        if len({model.takes for model in models}) > 1:
            raise HyperParameterError("some of these classifiers take texts and others trees: make one report of each")
        study.stage("reading labelled texts")
        study.source = source_of(text)
        study._read(_trees(text) if models[0].takes == "trees" else _texts(text))
        return study

    def _read(self, data: LabelledTexts | LabelledTrees) -> None:
        if not len(data):
            raise DataError("cannot report on no texts", source=data.source)
        self.data = data
        self.texts = tuple(data.texts)
        readings, scores = [], []
        for subject in self.subjects:
            self.stage(f"predicting with {subject.name}")
            model = cast(Classifier, subject.model)
            own = _as_learned(model, data)
            probabilities = model.predict_proba(own)
            predictions = model.classes_[probabilities.argmax(axis=1)]
            report = model.judge(
                own,
                predictions,
                model_digest=model.digest,
                text_pipeline=model.pipeline_.signature,
                texts_digest=data.digest,
                resamples=0,  # intervals are those of the comparison
            )
            readings.append(
                Reading(subject=subject, labels=own.labels.tolist(), probabilities=probabilities, report=report)
            )
            scores.append(score_predictions(subject.name, model, own, predictions, ACCURACY.name))
        self.readings, self.comparison = tuple(readings), compared(self, scores, ACCURACY)

    @property
    def facts(self) -> list[str]:
        """Source and size of the texts."""
        if self.data is None:
            return []
        kind = "trees" if isinstance(self.data, LabelledTrees) else "texts"
        return [f"Text: {self.source} ({len(self.data):,} {kind})"]


def _as_learned(model: Classifier, data: LabelledTexts | LabelledTrees) -> Any:
    """Return the texts with labels of the type of the classifier's; those of a file are strings.

    Raises:
        DataError: A label is of another type.
    """
    if isinstance(data, LabelledTexts) and label_kind(data.labels) == "U":
        data = data.with_labels_of_kind(label_kind(model.classes_))
    return model.labelled(data)


def _texts(text: Any) -> LabelledTexts:
    found: LabelledTexts = read_files(text, LabelledTexts.read) if isinstance(text, Files) else labelled(text)
    return found


def _trees(text: Any) -> LabelledTrees:
    if isinstance(text, Files):
        if text.column is not None:
            raise HyperParameterError("trees have no columns: omit --label-column and --text-column")
        found: LabelledTrees = read_files(text, LabelledTrees.read)
        return found
    return text if isinstance(text, LabelledTrees) else LabelledTrees.of(text)
