"""``fit`` and ``score`` for language models; the score is the mean log-probability per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click

from nlmkit.cli import output
from nlmkit.cli.formats import COUNTS
from nlmkit.cli.kinds.part import TABLE_FORMATS, Option
from nlmkit.cli.kinds.text import TextPart
from nlmkit.cli.options import for_source, refuse_workers, scoring_workers_option
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.progress import progress
from nlmkit.core.kinds import kind_called
from nlmkit.core.notes import note

if TYPE_CHECKING:
    from nlmkit.cli.kinds.part import Job
    from nlmkit.core.component import Component
    from nlmkit.core.progress import Progress
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.ngram.count_files import NGramCountFiles
    from nlmkit.text import Corpus
    from nlmkit.text.marks import Marks


class LanguageModelPart(TextPart):
    """Part of the command line for language models, which add sentence marks and predict ``<unk>`` and ``</s>``."""

    kind = kind_called("language-model")
    marks = "error"
    score_needs = "TEXT"
    score_flags: ClassVar[Mapping[str, Option]] = {"workers": scoring_workers_option}
    score_shared = frozenset({"errors", "format", "marks", "text_column"})
    counted = "predictable types"
    formats = TABLE_FORMATS | {COUNTS}

    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the layout of count files too, which needs no column."""
        return ("format",) if given.get("format") == COUNTS else super().layout_options(given)

    def check(self, job: Job) -> None:
        """Refuse count files for a component that is fitted to text alone."""
        if job.form.format != COUNTS:
            super().check(job)
            return
        if not cast("LanguageModel", job.fitted).takes_counts:
            raise click.UsageError(f"--format {COUNTS}: {job.component} is fitted to text, not to counts")
        if job.pipeline.needs_training:
            raise click.UsageError(f"--format {COUNTS}: a tokenizer cannot be trained on counts")
        if not job.train:
            raise click.UsageError(f"--format {COUNTS}: name the count files")

    def read(self, job: Job, display: Progress | None) -> tuple[Any, Any]:
        """Return the training text, or the files with its counts, and the held-out text."""
        if job.form.format != COUNTS:
            return super().read(job, display)
        from nlmkit.language_models.ngram.count_files import NGramCountFiles

        pipeline, held_out = job.pipeline, None
        if job.valid is not None:
            held_out = self.kind.reader()([job.valid], pipeline, display, f"reading {job.valid}", None)
        return NGramCountFiles(*job.train, pipeline=pipeline.with_marks("error")), held_out

    def facts(self, fitted: Component, data: Corpus | NGramCountFiles | None = None) -> dict[str, Any]:
        """Return the vocabulary with ``<unk>`` and ``</s>``."""
        from nlmkit.language_models.ngram.count_files import NGramCountFiles

        model = cast("LanguageModel", fitted)
        return super().facts(fitted, None if isinstance(data, NGramCountFiles) else data) | {
            "vocabulary_size": model.vocabulary_.size_predictable
        }

    def score(
        self,
        model: str,
        component: LanguageModel,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        errors: str | None = None,
        text_column: str | None = None,
        format: str | None = None,
        marks: Marks | None = None,
        workers: int | None = None,
    ) -> None:
        """Print the score of a text."""
        refuse_workers(workers, model, component)
        from nlmkit.cli.texts import read_texts
        from nlmkit.language_models.unknown_words import note_cheap_unknown

        column = choose_text_column(text_column, format)
        facts: dict[str, Any] = {"model": model, "component": component.name, "kind": component.kind}
        with progress(quiet=quiet) as display:
            pipeline = for_source(component.pipeline_, encoding, errors, marks)
            corpus = read_texts(texts, pipeline, display, "reading text", column)
            if display is not None:
                display.start("scoring")
            facts |= {"normalized": component.normalized, "score": component.score(corpus, threads=workers or 1)}
            note_cheap_unknown(component, int(corpus.oov_mask(component.vocabulary_).sum()), corpus.tokens)
            facts |= {"events": corpus.events, "sentences": corpus.sentences}
            if not corpus.events:
                note(f"{', '.join(texts)}: the text is empty, so its score, a mean per event, is undefined")
        if as_json:
            output.write_json(facts)
        else:
            output.write(f"{facts['score']!r}\n")


PART = LanguageModelPart()
