"""Options with a number as value that several commands or options have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from nlmkit.cli.kinds.part import Option

samples_option: Final = click.option(
    "--samples",
    type=click.IntRange(0, 10_000_000),
    default=1000,
    show_default=True,
    help="Number of samples for intervals and p-values; 0 for none.",
)


def seconds_option(flag: str, default: float, about: str) -> Option:
    """Return an option for a limit of time in seconds.

    Args:
        flag: Name of the option, such as ``--time-limit``.
        default: Value where it is not given.
        about: Help.
    """
    return click.option(
        flag,
        type=click.FloatRange(min=0.01, max=3600),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=about,
    )
