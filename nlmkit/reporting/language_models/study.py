"""Language models of a report with their scores of the text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.progress import Progress
from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.language_models.base import LanguageModel, check_context
from nlmkit.language_models.compare import TextReader
from nlmkit.language_models.comparison import Comparison, Refused, Scored, compare, scored
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.text import Corpus
from nlmkit.text.columns import read_tables


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Text as one model scored it.

    Attributes:
        subject: The model.
        corpus: The text as the model reads it.
        log_probs: Natural log-probability of every event: float64 [events].
        details: Further facts per event, such as ``ngram_length``.
    """

    subject: Subject
    corpus: Corpus
    log_probs: NDArray[np.float64]
    details: Mapping[str, NDArray[Any]]

    @property
    def model(self) -> LanguageModel:
        """The language model."""
        return cast(LanguageModel, self.subject.model)

    @property
    def bits(self) -> NDArray[np.float64]:
        """Surprisal of every event in bits: float64 [events]."""
        bits: NDArray[np.float64] = -self.log_probs / np.log(2)
        return bits


@dataclasses.dataclass(kw_only=True, eq=False)
class LanguageModelStudy(Study):
    """Language models with their scores of one text.

    Attributes:
        readings: The text as each normalized model scored it; empty without a text.
        comparison: Ranking of the models; None without a text.
    """

    readings: tuple[Reading, ...] = ()
    comparison: Comparison | None = None

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Score the text with each model once.

        Args:
            subjects: The models.
            text: ``Files``, or anything ``Corpus.read`` takes, or a Corpus; None for no text.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: The text cannot be read, or has no sentences.
            HyperParameterError: The context is unknown.
        """
        check_context(options.context)
        study = cls(subjects=subjects, options=options, progress=progress)
        if text is not None:
            study._read(_reader(text, progress))
        return study

    def _read(self, reader: TextReader) -> None:
        readings: list[Reading] = []
        rows: list[Scored | Refused] = []
        for subject in self.subjects:
            model = cast(LanguageModel, subject.model)
            if not model.normalized:
                rows.append(Refused(model=subject.name, reasons=("its scores are not probabilities",)))
                continue
            corpus = model.encode(reader.read(model))
            if not corpus.sentences:
                raise DataError("cannot report on a text without sentences", source=", ".join(corpus.sources) or None)
            self.stage(f"scoring with {subject.name}")
            log_probs, details = model.log_probs_and_details(corpus, context=self.options.context)
            try:
                rows.append(scored(subject.name, model, corpus, log_probs, context=self.options.context))
            except NotNormalizedError as error:
                rows.append(Refused(model=subject.name, reasons=(str(error),)))
                continue
            readings.append(Reading(subject=subject, corpus=corpus, log_probs=log_probs, details=details))
        self.stage("drawing samples")
        self.comparison = compare(rows, samples=self.options.samples, seed=self.options.seed)
        self.readings = tuple(readings)

    @property
    def facts(self) -> list[str]:
        """Sources and size of the text."""
        if not self.readings:
            return []
        corpus = self.readings[0].corpus
        sources = ", ".join(corpus.sources) or "given in memory"
        size = f"{corpus.sentences:,} sentences, {corpus.tokens:,} words"
        return [f"Text: {sources} ({size})", f"Context: {self.options.context}"]


def _reader(text: Any, progress: Progress | None) -> TextReader:
    if not isinstance(text, Files):
        return TextReader(text, Corpus.read)
    if (column := text.column) is not None:
        return TextReader(text.names, lambda names, pipeline: read_tables(names, pipeline, column), text.decoded)
    return TextReader(
        text.names,
        lambda names, pipeline: Corpus.read_files(names, pipeline, progress=progress),
        text.decoded,
    )
