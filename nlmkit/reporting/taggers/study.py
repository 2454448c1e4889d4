"""Taggers of a report with their reports on one set of tagged sentences."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.progress import Progress
from nlmkit.errors import DataError
from nlmkit.reporting.common.figures import read_files, source_of
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.taggers.base import Tagger
from nlmkit.taggers.inputs import tagged
from nlmkit.taggers.report import TaggingReport
from nlmkit.text.tag_schemes import PLAIN
from nlmkit.text.tagged import TaggedSentences


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Sentences as one tagger tags them.

    Attributes:
        subject: The tagger.
        report: Figures by type, confusion, errors.
        right: Whether all tags of each sentence are right: bool [sentences].
    """

    subject: Subject
    report: TaggingReport
    right: NDArray[np.bool_]

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
    """

    kind: ClassVar[str] = "tagger"
    data: TaggedSentences | None = None
    source: str = ""
    readings: tuple[Reading, ...] = ()

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
        study.readings = tuple(study._reading(subject, study.data) for subject in subjects)
        return study

    def _reading(self, subject: Subject, data: TaggedSentences) -> Reading:
        self.stage(f"tagging with {subject.name}")
        model = cast(Tagger, subject.model)
        report = model.report(data, resamples=self.options.samples, seed=self.options.seed)
        found = model.predict(data.without_tags())
        own = data.in_scheme(model.scheme_)[0] if data.scheme != model.scheme_ else data
        right = [tags == own.tags_of(index) for index, tags in enumerate(found)]
        return Reading(subject=subject, report=report, right=np.array(right, np.bool_))

    @property
    def facts(self) -> list[str]:
        """Source and size of the sentences."""
        if self.data is None:
            return []
        return [f"Text: {self.source} ({len(self.data):,} sentences, {self.data.tokens:,} tokens)"]
