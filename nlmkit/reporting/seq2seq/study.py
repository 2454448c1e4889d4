"""Sequence-to-sequence models of a report with their predictions for one set of pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Self, cast

from nlmkit.comparing.report import ItemComparison
from nlmkit.comparing.translations import BLEU, score_predictions
from nlmkit.core.progress import Progress
from nlmkit.errors import DataError
from nlmkit.reporting.common.figures import read_files, source_of
from nlmkit.reporting.common.ranking import compared
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.seq2seq.inputs import paired
from nlmkit.seq2seq.report import TranslationReport
from nlmkit.text.parallel import ParallelTexts


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Sources as one model translates them.

    Attributes:
        subject: The model.
        report: Figures and predictions.
    """

    subject: Subject
    report: TranslationReport

    @property
    def model(self) -> SequenceToSequence:
        """The model."""
        return cast(SequenceToSequence, self.subject.model)


@dataclasses.dataclass(kw_only=True, eq=False)
class SequenceToSequenceStudy(Study):
    """Sequence-to-sequence models with their predictions for one set of pairs.

    Attributes:
        data: The pairs; None without.
        distinct: The different sources, in their order.
        references: Their targets.
        source: What the pairs are called.
        readings: The predictions of each model.
        comparison: Their ranking by BLEU; None without pairs.
    """

    data: ParallelTexts | None = None
    distinct: ParallelTexts | None = None
    references: Sequence[Sequence[str]] = ()
    source: str = ""
    readings: tuple[Reading, ...] = ()
    comparison: ItemComparison | None = None

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Translate the sources with each model once.

        Args:
            subjects: The models.
            text: ``Files``, or sources and targets as a pair, or ``ParallelTexts``; None for no pairs.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The pairs cannot be read, there are none, or they do not suit the models.
        """
        study = cls(subjects=subjects, options=options, progress=progress)
        if text is None:
            return study
        study.stage("reading pairs")
        study.source = source_of(text)
        first = cast(SequenceToSequence, subjects[0].model)
        data = read_files(text, ParallelTexts.read) if isinstance(text, Files) else paired(first, text)
        if not len(data):
            raise DataError("cannot report on no pairs", source=data.source)
        study.data = data
        places, study.references = data.references()
        study.distinct = data.subset(places)
        readings, scores = [], []
        for subject in subjects:
            study.stage(f"translating with {subject.name}")
            model = cast(SequenceToSequence, subject.model)
            report = model.report(data, resamples=0)  # intervals are those of the comparison
            readings.append(Reading(subject=subject, report=report))
            scores.append(score_predictions(subject.name, model, data, report.predictions, BLEU.name))
        study.readings, study.comparison = tuple(readings), compared(study, scores, BLEU)
        return study

    @property
    def sources(self) -> list[str]:
        """The different sources as they are shown."""
        assert self.distinct is not None
        if self.distinct.has_vectors:
            return [f"vector {place + 1}" for place in range(len(self.distinct))]
        return list(self.distinct.required_texts())

    @property
    def facts(self) -> list[str]:
        """Source and size of the pairs."""
        return [] if self.data is None else [f"Text: {self.source} ({len(self.data):,} pairs)"]
