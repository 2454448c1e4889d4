"""``nlmkit update``: add text to a saved n-gram model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import (
    decoding_options,
    for_source,
    json_option,
    output_option,
    quiet_option,
    refuse_stdin_twice,
    text_column_options,
)
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.cli.text_arguments import text_argument
from nlmkit.core.run import RunOptions
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.text.marks import Marks


@click.command(
    "update",
    cls=Command,
    epilog=examples(
        "nlmkit fit ngram 2024.txt -o lm -p keep_counts=true",
        "nlmkit update lm 2025.txt -o lm-2025",
    ),
)
@click.argument("model")
@text_argument()
@output_option
@click.option("--valid", metavar="FILE", help="Held-out text, as for `nlmkit fit`.")
@text_column_options
@decoding_options
@quiet_option
@json_option
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    output: str | None,
    valid: str | None,
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Add TEXT to the n-gram model MODEL, and save the result to the folder given by -o, which can be MODEL.

    MODEL must have been fitted with -p keep_counts=true, without vocabulary_size and min_count. The result equals the
    model fitted to the old text followed by TEXT: counts are added, and discounts and probabilities estimated again.
    """
    if not output:
        raise click.UsageError("missing the folder of the new model (-o)")
    started = time.perf_counter()
    refuse_stdin_twice([*texts, valid])
    refuse_conflicts([Output("-o", output, is_model=True)], [*texts, valid])
    refuse_output(output)
    from nlmkit.cli.texts import load_language_model, read_texts
    from nlmkit.language_models.ngram.model import NGram

    component = load_language_model(model)
    if not isinstance(component, NGram):
        raise NlmkitError(f"{model}: text cannot be added to a {component.name}, only to an ngram")
    column = choose_text_column(text_column, text_format)
    pipeline = for_source(component.pipeline_, encoding, errors, marks)
    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, pipeline, display, "reading text", column)
        held_out = None if valid is None else read_texts([valid], pipeline, display, f"reading {valid}", column)
        component.update(corpus, valid=held_out, run=RunOptions(progress=display))
    save(component, output, quiet=quiet)
    print_fitted(fit_facts(component, output, time.perf_counter() - started, corpus), as_json=as_json, quiet=quiet)
