"""``nlmkit mix``: mix n-gram models into one."""

from __future__ import annotations

import time
from typing import Any

import click

from nlmkit.cli.group import Command, examples
from nlmkit.cli.ngrams import read_ngrams
from nlmkit.cli.options import json_option, output_option, quiet_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.summary import fit_facts, print_fitted, refuse_output, save
from nlmkit.core.run import RunOptions


def _numbers(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Return the weights of ``--weights``."""
    del ctx, parameter
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected numbers with commas between them, such as 0.7,0.3, not {value!r}") from None


@click.command(
    "mix",
    cls=Command,
    epilog=examples(
        "nlmkit mix news talk --valid valid.txt -o mixed",
        "nlmkit mix news.arpa talk.arpa.gz --weights 0.7,0.3 -o mixed",
        "nlmkit export mixed mixed.arpa",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--valid", metavar="FILE", help="Validation text to fit the weights on, by EM.")
@click.option(
    "--weights", metavar="NUMBERS", callback=_numbers, help="Weights of the models instead, such as 0.7,0.3; sum one."
)
@click.option(
    "--unknown",
    type=click.Choice(["share", "zero"]),
    default="share",
    show_default=True,
    help="Probability that a model gives to a word that only others know: an equal share of its <unk>, or zero.",
)
@output_option
@quiet_option
@json_option
def command(
    *,
    models: tuple[str, ...],
    valid: str | None,
    weights: tuple[float, ...] | None,
    unknown: Any,
    output: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Mix the n-gram models MODEL... (saved models or .arpa files) into one and save it to the folder of -o.

    The mixed model has the n-grams and words of all, and their linearly interpolated probabilities; backoff weights
    are computed anew. It is queried and exported in the time and size of one model, where a `mixture`, which any
    models can be in, keeps its members.

    ARPA files read text as the first saved model does; if all are ARPA files, their text is split at spaces. `nlmkit
    import` reads them with another tokenizer.
    """
    if not output:
        raise click.UsageError("missing MODEL (-o)")
    if (valid is None) == (weights is None):
        raise click.UsageError("mixing requires either --valid FILE or --weights NUMBERS")
    refuse_conflicts([Output("-o", output, is_model=True)], [*models, valid])
    refuse_output(output)
    from nlmkit.language_models.ngram.mixing import static_mix

    started = time.perf_counter()
    with progress(quiet=quiet) as display:
        run = RunOptions(progress=display)
        members = read_ngrams(models, run)
        mixed = static_mix(members, weights=weights, valid=valid, unknown=unknown, run=run)
    save(mixed, output, quiet=quiet)
    print_fitted(fit_facts(mixed, output, time.perf_counter() - started), as_json=as_json, quiet=quiet)
