"""``nlmkit import``: make a saved model from a file of another program."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nlmkit.cli import formats
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option, output_option, pipeline_options, quiet_option
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output
from nlmkit.components import RunOptions

if TYPE_CHECKING:
    from nlmkit.text import TextPipeline


@click.command(
    "import",
    cls=Command,
    epilog=examples(
        "nlmkit import lm.arpa -o lm",
        "nlmkit import zh.arpa.gz -o zh --tokenizer char",
        "nlmkit perplexity lm test.txt",
    ),
)
@click.argument("file")
@output_option
@click.option("--format", "file_format", type=click.Choice(formats.NAMES), help="Format, where FILE does not tell it.")
@pipeline_options
@quiet_option
@json_option
def command(
    *, file: str, output: str | None, file_format: str | None, pipeline: TextPipeline, quiet: bool, as_json: bool
) -> None:
    """Read FILE (.arpa or .arpa.gz, from KenLM, SRILM and others) and save the model to the folder MODEL.

    Say with --tokenizer, --lowercase and so on how the text was prepared that the model was estimated from: the saved
    model reads text that way.
    """
    if not output:
        raise click.UsageError("missing MODEL (-o)")
    formats.format_of(file, file_format)
    refuse_output(output)
    from nlmkit.language_models.ngram import NGram

    started = time.perf_counter()
    with progress(quiet=quiet) as display:
        imported = NGram.from_arpa(Path(file), pipeline=pipeline, run=RunOptions(progress=display))
    imported.save(output)
    print_fitted(fit_facts(imported, output, time.perf_counter() - started), as_json=as_json, quiet=quiet)
