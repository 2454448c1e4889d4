"""File formats of other programs, told by a file's name."""

from __future__ import annotations

import click

SUFFIXES = {".arpa": "arpa", ".arpa.gz": "arpa"}
"""Format by suffix."""

NAMES = tuple(dict.fromkeys(SUFFIXES.values()))
"""Names of the formats."""


def format_of(file: str, chosen: str | None) -> str:
    """The format ``chosen``, or the one that the file's name tells.

    Raises:
        click.UsageError: neither says which.
    """
    if file == "-":
        raise click.UsageError("- is no file here: models are imported from files and exported to files")
    if chosen is not None:
        return chosen
    for suffix, name in SUFFIXES.items():
        if file.lower().endswith(suffix):
            return name
    raise click.UsageError(
        f"the name {file!r} does not tell the format: let it end in {' or '.join(SUFFIXES)}, or give --format"
    )
