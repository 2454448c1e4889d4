"""Options of ``fit`` that set hyper-parameters of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

_RANK = {"file": 0, "environment": 1, "flag": 2}


def merged(
    values: Mapping[str, Any], origins: Mapping[str, str], options: Mapping[str, Any], set_by: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return hyper-parameters with what options set of them, and who set these and the other options.

    Of ``-p tokenizer=`` and ``--tokenizer`` the one that was said more directly counts (flag over environment over
    file).

    Args:
        values: The hyper-parameters that were set.
        origins: Who set each of them.
        options: Values of the options that set hyper-parameters.
        set_by: Who set each of the options that were not left at their default, these or others.

    Raises:
        click.UsageError: both were given in one way, and differ.
    """
    found, by = dict(values), dict(origins)
    for name, value in options.items():
        if name not in set_by:
            continue
        if name in found and set_by[name] == by[name] and found[name] != value:
            flag = "--" + name.replace("_", "-")
            raise click.UsageError(f"{flag} and -p {name} contradict each other: use one of them")
        if name not in found or _RANK[set_by[name]] > _RANK[by[name]]:
            found[name], by[name] = value, set_by[name]
    return found, by | {name: who for name, who in set_by.items() if name not in options}
