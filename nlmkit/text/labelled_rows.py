"""Rows of files of labelled texts: ``label<TAB>text``, ``label text``, or columns that a header or JSON keys name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.decoding import Decoding
from nlmkit.text.quoting import QUOTE, unquoted
from nlmkit.text.rows import CSV, JSONL, TSV, Columns, Lines, Row, shown_names
from nlmkit.text.sources import Source

Format = Literal["tsv", "space", "csv", "jsonl"]
"""``tsv``: a label, a tab, the text; or named columns, where names are given. ``space``: a label without spaces, a
space, the text. ``csv`` and ``jsonl``: named columns."""

FORMATS: Final = get_args(Format)

LabelledRow: TypeAlias = tuple[int, Any, str]
"""Line number, label (of JSON perhaps a number or a boolean), text."""

_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096
_SHOWN: Final = 40  # characters of a value in an error


class LabelledColumns(NamedTuple):
    """Columns of label and text in a format with column names.

    Attributes:
        label: Name of the column with the label.
        text: Name of the column with the text.
        given: Whether the user named either of them, so that a tsv file must have a header.
        check: Makes of a label, the file's name and the line what is kept of it; raises DataError where it is none.
    """

    label: str
    text: str
    given: bool
    check: Callable[[Any, str, int], Any]

    @property
    def columns(self) -> Columns:
        """Request to a reader of tables."""
        return Columns(
            (self.label, self.text),
            "name them with --label-column and --text-column",
            tsv_hint=", set --format if it is not tsv, or omit the names if the file is label<TAB>text without a "
            "header",
            csv_hint=", and set --format tsv, as tabs separate the columns",
        )

    def row(self, line: int, label: Any, text: str, name: str) -> LabelledRow:
        """Stored part of a row."""
        return line, self.check(label, name, line), text


def labelled_rows(
    source: Source, decoding: Decoding, form: Format, columns: LabelledColumns, notes: list[str]
) -> Iterator[LabelledRow]:
    """Return the rows of a source, in the order of its lines.

    Args:
        source: What is read.
        decoding: How it is decoded.
        form: How it is laid out.
        columns: Where label and text are.
        notes: Take what the user should know.

    Raises:
        DataError: A line is malformed; names the file and the line.
        HyperParameterError: Columns are named in a form that has none.
    """
    lines = Lines(source, decoding, "labelled texts are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE)
    return _READERS[form](lines, source.name, columns, notes)


def _of_table(rows: Iterator[Row], name: str, columns: LabelledColumns) -> Iterator[LabelledRow]:
    for row in rows:
        label, text = row.wanted
        kept = columns.row(row.line, label, text, name)
        if not isinstance(text, str):
            problem = f"the text is {json.dumps(text)[:_SHOWN]}: it must be a string"
            raise DataError(problem, source=name, line=row.line)
        yield kept


def _repeats(rows: Iterator[LabelledRow], header: Sequence[str], name: str, notes: list[str]) -> Iterator[LabelledRow]:
    """Yield the rows, with a note of those that repeat the header, as joined files have it, or only its label.

    Args:
        rows: The rows.
        header: Cells of label and text in the header, there when the first row comes.
        name: Of the file.
        notes: Take the note.
    """
    lines, alike = [], 0
    for row in rows:
        if row[1] == header[0]:
            alike += 1
            if row[2] == header[1]:
                lines.append(row[0])
        yield row
    if lines:
        times = "" if len(lines) == 1 else f", and {len(lines) - 1} more do"
        notes.append(f"{name}: line {lines[0]} repeats the header but was read as a text{times}: delete it")
    elif alike:
        others = f"{alike} other {'text has' if alike == 1 else 'texts have'}"
        notes.append(
            f"{name}: its first line was read as the header because columns were named, but {others} the label that is "
            f"there, {header[0][:_SHOWN]!r}: add a header if it is not one"
        )


def _read_tsv(lines: Lines, name: str, columns: LabelledColumns, notes: list[str]) -> Iterator[LabelledRow]:
    numbered, records = _numbered(lines, "\t")
    if records is not None:
        yield from _read_quoted(records, name, columns, notes)
        return
    if columns.given:
        reader = TSV(name, columns.columns)
        yield from _repeats(_of_table(reader.rows_of(numbered), name, columns), reader.cells, name, notes)
        return
    first = next(numbered, None)
    if first is None:
        return
    number, line = first
    names = line.split("\t")
    has_header = names == [columns.label, columns.text]
    if not has_header:
        if len(names) > 1 and columns.label in (cell.strip().casefold() for cell in names):
            raise _like_header(names, name, number)
        numbered = itertools.chain([first], numbered)
    rows = _read_separated(numbered, name, "\t", "label<TAB>text", columns)
    yield from _repeats(rows, (columns.label, columns.text), name, notes) if has_header else rows


def _read_space(lines: Lines, name: str, columns: LabelledColumns, notes: list[str]) -> Iterator[LabelledRow]:
    if columns.given:
        raise HyperParameterError(f"{name}: format space has no column names; use tsv, csv or jsonl")
    numbered, records = _numbered(lines, " ")
    if records is not None:
        yield from _read_quoted(records, name, columns, notes)
        return
    yield from _read_separated(numbered, name, " ", "label, a space, text", columns)


def _numbered(lines: Lines, separator: str) -> tuple[Iterator[tuple[int, str]], list[tuple[int, list[str]]] | None]:
    """Yield number and content of each nonempty line; and the records, if every cell is in quotation marks."""
    every = ((number, record.removesuffix("\r")) for number, record in lines.numbered())
    first = next(((number, content) for number, content in every if content), None)
    if first is None:
        return iter(()), None
    rest: Iterator[tuple[int, str]] = every
    if first[1].startswith(QUOTE):
        kept = list(every)
        records = unquoted([first, *kept], separator)
        if records is not None:
            return iter(()), records
        rest = iter(kept)
    return itertools.chain([first], ((number, content) for number, content in rest if content)), None


def _read_quoted(
    records: Sequence[tuple[int, list[str]]], name: str, columns: LabelledColumns, notes: list[str]
) -> Iterator[LabelledRow]:
    """Yield the rows of a file of which every cell is in quotation marks; the first record may be a header."""
    notes.append(f"{name}: every cell is in quotation marks, which were removed as in CSV")
    number, names = records[0]
    rows = records[1:]
    at: tuple[int, ...] = (0, 1)
    fields = 2
    if columns.given:
        at, fields = columns.columns.places(names, name, number), len(names)
    elif names != [columns.label, columns.text]:
        if columns.label in (cell.strip().casefold() for cell in names):
            raise _like_header(names, name, number)
        rows = records
    for number, cells in rows:
        if len(cells) != fields:
            problem = f"{len(cells)} cells, expected {fields}: name the columns with --label-column and "
            raise DataError(f"{problem}--text-column", source=name, line=number)
        yield columns.row(number, cells[at[0]], cells[at[1]], name)


def _like_header(names: Sequence[str], name: str, line: int) -> DataError:
    return DataError(
        f"this looks like a header ({shown_names(names)}), and only label<TAB>text is taken for one: name its "
        "columns with --label-column and --text-column, or put the line label<TAB>text before it if it is not a header",
        source=name,
        line=line,
    )


def _read_separated(
    numbered: Iterator[tuple[int, str]], name: str, separator: str, form: str, columns: LabelledColumns
) -> Iterator[LabelledRow]:
    for number, line in numbered:
        label, found, text = line.partition(separator)
        if not found:
            what = "tab" if separator == "\t" else "space"
            raise DataError(
                f"no {what} on this line: the form is {form} (or set --text-format)", source=name, line=number
            )
        yield columns.row(number, label, text, name)


def _read_csv(lines: Lines, name: str, columns: LabelledColumns, notes: list[str]) -> Iterator[LabelledRow]:
    reader = CSV(name, columns.columns)
    return _repeats(_of_table(reader.rows(lines), name, columns), reader.cells, name, notes)


def _read_jsonl(lines: Lines, name: str, columns: LabelledColumns, notes: list[str]) -> Iterator[LabelledRow]:
    return _of_table(JSONL(name, columns.columns).rows(lines), name, columns)


_READERS: Final = {"tsv": _read_tsv, "space": _read_space, "csv": _read_csv, "jsonl": _read_jsonl}
