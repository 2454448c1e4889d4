"""File formats of other programs, detected from file names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from nlmkit.representations import formats as vectors

ARPA: Final = "arpa"
"""The format of n-gram models."""

OPENFST: Final = "openfst"
"""The format of n-gram models as automata, which is only exported."""

TEXT: Final = "vectors as text"
"""Format of a ``.txt`` to import; the first line determines which."""

COUNTS: Final = "counts"
"""Format of n-gram counts to export, one n-gram per line."""

NAMES: Final = (ARPA, *vectors.FORMATS)
"""Names of the formats to import."""

EXPORTED: Final = (ARPA, OPENFST, COUNTS, *vectors.FORMATS)
"""Names of the formats to export."""

_OPENFST_SUFFIXES: Final = (".fst.txt", ".fst.txt.gz")
_SUFFIXES: Final[Mapping[str, str]] = {f".{ARPA}": ARPA, **vectors.SUFFIXES}


def format_to_import(file: str, chosen: str | None) -> str:
    """Return the format ``chosen``, or that of the file name to import: one of ``NAMES``, or ``TEXT``.

    Raises:
        click.UsageError: The format is unknown.
    """
    return _format(file, chosen, {**_SUFFIXES, vectors.TEXT_SUFFIX: TEXT})


def format_to_export(file: str, chosen: str | None) -> str:
    """Return the format ``chosen``, or that of the file name to write.

    Raises:
        click.UsageError: The format is unknown.
    """
    if chosen is None and file.lower().endswith(_OPENFST_SUFFIXES):
        return OPENFST
    return _format(file, chosen, {**_SUFFIXES, _OPENFST_SUFFIXES[0]: OPENFST})


def _format(file: str, chosen: str | None, suffixes: Mapping[str, str]) -> str:
    if file == "-":
        raise click.UsageError("- is not supported: models are imported from and exported to files")
    if chosen is not None:
        return chosen
    told = suffixes.get(vectors.suffix_of(file))
    if told is None:
        raise click.UsageError(
            f"unknown format of {file!r}: use a name that ends in {', '.join(suffixes)} (and .gz), or set --format"
        )
    return told
