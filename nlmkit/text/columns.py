"""Text as one column of a table: TSV or CSV with a header, or JSON Lines, read row by row.

Of each row the text is one sentence, or one document; the other columns are kept beside it, so that they can be
written next to what is found out about the text.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.blocks import MAX_LINE_BYTES, byte_blocks, line_blocks
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import ByteReader, ByteSource, Source, TokenSource, expand_names

TableFormat = Literal["tsv", "csv", "jsonl"]
FORMATS: Final = get_args(TableFormat)

_SUFFIXES: Final[dict[str, TableFormat]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_TABLES: Final = {".tsv": "tsv", ".tab": "tsv", **_SUFFIXES}
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
_BLOCK_BYTES: Final = 1 << 18
_ROWS_AT_ONCE: Final = 1000
_SAMPLED: Final = 20  # lines that must look alike for a file to look like a table
_SHOWN: Final = 40  # characters of a column's name in an error


@dataclass(frozen=True)
class TextColumn:
    """Where the text is in a table.

    Attributes:
        name: Name of the column in the header, or the key of a JSON object; a number that no column is called is the
            column's place, from 1.
        format: ``tsv``, ``csv`` or ``jsonl``; by default that of each file's suffix (.csv, .jsonl, .ndjson), else
            ``tsv``.

    Raises:
        HyperParameterError: There is no such format.
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
        """The rows that begin before a line."""
        most = sum(each < line for each in self.lines)
        others = {name: values[:most] for name, values in self.others.items()}
        return replace(
            self, texts=self.texts[:most], others=others, records=self.records[:most], lines=self.lines[:most]
        )

    def corpus(self, pipeline: TextPipeline) -> Corpus:
        """The texts as a corpus with one sentence per row.

        Raises:
            DataError: A text cannot be read; names the source and the line.
        """
        with _located([(self.source, line) for line in self.lines]):
            return Corpus.read(iter(self.texts), pipeline)


def format_of(name: str) -> TableFormat:
    """The format of a table by its file's name: that of the suffix, else ``tsv``."""
    return _SUFFIXES.get(_suffix(name), "tsv")


def read_tables(names: Sequence[str], pipeline: TextPipeline, column: TextColumn) -> Corpus:
    """The texts of all rows as one corpus.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        pipeline: How the files are decoded, and how texts become tokens.
        column: Where the text is.

    Raises:
        DataError: A source is missing or malformed, or has no such column; names the file and the line.
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
        DataError: As for :func:`read_tables`, after all rows before the faulty one have come out.
    """
    first: list[str] | None = None
    for source in expand_names(names):
        reader = _READERS[cast(TableFormat, column.format) or format_of(source.name)](source, decoding, column)
        for rows in reader.read():
            names_here = list(rows.others)
            if first is not None and first != names_here:
                raise DataError(
                    f"the other columns are {shown_names(names_here) or 'none'}, and those of the table before "
                    f"{shown_names(first) or 'none'}: "
                    "tables that are read as one text must have the same",
                    source=source.name,
                )
            first = names_here
            yield rows


def looks_like_table(source: Source) -> bool:
    """Whether a file that is called like a table is laid out like one.

    That is, its first lines have the same number of tabs (.tsv, .tab), at least one, or its first rows the same number
    of fields (.csv), at least two, or they are JSON objects (.jsonl). A pipe is not looked at.
    """
    if not isinstance(source, ByteSource) or source.path is None or not source.path.is_file():
        return False
    form = _TABLES.get(_suffix(source.name))
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
    """How many fields the rows of CSV have; those that the last line may cut off are left out."""
    widths: list[int] = []
    with field_limit(), contextlib.suppress(csv.Error):
        for fields in csv.reader(f"{line}\n" for line in lines):
            widths.append(len(fields))
    is_cut = len(lines) == _SAMPLED and len(set(widths[:-1])) == 1  # a quoted field may go on after the sample
    return set(widths[:-1] if is_cut else widths)


# ------------------------------------------------------------------------------------------------------ reading


class _Lines:
    """The decoded lines of a source, each with its LF, handed out one by one.

    Attributes:
        number: Number of the line that was handed out last.
    """

    def __init__(self, source: Source, decoding: Decoding) -> None:
        self._blocks = decoded(source, decoding, "a table is", size=_BLOCK_BYTES, most=_ROWS_AT_ONCE, eager=True)
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while not self._waiting:
            self._waiting.extend(f"{line}\n" for line in next(self._blocks).split("\n")[:-1])
        line = self._waiting.popleft()
        self.number += 1
        self._taken.append(line)
        return line

    @property
    def has_waiting(self) -> bool:
        """Whether another line is there without waiting for more of a pipe."""
        return bool(self._waiting)

    def taken(self) -> str:
        """What was handed out since this was last asked, without the LF at its end."""
        text = "".join(self._taken).removesuffix("\n")
        self._taken.clear()
        return text


def decoded(
    source: Source, decoding: Decoding, what: str, *, size: int, most: int, eager: bool = False
) -> Iterator[str]:
    """The text of a source in blocks of whole lines, each line ended by LF.

    Args:
        source: What is read.
        decoding: How it is decoded.
        what: What is read, as the beginning of an error: "a table is".
        size: Bytes of a block, about.
        most: Lines of a block where the source is lines.
        eager: Whether what a pipe holds comes out at once.

    Raises:
        DataError: The source is token lists, missing or malformed; names it and the line.
    """
    if isinstance(source, TokenSource):
        raise DataError(f"{what} read from files or lines, not from token lists", source=source.name)
    if isinstance(source, ByteSource):
        with ByteReader(source, utf8=decoding.is_utf8, eager=eager) as reader:
            for block in byte_blocks(reader, decoding, source.name, size=size, characters=True):
                yield block.text()
        return
    for block in line_blocks(source.lines, decoding, source.name, size=size, most=most, characters=True):
        yield block.text()


@dataclass
class _Row:
    text: str
    others: Sequence[Any]
    record: str
    line: int


@dataclass
class _Reader:
    """Read one source; a subclass parses the rows of its format.

    Attributes:
        source: What is read.
        decoding: How it is decoded.
        column: Where the text is.
        names: Names of the other columns, once the header was read.
        header: The header as it was, until it was handed on.
    """

    source: Source
    decoding: Decoding
    column: TextColumn
    names: list[str] = field(default_factory=list)
    header: str | None = None

    def read(self) -> Iterator[TableRows]:
        """The rows, in batches of those that are there without waiting."""
        lines = _Lines(self.source, self.decoding)
        batch: list[_Row] = []
        try:
            for row in self.rows(lines):
                batch.append(row)
                if not lines.has_waiting or len(batch) == _ROWS_AT_ONCE:
                    yield self._batch(batch)
                    batch = []
        except DataError:
            if batch:
                yield self._batch(batch)
            raise
        if batch or self.header is not None:
            yield self._batch(batch)

    def rows(self, lines: _Lines) -> Iterator[_Row]:
        """The rows one by one; sets ``names`` and ``header`` before the first."""
        raise NotImplementedError

    def _batch(self, rows: list[_Row]) -> TableRows:
        header, self.header = self.header, None
        columns: Iterable[list[Any]] = map(list, zip(*(row.others for row in rows), strict=True))
        return TableRows(
            [one_line(row.text) for row in rows],
            dict(zip(self.names, columns, strict=True)) if rows else {name: [] for name in self.names},
            [row.record for row in rows],
            [row.line for row in rows],
            self.source.name,
            header,
        )

    def take_header(self, header: Sequence[str], record: str, line: int) -> int:
        """Note the header, and say where the text is in it."""
        place = find_column(self.column.name, header, self.source.name, line, remedy="name it with --text-column")
        self.names = _unique(name for number, name in enumerate(header) if number != place)
        self.header = record
        return place

    def error(self, problem: str, line: int) -> DataError:
        """A fault of the source."""
        return DataError(problem, source=self.source.name, line=line)


class _TSV(_Reader):
    """Rows of a tsv file: the first line is the header, and only a text in the last column may hold tabs."""

    def rows(self, lines: _Lines) -> Iterator[_Row]:
        place, most, width = -1, -1, 0
        for line in lines:
            record, content = lines.taken(), line.removesuffix("\n").removesuffix("\r")
            if not content:
                continue
            if place < 0:
                header = content.split("\t")
                place, width = self.take_header(header, record, lines.number), len(header)
                most = width - 1 if place == width - 1 else -1
                continue
            fields = content.split("\t", most)
            if len(fields) != width:
                problem = f"{len(fields)} fields, where the header has {width}"
                if len(fields) > width:
                    problem += ": only a text in the last column may hold tabs"
                raise self.error(problem, lines.number)
            text = fields.pop(place)
            yield _Row(text, fields, record, lines.number)


class _CSV(_Reader):
    """Rows of RFC 4180: the first is the header, and fields in quotation marks may hold line feeds."""

    def rows(self, lines: _Lines) -> Iterator[_Row]:
        reader = csv.reader(lines, strict=True)
        place, width = -1, 0
        while True:
            begin = lines.number + 1
            try:
                with field_limit():
                    fields = next(reader, None)
            except csv.Error as error:
                raise self.error(f"invalid CSV: {error}", begin) from None
            record = lines.taken()
            if fields is None:
                return
            if not fields:
                continue
            if place < 0:
                place, width = self.take_header(fields, record, begin), len(fields)
                continue
            if len(fields) != width:
                problem = f"{len(fields)} fields, where the header has {width}: quote fields that hold commas"
                raise self.error(problem, begin)
            text = fields.pop(place)
            yield _Row(text, fields, record, begin)


class _JSONL(_Reader):
    """JSON objects, one per line; the first one names the columns."""

    def rows(self, lines: _Lines) -> Iterator[_Row]:
        wanted, first = self.column.name, True
        for line in lines:
            record = lines.taken()
            if not line.strip(" \t\r\n"):
                continue
            value = json_object(line, self.source.name, lines.number)
            if wanted not in value:
                problem = f"no {wanted!r} in this object (it has {shown_names(value)}){suggestion(wanted, value)}"
                raise self.error(f"{problem}: name it with --text-column", lines.number)
            text = value.pop(wanted)
            if not isinstance(text, str):
                raise self.error(f"{wanted!r} must be a string, not {type(text).__name__}", lines.number)
            if first:
                self.names, first = list(value), False
            for key in value:
                if key not in self.names:
                    problem = f"this object has {key[:_SHOWN]!r}, and the first one does not: give all the same keys"
                    raise self.error(problem, lines.number)
            yield _Row(text, [value.get(name) for name in self.names], record, lines.number)


_READERS: Final[dict[TableFormat, type[_Reader]]] = {"tsv": _TSV, "csv": _CSV, "jsonl": _JSONL}


def json_object(line: str, source: str, number: int) -> dict[str, Any]:
    """The JSON object on a line.

    Args:
        line: The line.
        source: Name of the file.
        number: Of the line.

    Raises:
        DataError: It is not JSON, or another value than an object; names the line.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, json.JSONDecodeError) else "a value is too long or too deep"
        raise DataError(f"invalid JSON: {problem}", source=source, line=number) from None
    if not isinstance(value, dict):
        raise DataError("each line must be a JSON object", source=source, line=number)
    return value


def find_column(wanted: str, header: Sequence[str], source: str, line: int, *, remedy: str) -> int:
    """Place of a column in a header, by its name or else by its number, from 1.

    Raises:
        DataError: There is no such column, or there are several.
    """
    if header.count(wanted) == 1:
        return list(header).index(wanted)
    if wanted in header:
        problem = (
            f"several columns are called {wanted!r} in the header ({shown_names(header)}): rename all but one of them"
        )
    elif wanted.isascii() and wanted.isdigit() and len(wanted) < 7 and 1 <= int(wanted) <= len(header):
        return int(wanted) - 1
    else:
        problem = f"no column {wanted!r} in the header ({shown_names(header)}){suggestion(wanted, header)}: {remedy}"
    raise DataError(problem, source=source, line=line)


@contextlib.contextmanager
def field_limit() -> Iterator[None]:
    """Let a field of CSV be as long as any line may be; the module's own limit is 128 KiB, and global."""
    before = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


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


def _suffix(name: str) -> str:
    """The last suffix of a file's name that says what is in it."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _unique(names: Iterable[str]) -> list[str]:
    """Names of columns, each a different one: a repeated one gets a number, one that is empty its place."""
    found: dict[str, None] = {}
    for place, name in enumerate(names, start=1):
        candidate, number = name or f"column_{place}", 2
        while candidate in found:
            candidate, number = f"{name or f'column_{place}'}_{number}", number + 1
        found[candidate] = None
    return list(found)


def shown_names(names: Iterable[str]) -> str:
    """Names of columns, of which there may be many, and which may be a text where there is no header."""
    return ", ".join(name if len(name) <= _SHOWN else name[:_SHOWN] + "..." for name in itertools.islice(names, 20))


def one_line(text: str) -> str:
    """A text with spaces in place of its line feeds."""
    return text.replace("\r\n", " ").replace("\n", " ") if "\n" in text else text
