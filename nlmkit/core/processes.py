"""Rank of this process among those started by ``torchrun``, from the environment."""

from __future__ import annotations

import os

from nlmkit.core.parameters import shown
from nlmkit.errors import NlmkitError

_MOST_DIGITS = 9
_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def process_count() -> int:
    """Return the number of processes ``torchrun`` has started, 1 without it."""
    return number_in("WORLD_SIZE") if all(name in os.environ for name in _VARIABLES) else 1


def is_main_process() -> bool:
    """Return whether this process is the one that writes files and prints results."""
    return process_count() == 1 or number_in("RANK") == 0


def number_in(variable: str, default: int | None = None) -> int:
    """Return the whole number in an environment variable.

    Raises:
        NlmkitError: it holds something else, or is unset and there is no default.
    """
    text = os.environ.get(variable, "" if default is None else str(default))
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise NlmkitError(
            f"the environment variable {variable} is {shown(text)}, not a number: start nlmkit with torchrun"
        )
    return int(text)
