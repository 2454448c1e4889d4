"""Regressors of a report with their predictions for one set of texts."""

from __future__ import annotations

import dataclasses
from typing import Any, Self, cast

from nlmkit.comparing.numbers import RMSE, score_predictions
from nlmkit.comparing.report import ItemComparison
from nlmkit.core.progress import Progress
from nlmkit.errors import DataError
from nlmkit.regressors.base import Regressor, numbered
from nlmkit.regressors.report import RegressionReport
from nlmkit.reporting.common.figures import read_files, source_of
from nlmkit.reporting.common.ranking import compared
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.text.numbered import NumberedTexts


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Texts as one regressor predicts them.

    Attributes:
        subject: The regressor.
        report: Figures, numbers and predictions.
    """

    subject: Subject
    report: RegressionReport


@dataclasses.dataclass(kw_only=True, eq=False)
class RegressorStudy(Study):
    """Regressors with their predictions for one set of texts.

    Attributes:
        data: The texts with their numbers; None without.
        source: What they are called.
        readings: The predictions of each regressor.
        comparison: Their ranking by RMSE; None without texts.
    """

    data: NumberedTexts | None = None
    source: str = ""
    readings: tuple[Reading, ...] = ()
    comparison: ItemComparison | None = None

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Predict the texts with each regressor once.

        Args:
            subjects: The regressors.
            text: ``Files``, or what ``Regressor.report`` takes: texts and numbers as a pair, or ``NumberedTexts``; None
                for no texts.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The texts cannot be read, or there are none.
        """
        study = cls(subjects=subjects, options=options, progress=progress)
        if text is None:
            return study
        study.stage("reading texts with numbers")
        study.source = source_of(text)
        study.data = read_files(text, NumberedTexts.read) if isinstance(text, Files) else numbered(text)
        if not len(study.data):
            raise DataError("cannot report on no texts", source=study.data.source)
        readings, scores = [], []
        for subject in subjects:
            study.stage(f"predicting with {subject.name}")
            model = cast(Regressor, subject.model)
            report = model.report(study.data, resamples=0)  # intervals are those of the comparison
            readings.append(Reading(subject=subject, report=report))
            scores.append(score_predictions(subject.name, model, study.data, report.predictions, RMSE.name))
        study.readings, study.comparison = tuple(readings), compared(study, scores, RMSE)
        return study

    @property
    def facts(self) -> list[str]:
        """Source and size of the texts."""
        return [] if self.data is None else [f"Text: {self.source} ({len(self.data):,} texts)"]
