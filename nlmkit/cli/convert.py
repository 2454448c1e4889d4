"""``nlmkit convert``: keep an n-gram model in another precision."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.ngrams import read_ngrams
from nlmkit.cli.options import json_option, output_option, pipeline_options, quiet_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.core.run import RunOptions

if TYPE_CHECKING:
    from nlmkit.text import TextPipeline


@click.command(
    "convert",
    cls=Command,
    epilog=examples(
        "nlmkit convert kn5 -o kn5-small --precision q8",
        "nlmkit convert lm.arpa.gz -o lm --precision packed",
        "nlmkit convert kn5 -o kn5-single --precision float32",
    ),
)
@click.argument("model")
@output_option
@click.option(
    "--precision",
    required=True,
    help="float64, float32, packed (float32 values, packed words) or quantised to 2 to 16 bits: q2 to q16.",
)
@pipeline_options
@quiet_option
@json_option
def command(
    *, model: str, output: str | None, precision: str, pipeline: TextPipeline, quiet: bool, as_json: bool
) -> None:
    """Save the n-gram MODEL, a folder or an ARPA file, in another precision.

    Probabilities of a packed model equal those of float32. Those of a quantised one are rounded, and after a context no
    longer sum to exactly one; sum_gap, in the saved model's facts, is by how much they differ at most in a sample.

    --tokenizer, --lowercase and similar options describe the text of an ARPA file; a saved model keeps its own.
    """
    if not output:
        raise click.UsageError("missing MODEL (-o)")
    refuse_conflicts([Output("-o", output, is_model=True)], [model])
    refuse_output(output)
    started = time.perf_counter()
    with progress(quiet=quiet) as display:
        run = RunOptions(progress=display)
        (found,) = read_ngrams([model], run, pipeline)
        run.stage(f"converting to {precision}")
        converted = found.converted(precision)
    save(converted, output, quiet=quiet)
    print_fitted(fit_facts(converted, output, time.perf_counter() - started), as_json=as_json, quiet=quiet)
