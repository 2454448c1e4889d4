"""``nlmkit prune``: prune an n-gram model."""

from __future__ import annotations

import time

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.ngrams import read_ngrams
from nlmkit.cli.options import json_option, output_option, quiet_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.core.run import RunOptions


@click.command(
    "prune",
    cls=Command,
    epilog=examples(
        "nlmkit prune kn5 --to 1M -o small",
        "nlmkit prune kn5.arpa --to 20MB -o small",
        "nlmkit prune kn5 --threshold 1e-8 -o small",
        "nlmkit export small small.arpa",
    ),
)
@click.argument("model")
@click.option(
    "--to",
    "size",
    metavar="SIZE",
    help="Largest size: a number of n-grams (1M), or bytes of the saved model (20MB, 20MiB).",
)
@click.option(
    "--threshold", type=float, help="Relative rise in perplexity below which an n-gram is removed (Stolcke 1998)."
)
@output_option
@quiet_option
@json_option
def command(
    *, model: str, size: str | None, threshold: float | None, output: str | None, quiet: bool, as_json: bool
) -> None:
    """Prune the n-gram model MODEL (a saved model or an .arpa file) by relative entropy and save it to another folder.

    By --to, the n-grams whose removal raises the perplexity least are removed until the others fit. Single words always
    stay.

    The probabilities of contexts come from MODEL itself. Where the training text is at hand, `nlmkit fit ngram` with
    -p prune_to=SIZE or -p entropy_prune=THRESHOLD takes them from counts, which is better for Kneser-Ney smoothing.
    """
    if not output:
        raise click.UsageError("missing MODEL (-o)")
    if (size is None) == (threshold is None):
        raise click.UsageError("pruning requires either --to SIZE or --threshold NUMBER")
    refuse_conflicts([Output("-o", output, is_model=True)], [model])
    refuse_output(output)
    started = time.perf_counter()
    with progress(quiet=quiet) as display:
        run = RunOptions(progress=display)
        (read,) = read_ngrams([model], run)
        run.stage("pruning")
        pruned = read.pruned(threshold, to=size)
    save(pruned, output, quiet=quiet)
    print_fitted(fit_facts(pruned, output, time.perf_counter() - started), as_json=as_json, quiet=quiet)
