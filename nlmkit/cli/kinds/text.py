"""``fit`` for the kinds that are fitted to plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli.kinds.part import Job, Part
from nlmkit.cli.options import given_tokenizer, text_column
from nlmkit.core.component import Component
from nlmkit.text.segmenter import component_in
from nlmkit.text.subwords import is_trained

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress
    from nlmkit.text import Corpus, TextPipeline

_KEYS = ("component", "train", "model", "valid", "output", "format", "text_column")


class TextPart(Part):
    """Reads plain text, or a column of a table, as a corpus."""

    def layout_options(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the column of the text, and the layout of the table that has it."""
        return ("format", "text_column") if "text_column" in given else ()

    def pipeline_for(self, fitted: Component, pipeline: TextPipeline, set_by: Mapping[str, str]) -> TextPipeline:
        """Return the pipeline of the model that ``fitted`` contains, with the given options replaced."""
        from nlmkit.text import Decoding, TextPipeline, Tokenization

        found: Iterator[TextPipeline | None]
        found = (getattr(member, "pipeline_", None) for member in fitted.members().values())
        of_member = next((each for each in found if each is not None), None)
        if of_member is None:
            return pipeline

        def own(name: str) -> Any:
            return pipeline if name in set_by else of_member

        decoding = Decoding(own("encoding").encoding, own("errors").errors, pipeline.marks)
        tokens = own("tokenizer").tokenization
        tokenization = Tokenization(tokens.tokenizer, own("lowercase").lowercase, own("unicode_form").unicode_form)
        return TextPipeline.of(decoding, tokenization.with_tokenizer(tokens.resolved_tokenizer))

    def check(self, job: Job) -> None:
        """Refuse the layout of a table without the name of its column."""
        text_column(job.form.text_column, job.form.format)
        if job.pipeline.needs_training and not job.train:
            raise click.UsageError(f"--tokenizer {job.pipeline.tokenizer} is trained on the training text: name it")

    def resolved(self, job: Job) -> dict[str, Any]:
        """All settings; those of the pipeline are a group, and those of a table's layout are there if given."""
        tokenizer = given_tokenizer(job.pipeline)
        pipeline = job.pipeline.to_dict() | {"tokenizer": tokenizer} | self.unusual_marks(job.pipeline)
        return job.named() | {"pipeline": pipeline, "params": job.fitted.params_as_json()} | job.form.given

    def config(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the named texts and how they are read; with a tokenizer of ``--model`` that is left out."""
        pipeline = dict(resolved["pipeline"])
        if component_in(pipeline["tokenizer"]) is not None or is_trained(pipeline["tokenizer"]):
            pipeline["tokenizer"] = None
        return {**{key: resolved[key] for key in _KEYS if key in resolved}, **pipeline}

    def read(self, job: Job, display: Progress | None) -> tuple[Any, Corpus | None]:
        """Return the training text, which some components do without, and the held-out text."""
        read = self.kind.reader()
        column = text_column(job.form.text_column, job.form.format)
        pipeline, held_out = job.pipeline, None
        corpus = None
        if job.training.streams:
            from nlmkit.cli.texts import streamed_texts

            corpus = streamed_texts(job.train, pipeline, column)
        elif job.train:
            corpus = read(job.train, pipeline, display, "reading text", column)
        if corpus is not None and pipeline.needs_training and corpus.pipeline is not None:
            pipeline = pipeline.with_tokenization(corpus.pipeline.tokenization)
        if job.valid is not None:
            held_out = read([job.valid], pipeline, display, f"reading {job.valid}", column)
        return corpus, held_out

    def facts(self, fitted: Component, data: Corpus | None = None) -> dict[str, Any]:
        """Return the size of the training text too."""
        sizes = {} if data is None else {"sentences": data.sentences, "tokens": data.tokens, "types": len(data.types)}
        return ({"corpus": sizes} if sizes else {}) | super().facts(fitted)
