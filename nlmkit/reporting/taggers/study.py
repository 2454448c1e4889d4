"""Taggers of a report with their reports on one set of tagged sentences."""

from __future__ import annotations

import dataclasses
from typing import Any, Self, cast

from nlmkit.comparing.compare import figure_called
from nlmkit.comparing.report import ItemComparison
from nlmkit.comparing.tags import score_predictions
from nlmkit.core.progress import Progress
from nlmkit.errors import DataError
from nlmkit.reporting.common.figures import read_files, source_of
from nlmkit.reporting.common.ranking import compared
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.taggers.base import Tagger
from nlmkit.taggers.inputs import tagged
from nlmkit.taggers.judging import predicted_tags, report_on
from nlmkit.taggers.report import TaggingReport
from nlmkit.text.tag_schemes import PLAIN
from nlmkit.text.tagged import TaggedSentences


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Sentences as one tagger tags them.

    Attributes:
        subject: The tagger.
        report: Figures by type, confusion, errors.
    """

    subject: Subject
    report: TaggingReport

    @property
    def model(self) -> Tagger:
        """The tagger."""
        return cast(Tagger, self.subject.model)


@dataclasses.dataclass(kw_only=True, eq=False)
class TaggerStudy(Study):
    """Taggers with their reports on one set of sentences.

    Attributes:
        data: The sentences; None without.
        source: What they are called.
        readings: The sentences as each tagger tags them.
        comparison: Their ranking by F1, or by the accuracy of plain tags; None without sentences.
    """

    data: TaggedSentences | None = None
    source: str = ""
    readings: tuple[Reading, ...] = ()
    comparison: ItemComparison | None = None

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Tag the sentences with each tagger once.

        Args:
            subjects: The taggers.
            text: ``Files``, or what ``Tagger.report`` takes: sentences and tags as a pair, or ``TaggedSentences``; None
                for no sentences.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The sentences cannot be read, or there is no token.
        """
        study = cls(subjects=subjects, options=options, progress=progress)
        if text is None:
            return study
        study.stage("reading tagged sentences")
        study.source = source_of(text)
        first = cast(Tagger, subjects[0].model)
        plain = PLAIN if first.scheme_ == PLAIN else None
        if isinstance(text, Files):
            layout = dict(first.layout_ or {})
            known = None if layout.get("format") == "segmented" else plain
            study.data = read_files(text, TaggedSentences.read, **layout, scheme=known)
        else:
            study.data = tagged(text, scheme=plain)
        if not study.data.tokens:
            raise DataError("cannot report on no tokens", source=study.data.source)
        study._tag(study.data)
        return study

    def _tag(self, data: TaggedSentences) -> None:
        by = figure_called("tagger", None, [subject.model for subject in self.subjects])
        readings, scores = [], []
        for subject in self.subjects:
            self.stage(f"tagging with {subject.name}")
            model = cast(Tagger, subject.model)
            found = predicted_tags(model, data)
            report = report_on(model, found, resamples=self.options.samples, seed=self.options.seed)
            readings.append(Reading(subject=subject, report=report))
            scores.append(score_predictions(subject.name, model, found, by.name))
        self.readings, self.comparison = tuple(readings), compared(self, scores, by)

    @property
    def facts(self) -> list[str]:
        """Source and size of the sentences."""
        if self.data is None:
            return []
        return [f"Text: {self.source} ({len(self.data):,} sentences, {self.data.tokens:,} tokens)"]
