"""Rows of a table, one by one: TSV or CSV with a header, or JSON Lines.

Whoever reads a table says which columns it wants; each row has their values and, if wanted, those of the other columns.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError
from nlmkit.text.blocks import MAX_LINE_BYTES, byte_blocks, line_blocks
from nlmkit.text.decoding import Decoding
from nlmkit.text.sources import ByteReader, ByteSource, Source, TokenSource

TableFormat = Literal["tsv", "csv", "jsonl"]
FORMATS: Final = get_args(TableFormat)

_SHOWN: Final = 40  # characters of a column's name in an error


class Lines:
    """The decoded lines of a source, each with its LF, handed out one by one.

    Args:
        source: What is read.
        decoding: How it is decoded.
        what: What is read, as the beginning of an error: "a table is".
        size: Bytes of a block, about.
        most: Lines of a block where the source is lines.
        eager: Whether what a pipe holds comes out at once.

    Attributes:
        number: Number of the line that was handed out last.
    """

    def __init__(
        self, source: Source, decoding: Decoding, what: str, *, size: int, most: int, eager: bool = False
    ) -> None:
        self._blocks = decoded(source, decoding, what, size=size, most=most, eager=eager)
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        while not self._waiting:  # str.splitlines would split at U+0085, too
            self._waiting.extend(f"{line}\n" for line in next(self._blocks).split("\n")[:-1])
        line = self._waiting.popleft()
        self.number += 1
        self._taken.append(line)
        return line

    @property
    def has_waiting(self) -> bool:
        """Whether another line is available without waiting for a pipe."""
        return bool(self._waiting)

    def taken(self) -> str:
        """Return the text read since the last call, without the LF at its end."""
        text = "".join(self._taken).removesuffix("\n")
        self._taken.clear()
        return text

    def numbered(self) -> Iterator[tuple[int, str]]:
        """Yield the lines with their numbers, without LF."""
        for _ in self:
            yield self.number, self.taken()


def decoded(
    source: Source, decoding: Decoding, what: str, *, size: int, most: int, eager: bool = False
) -> Iterator[str]:
    """Yield the text of a source in blocks of whole lines, each line ended by LF; see ``Lines``.

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


@dataclass(frozen=True)
class Columns:
    """Requested columns of a table.

    Attributes:
        wanted: Each by its name, or by its place in the header, from 1; keys of JSON objects have no places. Of two
            columns the first is the label and the second the text.
        remedy: How to name others, as the end of an error.
        tsv_hint: What else may help where a column is not in the header of a tsv file.
        csv_hint: The same for a file that is read as CSV, and whose header has tabs.
        with_others: Whether the other columns are wanted beside these.
    """

    wanted: tuple[str, ...]
    remedy: str
    tsv_hint: str = ""
    csv_hint: str = ""
    with_others: bool = False

    def places(self, header: Sequence[str], source: str, line: int, hint: str = "") -> tuple[int, ...]:
        """Return the positions of the requested columns in a header.

        Raises:
            DataError: A column is missing or ambiguous, or two requested columns are the same.
        """
        remedy = f"{self.remedy}{hint}"
        found = tuple(find_column(name, header, source, line, remedy=remedy) for name in self.wanted)
        if len(set(found)) < len(found):
            label, text = self.wanted
            problem = f"label ({label}) and text ({text}) are the same column of the header: choose two columns"
            raise DataError(problem, source=source, line=line)
        return found


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        wanted: Values of the wanted columns, in their order.
        others: Those of the other columns, in the table's order, if they are wanted too.
        record: The row as it was, without the LF at its end.
        line: Line on which it begins.
    """

    wanted: list[Any]
    others: list[Any]
    record: str
    line: int


class RowReader:
    """Reads the rows of one source; a subclass knows one format.

    Args:
        source: Name of the source.
        columns: What is wanted of it.

    Attributes:
        names: Names of the other columns, if they are wanted, once the header was read.
        cells: What the header calls the wanted columns, once it was read; empty in JSON Lines.
        header: The header as it was; None before it was read, and in JSON Lines.
    """

    def __init__(self, source: str, columns: Columns) -> None:
        self._source, self._columns = source, columns
        self._places: tuple[int, ...] = ()
        self._width = 0
        self.names: list[str] = []
        self.cells: list[str] = []
        self.header: str | None = None

    def rows(self, lines: Lines) -> Iterator[Row]:
        """Return the rows one by one; sets ``names``, ``cells`` and ``header`` before the first.

        Raises:
            DataError: The table is malformed, or lacks a column that is wanted; names the line.
        """
        raise NotImplementedError

    def error(self, problem: str, line: int) -> DataError:
        """Return a fault of the source."""
        return DataError(problem, source=self._source, line=line)

    def _take_header(self, header: Sequence[str], record: str, line: int, hint: str) -> None:
        self._places = self._columns.places(header, self._source, line, hint)
        self._width, self.header = len(header), record
        self.cells += [header[place] for place in self._places]
        if self._columns.with_others:
            self.names = _unique(name for number, name in enumerate(header) if number not in self._places)

    def _row(self, fields: Sequence[str], record: str, line: int) -> Row:
        others: list[Any] = []
        if self._columns.with_others:
            others = [value for number, value in enumerate(fields) if number not in self._places]
        return Row([fields[place] for place in self._places], others, record, line)


class TSV(RowReader):
    """Rows of a tsv file: the first line is the header, and only a text in the last column can contain tabs."""

    def rows(self, lines: Lines) -> Iterator[Row]:
        """See ``RowReader.rows``."""
        return self.rows_of(lines.numbered())

    def rows_of(self, numbered: Iterable[tuple[int, str]]) -> Iterator[Row]:
        """Yield the rows of lines with their numbers, the header first."""
        most = -1
        for number, record in numbered:
            content = record.removesuffix("\r")
            if not content:
                continue
            if not self._places:
                self._take_header(content.split("\t"), record, number, self._columns.tsv_hint)
                most = self._width - 1 if self._places[-1] == self._width - 1 else -1
                continue
            fields = content.split("\t", most)
            if len(fields) != self._width:
                problem = f"{len(fields)} fields, but the header has {self._width}"
                if len(fields) > self._width:
                    problem += ": only a text in the last column can contain tabs"
                raise self.error(problem, number)
            yield self._row(fields, record, number)


class CSV(RowReader):
    """Rows of RFC 4180: the first is the header, and fields in quotation marks can contain line feeds."""

    def rows(self, lines: Lines) -> Iterator[Row]:
        """See ``RowReader.rows``."""
        reader = csv.reader(lines, strict=True)
        while True:
            begin = lines.number + 1
            before = csv.field_size_limit(MAX_LINE_BYTES)  # as `field_limit` does, at less cost for each row
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise self.error(f"invalid CSV: {error}", begin) from None
            finally:
                csv.field_size_limit(before)
            record = lines.taken()
            if fields is None:
                return
            if not fields:
                continue
            if not self._places:
                self._take_header(fields, record, begin, self._columns.csv_hint if "\t" in fields[0] else "")
                continue
            if len(fields) != self._width:
                problem = f"{len(fields)} fields, but the header has {self._width}: quote fields that contain commas"
                raise self.error(problem, begin)
            yield self._row(fields, record, begin)


class JSONL(RowReader):
    """JSON objects, one per line; the first one names the other columns."""

    def rows(self, lines: Lines) -> Iterator[Row]:
        """See ``RowReader.rows``."""
        first = True
        for number, record in lines.numbered():
            if not record.strip(" \t\r"):
                continue
            value = json_object(record, self._source, number)
            for name in self._columns.wanted:
                if name not in value:
                    problem = f"no {name!r} in this object (it has {shown_names(value)}){suggestion(name, value)}"
                    raise self.error(f"{problem}: {self._columns.remedy}", number)
            wanted = [value.pop(name) for name in self._columns.wanted]
            others = self._others(value, number, first=first) if self._columns.with_others else []
            first = False
            yield Row(wanted, others, record, number)

    def _others(self, value: dict[str, Any], line: int, *, first: bool) -> list[Any]:
        if first:
            self.names = list(value)
        for key in value:
            if key not in self.names:
                raise self.error(
                    f"this object has {key[:_SHOWN]!r}, but the first one does not: use the same keys in all lines",
                    line,
                )
        return [value.get(name) for name in self.names]


READERS: Final[dict[TableFormat, type[RowReader]]] = {"tsv": TSV, "csv": CSV, "jsonl": JSONL}


def json_object(line: str, source: str, number: int) -> dict[str, Any]:
    """Return the JSON object on a line.

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
        problem = str(error) if isinstance(error, json.JSONDecodeError) else "a value is too long or nested too deeply"
        raise DataError(f"invalid JSON: {problem}", source=source, line=number) from None
    if not isinstance(value, dict):
        raise DataError("each line must be a JSON object", source=source, line=number)
    return value


def find_column(wanted: str, header: Sequence[str], source: str, line: int, *, remedy: str) -> int:
    """Place of a column in a header, by its name or else by its number, from 1.

    Raises:
        DataError: The column is missing or ambiguous.
    """
    if header.count(wanted) == 1:
        return list(header).index(wanted)
    if wanted in header:
        problem = (
            f"several columns are named {wanted!r} in the header ({shown_names(header)}): rename all but one of them"
        )
    elif wanted.isascii() and wanted.isdigit() and len(wanted) < 7 and 1 <= int(wanted) <= len(header):
        return int(wanted) - 1
    else:
        problem = f"no column {wanted!r} in the header ({shown_names(header)}){suggestion(wanted, header)}: {remedy}"
    raise DataError(problem, source=source, line=line)


@contextlib.contextmanager
def field_limit() -> Iterator[None]:
    """Raise the limit of CSV fields to that of lines; the csv module's own global limit is 128 KiB."""
    before = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


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
    """Return a text with spaces in place of its line feeds."""
    return text.replace("\r\n", " ").replace("\n", " ") if "\n" in text else text
