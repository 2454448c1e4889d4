"""``fit`` and ``score`` for sequence-to-sequence models: BLEU, chrF and perplexity on sources with targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click

from nlmkit.cli import output
from nlmkit.cli.kinds.merging import merged
from nlmkit.cli.kinds.options import SAMPLES, SEED
from nlmkit.cli.kinds.part import Job, Option, Part
from nlmkit.cli.options import for_source, given_tokenizer
from nlmkit.cli.pairs import FORMATS, PairFiles, pair_options, print_notes
from nlmkit.cli.predictions import PREDICTIONS, check_predictions, write_predictions
from nlmkit.cli.progress import progress
from nlmkit.cli.searching import check_search, search_arguments, search_options
from nlmkit.core.kinds import kind_called

if TYPE_CHECKING:
    from nlmkit.core.component import Component
    from nlmkit.core.progress import Progress
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text import TextPipeline
    from nlmkit.text.marks import Marks
    from nlmkit.text.parallel import ParallelTexts

_PREFIX = "Sequence to sequence: "
_FILES = pair_options(_PREFIX, of_valid=True)
_VALID = tuple(name for name in _FILES if name.startswith("valid_"))


class SequenceToSequencePart(Part):
    """Part of the command line for sequence-to-sequence models, which read sources with their targets."""

    kind = kind_called("sequence-to-sequence")
    marks = "error"
    always_reads = True
    fit_options: ClassVar[Mapping[str, Option]] = _FILES
    formats = FORMATS
    score_needs = "TEST.tsv"
    score_flags: ClassVar[Mapping[str, Option]] = {
        **{name: option for name, option in _FILES.items() if name not in _VALID},
        **search_options(_PREFIX),
        "samples": SAMPLES,
        "seed": SEED,
        "predictions": PREDICTIONS,
    }
    score_shared = frozenset({"errors", "marks", "format"})
    counted = "predictable types of targets"

    # ------------------------------------------------------------------------------------------------------- fit

    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the format; sources and targets are named by options of this kind alone."""
        return ("format",)

    def names_text(self, options: Mapping[str, Any]) -> bool:
        """Return whether files of sources or targets are named."""
        return not PairFiles.of_options((), options).needs_files

    def inputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the files of sources, targets and vectors, and the folder of the representation."""
        of_valid = [options[name] for name in _VALID if options.get(name) is not None]
        language_model = [options["language_model"]] if options.get("language_model") is not None else []
        return (*PairFiles.of_options((), options).inputs, *of_valid, *language_model)

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
        """Hyper-parameters, with what ``--tokenizer``, ``--lowercase`` and ``--unicode-form`` set of them.

        ``--tokenizer`` is that of both sides.

        Raises:
            click.UsageError: an option contradicts ``-p``.
        """
        set_here: dict[str, Any] = {"lowercase": pipeline.lowercase, "unicode_form": pipeline.unicode_form}
        by = dict(set_by)
        if "tokenizer" in by:
            sides = [name for name in ("source_tokenizer", "target_tokenizer") if name in cls.hyper_parameters()]
            set_here |= dict.fromkeys(sides, given_tokenizer(pipeline))
            by |= dict.fromkeys(sides, by.pop("tokenizer"))
        return merged(values, origins, set_here, by)

    def check(self, job: Job) -> None:
        """Raise an error for options that do not suit the sources of the model, or that contradict each other."""
        takes = cast("SequenceToSequence", job.fitted).takes
        _training(job).check(takes, job.component)
        held_out = _held_out(job)
        if held_out is not None:
            held_out.check(takes, job.component)

    def resolved(self, job: Job) -> dict[str, Any]:
        """All settings; how texts become tokens is among the hyper-parameters."""
        named = {name: list(value) if isinstance(value, tuple) else value for name, value in job.options.items()}
        return {
            **job.named(),
            **{name: value for name, value in named.items() if name in _FILES},
            "format": job.form.format,
            "encoding": job.pipeline.encoding,
            "errors": job.pipeline.errors,
            **self.unusual_marks(job.pipeline),
            "params": {**job.fitted.params_as_json(), **job.segmenters},
        }

    def config(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """All but the hyper-parameters."""
        return {name: value for name, value in resolved.items() if name != "params"}

    def read(self, job: Job, display: Progress | None) -> tuple[ParallelTexts, ParallelTexts | None]:
        """Sources with their targets."""
        if display is not None:
            display.start("reading pairs")
        takes = cast("SequenceToSequence", job.fitted).takes
        of_valid = _held_out(job)
        held_out = None if of_valid is None else of_valid.read(takes, job.pipeline.decoding)
        return _training(job).read(takes, job.pipeline.decoding), held_out

    def facts(self, fitted: Component, data: ParallelTexts | None = None) -> dict[str, Any]:
        """Return the vocabulary of targets with ``<unk>`` and ``</s>``, and the size of the source side."""
        model = cast("SequenceToSequence", fitted)
        sizes: dict[str, Any] = {"vocabulary_size": model.vocabulary_.size_predictable}
        if model.source_vocabulary_ is not None:
            sizes["source_vocabulary_size"] = len(model.source_vocabulary_)
        return sizes if model.dimension_ is None else sizes | {"dimension": model.dimension_}

    # ----------------------------------------------------------------------------------------------------- score

    def score(
        self,
        model: str,
        component: SequenceToSequence,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        errors: str | None = None,
        marks: Marks | None = None,
        format: str | None = None,
        samples: int = 1000,
        seed: int = 0,
        predictions: str | None = None,
        **options: Any,
    ) -> None:
        """Print the report of a model on sources with targets; the score is the mean log-probability per event."""
        files = PairFiles.of_options(texts, options, format=format)
        files.check(component.takes, model)
        check_search(options)
        if predictions is not None:
            check_predictions(predictions)
        search = search_arguments(options)
        pipeline = for_source(component.pipeline_, encoding, errors, self.marks_or(marks))
        with progress(quiet=quiet) as display:
            if display is not None:
                display.start("reading pairs")
            data = files.read(component.takes, pipeline.decoding)
            print_notes(data, quiet=quiet)
            if display is not None:
                display.start("translating")
            report = component.report(data, resamples=samples, seed=seed, **search)
        if predictions is not None:
            write_predictions(predictions, list(_predictions(data, report.predictions)))
        if as_json:
            output.write_json({"model": model, "kind": component.kind, "score": report.score, **report.to_dict()})
        else:
            output.write(report.render() + "\n")


PART = SequenceToSequencePart()


def _predictions(data: ParallelTexts, found: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield text (the source, where it is one), truth and prediction of each pair.

    Args:
        data: The pairs.
        found: The prediction for each different source.
    """
    distinct, references = data.references()
    sources = None if data.dimension is not None else data.required_texts()
    for first, own, prediction in zip(distinct.tolist(), references, found, strict=True):
        for truth in own:
            text = {} if sources is None else {"text": sources[first]}
            yield {**text, "truth": truth, "prediction": prediction}


def _training(job: Job) -> PairFiles:
    return PairFiles.of_options(job.train, job.options, format=job.form.format)


def _held_out(job: Job) -> PairFiles | None:
    """Return where the held-out pairs are; None where there are none."""
    options = job.options
    valid = {name.removeprefix("valid_"): options[name] for name in _VALID}
    if job.valid is None and not any(value is not None for value in valid.values()):
        return None
    source, target = (None if valid[name] is None else (valid[name],) for name in ("source", "target"))
    if job.valid is None and source is None and target is None:
        raise click.UsageError("--valid-vectors requires --valid, the text beside them")
    return PairFiles(
        files=() if job.valid is None else (job.valid,),
        source=source,
        target=target,
        vectors=valid["vectors"],
        vector_key=None if valid["vectors"] is None else options["vector_key"],
        representation=options["representation"],
        format=None if target is not None else job.form.format,
        of="--valid-",
    )
