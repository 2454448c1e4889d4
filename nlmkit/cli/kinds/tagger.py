"""``fit`` and ``score`` for taggers: span F1, or accuracy for tags without spans, on tagged sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import click

from nlmkit.cli import output
from nlmkit.cli.kinds.merging import merged
from nlmkit.cli.kinds.options import PLOT, SAMPLES, SEED
from nlmkit.cli.kinds.part import Job, Option, Part
from nlmkit.cli.options import for_source, given_tokenizer
from nlmkit.cli.predictions import PREDICTIONS, check_predictions, write_predictions
from nlmkit.cli.progress import progress
from nlmkit.cli.tagged import FORMATS, Layout, changed, column_options, read_tagged, with_feature_names
from nlmkit.core.kinds import kind_called
from nlmkit.core.notes import note
from nlmkit.core.processes import is_main_process
from nlmkit.errors import NlmkitError
from nlmkit.text.tag_schemes import PLAIN, SCHEMES

if TYPE_CHECKING:
    from nlmkit.core.component import Component
    from nlmkit.core.progress import Progress
    from nlmkit.taggers.base import Tagger
    from nlmkit.taggers.judging import PredictedTags
    from nlmkit.text import TextPipeline
    from nlmkit.text.marks import Marks
    from nlmkit.text.tagged import TaggedSentences

COLUMN_OPTIONS: Final = column_options("Tagger: ")
SCHEME: Final[Option] = click.option(
    "--scheme",
    type=click.Choice(SCHEMES, case_sensitive=False),
    help="Tagger: scheme of the tags in the files.  [default: detected]",
)


class TaggerPart(Part):
    """Part of the command line for taggers, which read files with a tag for each token."""

    kind = kind_called("tagger")
    always_reads = True
    fit_options: ClassVar[Mapping[str, Option]] = {**COLUMN_OPTIONS, "scheme": SCHEME}
    sets_parameters = ("scheme",)
    formats = frozenset(FORMATS)
    score_needs = "TEST"
    score_flags: ClassVar[Mapping[str, Option]] = {
        **COLUMN_OPTIONS,
        "scheme": SCHEME,
        "samples": SAMPLES,
        "seed": SEED,
        "plot": PLOT,
        "predictions": PREDICTIONS,
    }
    score_shared = frozenset({"errors", "marks", "format"})

    # ------------------------------------------------------------------------------------------------------- fit

    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the format; where the columns are is said by options of this kind alone."""
        return ("format",)

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
        """Hyper-parameters, with what ``--scheme``, ``--lowercase`` and ``--unicode-form`` set of them.

        Raises:
            click.UsageError: an option contradicts ``-p``.
        """
        set_here = {"scheme": options["scheme"], "lowercase": pipeline.lowercase, "unicode_form": pipeline.unicode_form}
        return merged(values, origins, set_here, set_by)

    def check(self, job: Job) -> None:
        """Nothing contradicts anything else."""

    def resolved(self, job: Job) -> dict[str, Any]:
        """All settings; how words are looked up and the scheme are among the hyper-parameters."""
        layout = dataclasses.asdict(_layout(job))
        return {
            **job.named(),
            **{name: list(value) if isinstance(value, tuple) else value for name, value in layout.items()},
            **_raw_tokenizer(job),
            "encoding": job.pipeline.encoding,
            "errors": job.pipeline.errors,
            **self.unusual_marks(job.pipeline),
            "params": job.fitted.params_as_json(),
        }

    def config(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """All but the hyper-parameters."""
        return {name: value for name, value in resolved.items() if name != "params"}

    def read(self, job: Job, display: Progress | None) -> tuple[TaggedSentences, TaggedSentences | None]:
        """Tagged sentences; the held-out ones may be in another scheme than those for training."""
        if display is not None:
            display.start("reading tagged sentences")
        arguments, decoding = _layout(job).arguments(), job.pipeline.decoding
        stated = cast("Tagger", job.fitted).scheme
        data = read_tagged(job.train, arguments, stated, decoding)
        data = _with_tokenizer(data, **_raw_tokenizer(job))
        own = stated or _plain_or_detected(data.scheme)
        held_out = None if job.valid is None else read_tagged((job.valid,), arguments, own, decoding)
        _print_notes(data, quiet=job.quiet)
        return data, held_out

    def facts(self, fitted: Component, data: TaggedSentences | None = None) -> dict[str, Any]:
        """Return the tags and their scheme too; the sizes of the training data are in the report of the fit."""
        tagger = cast("Tagger", fitted)
        return super().facts(fitted, data) | {"scheme": tagger.scheme_, "tags": list(tagger.tags_)}

    # ----------------------------------------------------------------------------------------------------- score

    def score(
        self,
        model: str,
        component: Tagger,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        errors: str | None = None,
        marks: Marks | None = None,
        format: str | None = None,
        word_column: int | str | None = None,
        tag_column: int | str | None = None,
        feature_column: tuple[int | str, ...] | None = None,
        scheme: str | None = None,
        plot: str | None = None,
        samples: int = 1000,
        seed: int = 0,
        predictions: str | None = None,
    ) -> None:
        """Print the report of a tagger on tagged sentences; the score is its F1, or its accuracy.

        Raises:
            NlmkitError: The tagger's tags are plain, and the scheme is one of spans.
        """
        from nlmkit.taggers.judging import predicted_tags, report_on

        self.check_scheme(model, component, scheme)
        if plot is not None:
            from nlmkit.plots.figure import check_plot

            check_plot(plot)
        if predictions is not None:
            check_predictions(predictions)
        layout = Layout(format=format, word_column=word_column, tag_column=tag_column, feature_column=feature_column)
        pipeline = for_source(component.pipeline_, encoding, errors, self.marks_or(marks))
        with progress(quiet=quiet) as display:
            if display is not None:
                display.start("reading tagged sentences")
            data = self.read_test(component, texts, layout, scheme, pipeline)
            _print_notes(data, quiet=quiet)
            if display is not None:
                display.start("tagging")
            judged = predicted_tags(component, data)
            report = report_on(component, judged, resamples=samples, seed=seed)
            if predictions is not None:
                write_predictions(predictions, list(_predictions(component, judged)))
        if plot is not None:
            from nlmkit.plots.tagging import plot_report

            plot_report(report, plot, title=model)
        if as_json:
            output.write_json({"model": model, "kind": component.kind, "score": report.score, **report.to_dict()})
        else:
            output.write(report.render() + "\n")

    def check_scheme(self, model: str, component: Tagger, scheme: str | None) -> None:
        """Raise an error for a scheme of spans if the tags of a tagger are plain.

        Raises:
            NlmkitError: It is one.
        """
        if component.scheme_ == PLAIN and scheme not in (None, PLAIN):
            raise NlmkitError(f"{model}: its tags are plain and form no spans: omit --scheme {scheme}")

    def read_test(
        self, component: Tagger, texts: tuple[str, ...], layout: Layout, scheme: str | None, pipeline: TextPipeline
    ) -> TaggedSentences:
        """Return tagged sentences that are laid out as in training, where the layout does not say otherwise.

        Raises:
            DataError: A file is missing, or a line is malformed.
        """
        arguments = layout.arguments(component.layout_)
        known = None if arguments.get("format") == "segmented" else _plain_or_detected(component.scheme_)
        data = read_tagged(texts, arguments, scheme or known, pipeline.decoding)  # that format has its own scheme
        return data if layout.feature_column is None else with_feature_names(data, component.feature_names_)

    # ------------------------------------------------------------------------------------------------------ show

    def draw_model(self, model: str, component: Component, path: str) -> None:
        """Draw the transition scores of a tagger that has one for each pair of tags.

        Raises:
            NlmkitError: it has none.
        """
        from nlmkit.taggers.chain_tagger import ChainTagger

        tagger = cast("Tagger", component)
        chain = tagger.chain() if isinstance(tagger, ChainTagger) else None
        if chain is None or len(chain.start) != len(tagger.tags_):
            raise NlmkitError(f"{model}: {tagger.name} has no scores of transitions between tags; omit --plot")
        from nlmkit.plots.transitions import plot_transitions

        plot_transitions(chain, tagger.tags_, path, title=model)


PART = TaggerPart()


def _predictions(tagger: Tagger, judged: PredictedTags) -> Iterator[dict[str, Any]]:
    """Yield sentence, position, token, truth, prediction, and the prediction's probability, of each token."""
    own = str(judged.gold.scheme)
    shown = judged.predicted if judged.predicted.scheme == own else judged.predicted.in_scheme(own)[0]
    places = {tag: place for place, tag in enumerate(tagger.tags_)}
    for index, rows in enumerate(tagger.predict_marginals(judged.gold.without_tags())):
        inner = judged.predicted.tags_of(index)
        tags = zip(judged.gold.sentence(index), judged.gold.tags_of(index), shown.tags_of(index), strict=True)
        for position, (token, truth, prediction) in enumerate(tags):
            probability = float(rows[position][places[inner[position]]])
            place = {"sentence": index + 1, "position": position + 1, "text": token}
            yield {**place, "truth": truth, "prediction": prediction, "probability": probability}


def _layout(job: Job) -> Layout:
    return Layout(format=job.form.format, **{name: job.options[name] for name in COLUMN_OPTIONS})


def _plain_or_detected(scheme: str | None) -> str | None:
    """Return the scheme to read further files in: plain as in training, or None to detect that of their spans.

    IOB2 tags read as IOB1 or BIOES give the same spans, but another accuracy.
    """
    return PLAIN if scheme == PLAIN else None


def _raw_tokenizer(job: Job) -> dict[str, str]:
    """Return ``tokenizer``, which raw text is to be read with, if it was given."""
    return {"tokenizer": given_tokenizer(job.pipeline)} if "tokenizer" in job.origins else {}


def _with_tokenizer(data: TaggedSentences, tokenizer: str | None = None) -> TaggedSentences:
    """Return sentences of which raw text is read with another tokenizer.

    Raises:
        click.UsageError: their tokens are characters.
    """
    if tokenizer in (None, data.tokenizer):
        return data
    if data.tokenizer == "char":
        raise click.UsageError("--tokenizer: the tokens of segmented text are its characters; omit it")
    return changed(data, tokenizer=tokenizer)


def _print_notes(data: TaggedSentences, *, quiet: bool) -> None:
    if not quiet and is_main_process():
        for text in data.notes:
            note(text)
