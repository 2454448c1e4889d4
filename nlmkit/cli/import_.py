"""``nlmkit import``: import a model from a file of another program."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nlmkit.cli import formats
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import given_tokenizer, json_option, output_option, pipeline_options, quiet_option
from nlmkit.cli.outputs import Output, parameter_inputs, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.core.component import Component
from nlmkit.core.memory import as_size, out_of_memory
from nlmkit.core.run import RunOptions

if TYPE_CHECKING:
    from nlmkit.representations.formats.rows import Repeated
    from nlmkit.text import TextPipeline


@click.command(
    "import",
    cls=Command,
    epilog=examples(
        "nlmkit import lm.arpa -o lm --workers 2",
        "nlmkit import zh.arpa.gz -o zh --tokenizer char",
        "nlmkit import glove.6B.100d.txt -o glove --lowercase",
        "nlmkit import GoogleNews-vectors-negative300.bin.gz -o news",
        "nlmkit similar glove harbour",
    ),
)
@click.argument("file")
@output_option
@click.option(
    "--format",
    "--file-format",
    "file_format",
    type=click.Choice(formats.NAMES),
    help="Format of FILE.  [default: by its name]",
)
@click.option(
    "--repeated-words",
    "repeated",
    type=click.Choice(("first", "error")),
    default="first",
    show_default=True,
    help="Handling of duplicate words in a file of vectors: keep the first vector with a note, or raise an error.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that parse an ARPA file; the model is the same.  [default: 1]",
)
@pipeline_options
@quiet_option
@json_option
def command(
    *,
    file: str,
    output: str | None,
    file_format: str | None,
    repeated: Repeated,
    workers: int | None,
    pipeline: TextPipeline,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read FILE and save the model to the folder MODEL: an n-gram model, or word vectors.

    The format is detected from the name: .arpa (from KenLM, SRILM and others); .vec (word2vec text, fastText), .bin
    (word2vec binary) and .txt (word2vec text if its first line is a header, otherwise GloVe). All can be compressed
    (.gz).

    Use --tokenizer, --lowercase and similar options to describe the preprocessing of the model's training text: the
    saved model reads text the same way.
    """
    if not output:
        raise click.UsageError("missing MODEL (-o)")
    told = formats.format_to_import(file, file_format)
    if workers is not None and told != formats.ARPA:
        raise click.UsageError("--workers applies to ARPA files only")
    segmenter = parameter_inputs({"tokenizer": given_tokenizer(pipeline)}, {})
    refuse_conflicts([Output("-o", output, is_model=True)], [file, *segmenter])
    refuse_output(output)
    started = time.perf_counter()
    with progress(quiet=quiet) as display, out_of_memory(f"{file}: reading it", lambda: f"it has {_size(file)}"):
        imported = _read(Path(file), told, pipeline, repeated, RunOptions(progress=display, workers=workers or 1))
    save(imported, output, quiet=quiet)
    print_fitted(fit_facts(imported, output, time.perf_counter() - started), as_json=as_json, quiet=quiet)


def _size(file: str) -> str:
    return as_size(os.path.getsize(file))


def _read(file: Path, told: str, pipeline: TextPipeline, repeated: Repeated, run: RunOptions) -> Component:
    if told == formats.ARPA:
        from nlmkit.language_models.ngram.model import NGram

        return NGram.from_arpa(file, pipeline=pipeline, run=run)
    from nlmkit.representations.base import Vectors

    format = None if told == formats.TEXT else told
    return Vectors.from_file(file, format=format, pipeline=pipeline, repeated=repeated, run=run)
