"""File formats of other programs, told by a file's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from nlmkit.representations import formats as vectors

ARPA: Final = "arpa"
"""The format of n-gram models."""

TEXT: Final = "vectors as text"
"""What a ``.txt`` to import holds; its first line tells which of the formats it is."""

NAMES: Final = (ARPA, *vectors.FORMATS)
"""Names of the formats."""

_SUFFIXES: Final[Mapping[str, str]] = {f".{ARPA}": ARPA, **vectors.SUFFIXES}


def format_to_import(file: str, chosen: str | None) -> str:
    """The format ``chosen``, or the one that the name of the file to import tells: one of ``NAMES``, or ``TEXT``.

    Raises:
        click.UsageError: neither says which.
    """
    return _format(file, chosen, {**_SUFFIXES, vectors.TEXT_SUFFIX: TEXT})


def format_to_export(file: str, chosen: str | None) -> str:
    """Return the format ``chosen``, or the one that the name of the file to write tells.

    Raises:
        click.UsageError: neither says which.
    """
    return _format(file, chosen, _SUFFIXES)


def _format(file: str, chosen: str | None, suffixes: Mapping[str, str]) -> str:
    if file == "-":
        raise click.UsageError("- is no file here: models are imported from files and exported to files")
    if chosen is not None:
        return chosen
    told = suffixes.get(vectors.suffix_of(file))
    if told is None:
        raise click.UsageError(
            f"the name {file!r} does not tell the format: let it end in {', '.join(suffixes)} (and .gz), "
            "or give --format"
        )
    return told
