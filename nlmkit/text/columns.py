"""Text as one column of a table: TSV or CSV with a header, or JSON Lines, read row by row.

Of each row the text is one sentence, or one document; the other columns are kept beside it, so that they can be
written next to what is found out about the text.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.blocks import byte_blocks
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.rows import (
    FORMATS,
    READERS,
    Columns,
    Lines,
    Row,
    RowReader,
    TableFormat,
    field_limit,
    one_line,
    shown_names,
)
from nlmkit.text.sources import CATALOG_PREFIX, ByteReader, ByteSource, Source, expand_names

_SUFFIXES: Final[dict[str, TableFormat]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_TABLES: Final = {".tsv": "tsv", ".tab": "tsv", **_SUFFIXES}
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
_BLOCK_BYTES: Final = 1 << 18
_ROWS_AT_ONCE: Final = 1000
_SAMPLED: Final = 20  # lines that must look alike for a file to look like a table


@dataclass(frozen=True)
class TextColumn:
    """Where the text is in a table.

    Attributes:
        name: Name of the column in the header, or the key of a JSON object; a number that no column is called is the
            column's place, from 1.
        format: ``tsv``, ``csv`` or ``jsonl``; by default that of each file's suffix (.csv, .jsonl, .ndjson), else
            ``tsv``.

    Raises:
        HyperParameterError: The format is unknown.
    """

    name: str
    format: str | None = None

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise HyperParameterError(f"the format of a table must be one of {', '.join(FORMATS)}, not {self.format!r}")


@dataclass(frozen=True, eq=False)
class TableRows:
    """Consecutive rows of one table.

    Attributes:
        texts: The text of each row, line feeds in it replaced by spaces.
        others: The other columns by name, in the order of the table; all tables that are read together have the same.
        records: Each row as it was in the file, decoded, without the line feed that ends it.
        lines: Line of the source on which each row begins, from 1.
        source: Name of the source.
        header: The table's first line as it was, in the rows that follow it at once; None elsewhere.
    """

    texts: list[str]
    others: dict[str, list[Any]]
    records: list[str]
    lines: list[int]
    source: str
    header: str | None = None

    def before(self, line: int) -> TableRows:
        """Return the rows that begin before a line."""
        most = sum(each < line for each in self.lines)
        others = {name: values[:most] for name, values in self.others.items()}
        return replace(
            self, texts=self.texts[:most], others=others, records=self.records[:most], lines=self.lines[:most]
        )

    def corpus(self, pipeline: TextPipeline) -> Corpus:
        """Return the texts as a corpus with one sentence per row.

        Raises:
            DataError: A text cannot be read; names the source and the line.
        """
        with _located([(self.source, line) for line in self.lines]):
            return Corpus.read(iter(self.texts), pipeline)


def format_of(name: str) -> TableFormat:
    """Return the format of a table by its file's name: that of the suffix, else ``tsv``."""
    return _SUFFIXES.get(suffix_of(name), "tsv")


def read_tables(names: Sequence[str], pipeline: TextPipeline, column: TextColumn) -> Corpus:
    """Yield the texts of all rows as one corpus.

    Args:
        names: Paths, directories, ``-``.
        pipeline: How the files are decoded, and how texts become tokens.
        column: Where the text is.

    Raises:
        DataError: A source is missing or malformed, has no such column, or is a corpus of the catalogue, which has no
            header; names the file and the line.
    """
    places: list[tuple[str, int]] = []

    def texts() -> Iterator[str]:
        for rows in stream_tables(names, pipeline.decoding, column):
            places.extend((rows.source, line) for line in rows.lines)
            yield from rows.texts

    with _located(places):
        corpus = Corpus.read(texts(), pipeline)
    return replace(corpus, sources=tuple(dict.fromkeys(names)))


def stream_tables(names: Sequence[str], decoding: Decoding, column: TextColumn) -> Iterator[TableRows]:
    """Read tables bit by bit; from a pipe every complete row comes out at once.

    Raises:
        DataError: As for ``read_tables``, after all rows before the faulty one have come out.
    """
    if corpus := next((name for name in names if name.startswith(CATALOG_PREFIX)), None):
        raise DataError("a corpus has no header, and no columns: omit --text-column", source=corpus)
    first: list[str] | None = None
    for source in expand_names(names):
        for rows in _batches(source, decoding, column):
            names_here = list(rows.others)
            if first is not None and first != names_here:
                raise DataError(
                    f"the other columns are {shown_names(names_here) or 'none'}, and those of the table before "
                    f"{shown_names(first) or 'none'}: "
                    "tables read as one text must have the same columns",
                    source=source.name,
                )
            first = names_here
            yield rows


def looks_like_table(source: Source) -> bool:
    """Return whether a file that is called like a table is laid out like one.

    That is, its first lines have the same number of tabs (.tsv, .tab), at least one, or its first rows the same number
    of fields (.csv), at least two, or they are JSON objects (.jsonl). A pipe is not looked at.
    """
    if not isinstance(source, ByteSource) or source.path is None or not source.path.is_file():
        return False
    form = _TABLES.get(suffix_of(source.name))
    if form is None:
        return False
    try:
        with ByteReader(source, utf8=True) as reader:
            block = next(byte_blocks(reader, Decoding(errors="replace"), source.name, size=_BLOCK_BYTES), None)
    except DataError:  # reading the file raises it
        return False
    lines = [line for line in (block.text().split("\n") if block else ()) if line.strip()][:_SAMPLED]
    if form == "jsonl":
        return bool(lines) and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines)
    widths = {line.count("\t") + 1 for line in lines} if form == "tsv" else _csv_widths(lines)
    return len(lines) > 1 and len(widths) == 1 and widths != {1}


def _csv_widths(lines: Sequence[str]) -> set[int]:
    """Return the number of fields the rows of CSV have; those that the last line may cut off are left out."""
    widths: list[int] = []
    with field_limit(), contextlib.suppress(csv.Error):
        for fields in csv.reader(f"{line}\n" for line in lines):
            widths.append(len(fields))
    is_cut = len(lines) == _SAMPLED and len(set(widths[:-1])) == 1  # a quoted field may go on after the sample
    return set(widths[:-1] if is_cut else widths)


def _batches(source: Source, decoding: Decoding, column: TextColumn) -> Iterator[TableRows]:
    """Yield the rows of one source, in batches of those that are there without waiting."""
    columns = Columns((column.name,), "name it with --text-column", with_others=True)
    reader = READERS[cast(TableFormat, column.format) or format_of(source.name)](source.name, columns)
    lines = Lines(source, decoding, "a table is", size=_BLOCK_BYTES, most=_ROWS_AT_ONCE, eager=True)
    header_due = True
    batch: list[Row] = []
    try:
        for row in reader.rows(lines):
            if not isinstance(row.wanted[0], str):
                raise reader.error(f"{column.name!r} must be a string, not {type(row.wanted[0]).__name__}", row.line)
            batch.append(row)
            if not lines.has_waiting or len(batch) == _ROWS_AT_ONCE:
                yield _table_rows(batch, reader, source.name, with_header=header_due)
                batch, header_due = [], False
    except DataError:
        if batch:
            yield _table_rows(batch, reader, source.name, with_header=header_due)
        raise
    if batch or (header_due and reader.header is not None):
        yield _table_rows(batch, reader, source.name, with_header=header_due)


def _table_rows(rows: Sequence[Row], reader: RowReader, source: str, *, with_header: bool) -> TableRows:
    columns: Iterable[list[Any]] = map(list, zip(*(row.others for row in rows), strict=True))
    return TableRows(
        [one_line(row.wanted[0]) for row in rows],
        dict(zip(reader.names, columns, strict=True)) if rows else {name: [] for name in reader.names},
        [row.record for row in rows],
        [row.line for row in rows],
        source,
        reader.header if with_header else None,
    )


@contextlib.contextmanager
def _located(places: Sequence[tuple[str, int]]) -> Iterator[None]:
    """Let an error about the n-th text name the place of the n-th row."""
    try:
        yield
    except DataError as error:
        if error.source != "<lines>" or error.line is None:
            raise
        source, line = places[error.line - 1]
        raise DataError(error.problem, source=source, line=line) from None


def suffix_of(name: str) -> str:
    """Return the last suffix of a file's name that says what is in it."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
