"""``nlmkit score --predictions FILE``: what was predicted for each item, beside the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import click

from nlmkit.cli import output
from nlmkit.cli.kinds.part import Option
from nlmkit.core.markup import comma_separated
from nlmkit.errors import DataError
from nlmkit.saving.written import written

PREDICTIONS: Final[Option] = click.option(
    "--predictions",
    metavar="FILE",
    allow_from_autoenv=False,
    help="Classifier, regressor, tagger, sequence to sequence: also write truth and prediction of each text, token or "
    "source to a file: .tsv, .csv or .jsonl.",
)

_SUFFIXES: Final = (".tsv", ".csv", ".jsonl")

Row = dict[str, Any]


def check_predictions(path: str) -> None:
    """Raise an error, before the work, for a file that predictions cannot be written to.

    Raises:
        DataError: The suffix is unknown, or the folder is not writable.
    """
    from nlmkit.plots.figure import check_folder

    if Path(path).suffix.lower() not in _SUFFIXES:
        raise DataError(f"unknown format of predictions: use a file name in {', '.join(_SUFFIXES)}", source=path)
    check_folder(path, what="file")


def write_predictions(path: str, rows: Sequence[Row]) -> None:
    """Write rows in the format of the file's suffix, replacing the file at the end.

    Raises:
        OSError: The file cannot be written.
    """
    writer = {".tsv": _tsv, ".csv": _csv, ".jsonl": _jsonl}[Path(path).suffix.lower()]
    with written(Path(path)) as stream:
        _write(stream, writer(rows))


def _write(stream: IO[bytes], lines: Iterator[str]) -> None:
    for line in lines:
        stream.write(line.encode())


def _tsv(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield "\t".join(rows[0]) + "\n"
    for row in rows:
        yield "\t".join(map(_cell, row.values())) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return output.number(value) if isinstance(value, float) else output.escape_controls(str(value))


def _csv(rows: Sequence[Row]) -> Iterator[str]:
    yield comma_separated(rows)


def _jsonl(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield output.to_json(row) + "\n"
