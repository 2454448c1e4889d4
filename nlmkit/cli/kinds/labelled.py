"""``fit`` and ``score`` for kinds fitted to texts with targets (labels or numbers); cross-validation."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click

from nlmkit.cli import output
from nlmkit.cli.kinds.merging import merged
from nlmkit.cli.kinds.options import PLOT, SAMPLES, SEED
from nlmkit.cli.kinds.part import Job, Option, Part
from nlmkit.cli.labelled import Form, print_notes
from nlmkit.cli.options import for_source, given_tokenizer
from nlmkit.cli.predictions import PREDICTIONS, Row, check_predictions, write_predictions
from nlmkit.cli.progress import progress
from nlmkit.core.tables import figure_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.core.component import Component
    from nlmkit.core.progress import Progress
    from nlmkit.documents.base import TextModel
    from nlmkit.text import Corpus, TextPipeline
    from nlmkit.text.marks import Marks

CROSS_VALIDATION: Mapping[str, Option] = {
    "cross_validate": click.option(
        "--cross-validate",
        type=click.IntRange(min=2),
        metavar="K",
        help="Classifier, regressor: K-fold cross-validation, stratified by label or number; nothing is saved.",
    ),
    "fold_seed": click.option(
        "--fold-seed", type=click.IntRange(min=0), help="Classifier, regressor: seed of the folds.  [default: 0]"
    ),
}


class LabelledPart(Part):
    """Reads texts with targets: lines, or two columns of a table. Answers each line.

    Attributes:
        answer_keys: What an answer has.
        answer_columns: What of it is in a row that is not JSON.
    """

    always_reads = True
    score_needs = "TEST.tsv"
    score_flags: ClassVar[Mapping[str, Option]] = {
        "samples": SAMPLES,
        "seed": SEED,
        "plot": PLOT,
        "predictions": PREDICTIONS,
    }
    answer_keys: ClassVar[tuple[str, ...]]
    answer_columns: ClassVar[tuple[str, ...]]
    score_shared = frozenset({"errors", "marks", "format", "label_column", "text_column"})
    fit_options: ClassVar[Mapping[str, Option]] = CROSS_VALIDATION

    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """All of them."""
        return ("format", "label_column", "text_column")

    def saves(self, options: Mapping[str, Any]) -> bool:
        """Not what a cross-validation fits."""
        return options["cross_validate"] is None

    def with_options(
        self,
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        pipeline: TextPipeline,
        options: Mapping[str, Any],
        set_by: Mapping[str, str],
        *,
        cls: type[Component],
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Hyper-parameters, with what ``--tokenizer`` and its like set of them: a tokenization has the same names.

        Raises:
            click.UsageError: an option contradicts ``-p``.
        """
        tokens = dataclasses.asdict(pipeline.tokenization) | {"tokenizer": given_tokenizer(pipeline)}
        return merged(values, origins, tokens, set_by)

    def check(self, job: Job) -> None:
        """Raise an error for options that do not apply to cross-validation, or a layout that the data cannot have."""
        self.check_form(job.fitted, job.form)
        if self.saves(job.options):
            if job.options["fold_seed"] is not None:
                raise click.UsageError("--fold-seed needs --cross-validate")
            return
        for flag, given in (("-o", job.output), ("--valid", job.valid)):
            if given is not None:
                raise click.UsageError(f"--cross-validate tests on folds and saves nothing: omit {flag}")
        for name in ("resume", "log", "plot"):
            if getattr(job.training, name) not in (None, False):
                raise click.UsageError(f"--{name} is not supported with --cross-validate")

    def resolved(self, job: Job) -> dict[str, Any]:
        """All settings; how texts become tokens is among the hyper-parameters."""
        return {
            **job.named(),
            **dataclasses.asdict(job.form),
            "encoding": job.pipeline.encoding,
            "errors": job.pipeline.errors,
            **self.unusual_marks(job.pipeline),
            **job.options,
            "params": {**job.fitted.params_as_json(), **job.segmenters},
        }

    def config(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """All but the hyper-parameters."""
        return {name: value for name, value in resolved.items() if name != "params"}

    def read(self, job: Job, display: Progress | None) -> tuple[Any, Any]:
        """Labelled texts, as the class of the kind's data."""
        if display is not None:
            display.start("reading labelled texts")
        held_out = None if job.valid is None else self._read(job.fitted, (job.valid,), job.form, job.pipeline)
        data = self._read(job.fitted, job.train, job.form, job.pipeline)
        print_notes(data, quiet=job.quiet)
        return data, held_out

    def check_form(self, component: Any, form: Form) -> None:
        """Raise an error for a layout that the data of a component cannot have.

        Raises:
            click.UsageError: It is one.
        """

    def _read(self, component: Any, names: tuple[str, ...], form: Form, pipeline: TextPipeline) -> Any:
        return form.read(names, self.kind.reader(), pipeline.decoding)

    def try_out(self, job: Job) -> None:
        """Cross-validate."""
        from nlmkit.documents.cross_validation import cross_validate

        with progress(quiet=job.quiet) as display:
            data, _ = self.read(job, display)
            run = dataclasses.replace(job.training.options(job.fitted, "fold", display), checkpoint=None)
            found = cross_validate(
                cast(Any, job.fitted),
                data,
                folds=job.options["cross_validate"],
                seed=job.options["fold_seed"] or 0,
                run=lambda fold: run,
            )
        if job.as_json:
            output.write_json(found.to_dict() | {"resolved": self.resolved(job) | {"set_by": dict(job.origins)}})
        else:
            output.write(found.render() + "\n")

    # --------------------------------------------------------------------------------------------------- predict

    @abc.abstractmethod
    def answers(self, component: Any, corpus: Corpus) -> Iterator[dict[str, Any]]:
        """What the model answers to each document, JSON-ready; with the keys ``answer_keys``."""

    @abc.abstractmethod
    def answer_cell(self, name: str, value: Any) -> str:
        """One of ``answer_columns`` as a cell of a row."""

    # ----------------------------------------------------------------------------------------------------- score

    def as_learned(self, component: Any, data: Any) -> Any:
        """Targets that were read from a file, as the model's own are.

        Raises:
            DataError: one cannot be.
        """
        return data

    def read_test(self, component: Any, names: tuple[str, ...], form: Form, pipeline: TextPipeline) -> Any:
        """Return the texts of files with targets as the model's own are.

        Raises:
            click.UsageError: The data of the component cannot have this layout.
            DataError: A text is missing or unusable.
        """
        self.check_form(component, form)
        return self.as_learned(component, self._read(component, names, form, pipeline))

    @abc.abstractmethod
    def predicted(self, component: Any, data: Any) -> tuple[Any, NDArray[Any], list[Row]]:
        """Predict texts.

        Args:
            component: The model.
            data: Texts with targets as the model's own are.

        Returns:
            The texts as the model's report takes them, the prediction of each, and a row of text, truth and prediction
            for each.
        """

    def further(self, component: Any, data: Any) -> dict[str, Any]:
        """Return figures that the report of the kind lacks: JSON-ready."""
        return {}

    @abc.abstractmethod
    def draw(self, report: Any, path: str, title: str) -> None:
        """Draw the picture of a report."""

    def score(
        self,
        model: str,
        component: TextModel,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        errors: str | None = None,
        marks: Marks | None = None,
        format: str | None = None,
        label_column: str | None = None,
        text_column: str | None = None,
        plot: str | None = None,
        samples: int = 1000,
        seed: int = 0,
        predictions: str | None = None,
    ) -> None:
        """Print the report of a model on texts with targets; the score is the first of its figures."""
        if plot is not None:
            from nlmkit.plots.figure import check_plot

            check_plot(plot)
        if predictions is not None:
            check_predictions(predictions)
        form = Form(format, label_column, text_column)
        pipeline = for_source(component.pipeline_, encoding, errors, self.marks_or(marks))
        with progress(quiet=quiet) as display:
            if display is not None:
                display.start("reading labelled texts")
            data = self.read_test(component, texts, form, pipeline)
            print_notes(data, quiet=quiet)
            if display is not None:
                display.start("predicting")
            if predictions is None:
                report = cast(Any, component).report(data, resamples=samples, seed=seed)
            else:
                own, guesses, rows = self.predicted(component, data)
                report = component.report_on(own, resamples=samples, seed=seed, predictions=guesses)
            further = self.further(component, data)
            if predictions is not None:
                write_predictions(predictions, rows)
        if plot is not None:
            self.draw(report, plot, model)
        if as_json:
            score = getattr(report, next(iter(report.headings)))
            output.write_json({"model": model, "kind": component.kind, "score": score, **further, **report.to_dict()})
        else:
            for name, value in further.items():
                figure = figure_text(value) if isinstance(value, float) else str(value)
                output.write(f"{name.replace('_', ' ')}  {figure}\n")
            output.write(report.render() + "\n")
