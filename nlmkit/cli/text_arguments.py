"""Texts of commands: arguments, ``--text``, or standard input."""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from nlmkit.cli.output import note
from nlmkit.cli.outputs import CORPUS_PREFIXES, STDIN


def text_argument(*, typed: bool = False, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the parameter ``texts`` to a command: ``TEXT...``, ``--text TEXT``, otherwise standard input.

    Args:
        typed: Whether to read typed lines if standard input is a terminal.
        required: Whether a text is required; otherwise the default is an empty tuple.
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
            help="Text, as an alternative to the argument.  [default: standard input]",
        )
        return click.argument("texts", nargs=-1, metavar="[TEXT]...")(option(with_texts))

    return decorate


def standard_input(what: str, *, typed: bool = False) -> tuple[str, ...]:
    """Return standard input as the only text if it is a pipe or a file.

    Args:
        what: Name of the missing argument otherwise, such as ``TEXT``.
        typed: Whether a terminal is allowed.

    Raises:
        click.UsageError: It is a terminal, or closed.
    """
    if sys.stdin is not None and not sys.stdin.isatty():
        return (STDIN,)
    if sys.stdin is None or not typed:
        raise click.UsageError(f"missing {what}: pass a file, or pipe text in (< FILE); - reads typed lines")
    note("reading typed lines; press Ctrl-D to end")
    return (STDIN,)


def is_text(name: str) -> bool:
    """Return whether a name is that of a text rather than of a saved model, which is a folder."""
    if name == STDIN or name.startswith(CORPUS_PREFIXES):
        return True
    try:
        return not stat.S_ISDIR(os.stat(name).st_mode)
    except (OSError, ValueError):
        return False


def models_and_texts(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split names into those of saved models and those of texts."""
    models = tuple(name for name in names if not is_text(name))
    return models, tuple(name for name in names if is_text(name))
