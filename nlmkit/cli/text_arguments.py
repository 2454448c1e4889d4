"""How commands receive their texts: as arguments, with ``--text``, or through standard input."""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from nlmkit.cli.output import note
from nlmkit.cli.outputs import CATALOG_PREFIX, STDIN


def text_argument(*, typed: bool = False, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the texts of a command, passed as ``texts``: ``TEXT...``, ``--text TEXT``, and else standard input.

    Args:
        typed: Whether lines that are typed are read where standard input is a terminal.
        required: Whether there must be a text; otherwise none is an empty tuple.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_texts(**values: Any) -> Any:
            texts = (*values.pop("texts"), *values.pop("named_texts"))
            if required and not texts:
                texts = standard_input("TEXT", typed=typed)
            return function(**values, texts=texts)

        option = click.option(
            "--text",
            "named_texts",
            multiple=True,
            metavar="TEXT",
            allow_from_autoenv=False,
            help="Another way to name a text.  [default: standard input]",
        )
        return click.argument("texts", nargs=-1, metavar="[TEXT]...")(option(with_texts))

    return decorate


def standard_input(what: str, *, typed: bool = False) -> tuple[str, ...]:
    """Standard input as the only text, where it is a pipe or a file.

    Args:
        what: What is missing otherwise, such as ``TEXT``.
        typed: Whether a terminal will do too.

    Raises:
        click.UsageError: it is a terminal, or closed.
    """
    if sys.stdin is not None and not sys.stdin.isatty():
        return (STDIN,)
    if sys.stdin is None or not typed:
        raise click.UsageError(f"missing {what}: name a file, or pipe text in (< FILE); - reads what is typed")
    note("reading the lines that are typed; Ctrl-D ends")
    return (STDIN,)


def is_text(name: str) -> bool:
    """Return whether a name is that of a text, not of a saved model, which is a folder."""
    if name == STDIN or name.startswith(CATALOG_PREFIX):
        return True
    try:
        return not stat.S_ISDIR(os.stat(name).st_mode)
    except (OSError, ValueError):
        return False


def models_and_texts(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split names into those of saved models and those of texts."""
    models = tuple(name for name in names if not is_text(name))
    return models, tuple(name for name in names if is_text(name))
