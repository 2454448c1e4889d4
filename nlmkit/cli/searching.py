"""Options of the search for a target, which ``translate`` and ``score`` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import click

from nlmkit.cli.options import after

_Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def search_options(prefix: str = "") -> dict[str, _Option]:
    """Return the options by parameter, which is what ``SequenceToSequence.n_best`` calls it.

    Args:
        prefix: Beginning of their help.
    """
    return {
        "beam": click.option(
            "--beam",
            type=click.IntRange(min=1),
            metavar="N",
            help=after(prefix, "hypotheses that search keeps; 1 is greedy search.  [default: 5]"),
        ),
        "normalization": click.option(
            "--normalization",
            type=click.Choice(["none", "average", "gnmt"]),
            help=after(
                prefix,
                "divisor of a hypothesis' log-probability: none, its length (average), or the length penalty "
                "of GNMT.  [default: gnmt]",
            ),
        ),
        "alpha": click.option(
            "--alpha",
            type=click.FloatRange(min=0),
            help=after(prefix, "exponent of the length penalty of GNMT.  [default: 0.6]"),
        ),
        "coverage": click.option(
            "--coverage",
            type=click.FloatRange(min=0),
            help=after(prefix, "weight of GNMT's coverage penalty, for models with attention.  [default: 0]"),
        ),
        "max_length": click.option(
            "--max-length",
            type=click.IntRange(min=1),
            metavar="N",
            help=after(prefix, "maximum number of tokens of a target.  [default: as --max-ratio says]"),
        ),
        "max_ratio": click.option(
            "--max-ratio",
            type=click.FloatRange(min=0),
            metavar="RATIO",
            help=after(
                prefix,
                "maximum number of tokens of a target per token of its source, besides 10.  [default: by training]",
            ),
        ),
        "min_length": click.option(
            "--min-length",
            type=click.IntRange(min=0),
            metavar="N",
            help=after(prefix, "minimum number of tokens of a target."),
        ),
        "allow_unk": click.option(
            "--allow-unk",
            is_flag=True,
            default=None,
            allow_from_autoenv=False,
            help=after(prefix, "allow <unk> in a target."),
        ),
        "replace_unknown": click.option(
            "--replace-unknown",
            is_flag=True,
            default=None,
            allow_from_autoenv=False,
            help=after(prefix, "replace <unk> in a target by the source token that has most attention."),
        ),
        "language_model": click.option(
            "--language-model",
            metavar="MODEL",
            help=after(
                prefix, "saved language model of targets, whose log-probabilities are added in search (shallow fusion)."
            ),
        ),
        "lm_weight": click.option(
            "--lm-weight",
            type=click.FloatRange(min=0, min_open=True),
            metavar="WEIGHT",
            help=after(prefix, "weight of the log-probabilities of --language-model."),
        ),
    }


NAMES: Final = tuple(search_options())


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some options that were given and belong to search."""
    values = {name: options.get(name) for name in NAMES}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def check_search(options: Mapping[str, Any]) -> None:
    """Raise an error for options of search that mean nothing beside the others.

    Raises:
        click.UsageError: There is one.
    """
    for one, other in (("language_model", "lm_weight"), ("lm_weight", "language_model")):
        if options.get(one) is not None and options.get(other) is None:
            raise click.UsageError(f"{_flag(one)} requires {_flag(other)}")
    if options.get("alpha") is not None and options.get("normalization") in ("none", "average"):
        raise click.UsageError("--alpha is an exponent of --normalization gnmt: omit it")
    longest, shortest = options.get("max_length"), options.get("min_length")
    if longest is not None and shortest is not None and shortest > longest:
        raise click.UsageError(f"--min-length {shortest} is more than --max-length {longest}")


def search_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return given options as arguments of ``n_best``; loads the language model.

    Raises:
        NlmkitError: The language model is of another kind, or cannot be loaded.
    """
    found = given(options)
    if "language_model" in found:
        from nlmkit.cli.texts import load_language_model

        found["language_model"] = load_language_model(found["language_model"])
    return found


def refuse_search(options: Mapping[str, Any], why: str) -> None:
    """Raise an error if options of search were given.

    Raises:
        click.UsageError: Some were.
    """
    if names := given(options):
        raise click.UsageError(f"{', '.join(map(_flag, names))}: {why}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
