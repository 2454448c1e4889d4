"""Labelled texts, in memory and from files: ``label<TAB>text``, ``label text``, CSV and JSONL."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.columns import decoded, field_limit, find_column, format_of, json_object, one_line, shown_names
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.marks import Marks
from nlmkit.text.quoting import QUOTE, unquoted
from nlmkit.text.sources import Source, TextSource, expand, expand_names
from nlmkit.text.tables import is_missing, items_of, problem_of_item, refuse_table

Format = Literal["tsv", "space", "csv", "jsonl"]
"""``tsv``: a label, a tab, the text; or named columns, where names are given. ``space``: a label without spaces, a
space, the text. ``csv`` and ``jsonl``: named columns."""

FORMATS: Final = get_args(Format)
LABEL_COLUMN: Final = "label"
TEXT_COLUMN: Final = "text"

_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 40  # characters of a column's name or of a value in an error

LABEL_CHARACTERS: Final = 1000
"""Most characters of a label."""

_FIXED_WIDTH: Final = 64
"""Characters of the longest label in an array of fixed width, which takes as much memory for each label."""

_IN_MEMORY: Final = Decoding(marks="literal")

Row: TypeAlias = tuple[int, Any, str]
"""Line number, label (of JSON perhaps a number or a boolean), text."""


class _Columns(NamedTuple):
    """Where label and text are in a form that names its columns.

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


@dataclass(frozen=True, eq=False, repr=False)
class LabelledTexts:
    """Texts, each with its label. Immutable.

    Attributes:
        texts: The texts as they are, not tokenized.
        labels: One label per text: array [texts] of strings, int64 or booleans. Where a string has more than 64
            characters, the array is one of objects, since one of fixed width would take so much for every text.
        source: What errors call the texts.
        lines: Line of the source on which each text begins: int64 [texts]; None where there are no lines.
        decoding: How the texts' bytes were decoded, and what is done with NUL and the tokens ``<s>`` and ``</s>``: they
            are ordinary words by default, since classifiers put no marks around texts.
        reading_notes: What was found when the texts were read.
        first: Texts that might be a header, as the first ones of their sources: number and place of each.

    Raises:
        DataError: The texts are a table or a mapping, a text is not a string, the numbers of texts and labels differ,
            or a label is neither string, integer nor boolean, or not of the type of the others, or a string that
            cannot be kept as it is, or of more than 1,000 characters.
    """

    texts: tuple[str, ...]
    labels: NDArray[Any]
    source: str = "<texts>"
    lines: NDArray[np.int64] | None = None
    decoding: Decoding = _IN_MEMORY
    reading_notes: tuple[str, ...] = ()
    first: tuple[tuple[int, str], ...] = ((0, "text 1"),)

    _called: ClassVar[str] = "labels"

    def __init__(
        self,
        texts: Iterable[str],
        labels: ArrayLike | Sequence[Any],
        *,
        source: str = "<texts>",
        lines: NDArray[np.int64] | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        reading_notes: Sequence[str] = (),
        first: Sequence[tuple[int, str]] = ((0, "text 1"),),
        marks: Marks = "literal",
    ) -> None:
        set_ = object.__setattr__
        set_(self, "texts", as_texts(texts))
        set_(self, "labels", self._kept(labels, source))
        if len(self.labels) != len(self.texts):
            raise DataError(
                f"{len(self.texts)} texts and {len(self.labels)} {self._called}: each text needs one", source=source
            )
        set_(self, "source", source)
        set_(self, "lines", lines)
        set_(self, "decoding", Decoding(encoding, errors, marks))
        set_(self, "reading_notes", tuple(reading_notes))
        set_(self, "first", tuple(first))

    @classmethod
    def read(
        cls,
        source: TextSource | Sequence[str],
        *,
        format: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "literal",
        label_column: str | None = None,
        text_column: str | None = None,
    ) -> LabelledTexts:
        """Read labelled texts.

        A blank line holds nothing and is passed over. Labels are strings, kept exactly; a text may be empty, a label
        may not. In ``tsv`` the text begins after the first tab, whatever else is in it, quotation marks included,
        unless every cell of the file is in quotation marks: then they are read as those of CSV, as in ``space``. A
        first line that is exactly ``label<TAB>text`` is a header, and any other one with a cell ``label`` is refused,
        since it would be a header that is taken for a text. Where a column is named, the first line of a ``tsv`` file
        is its header: columns in any order, of which only a text in the last one may hold tabs. CSV is RFC 4180 with
        a header line: fields in quotation marks may hold line feeds. A JSONL label may be a number or a boolean,
        whose spelling is the label then. What looks odd about the labels is in :attr:`notes`.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, or open binary file;
                compressed files are unpacked.
            format: One of :data:`FORMATS`; by default that of each file's suffix (.csv, .jsonl, .ndjson), else ``tsv``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the tokens ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.
            label_column: Name of the column with the label, by default ``label``; a number that no column is called is
                the column's place in the header, from 1 (not of JSONL, whose keys have no places).
            text_column: Column with the text in the same way; by default ``text``.

        Raises:
            DataError: A source is missing, or a line is malformed; names the file and the line.
            HyperParameterError: There is no such format, the two columns are one, or columns are named in a form that
                has none.
        """
        if format is not None and format not in FORMATS:
            raise HyperParameterError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
        columns = _Columns(
            LABEL_COLUMN if label_column is None else label_column,
            TEXT_COLUMN if text_column is None else text_column,
            given=not (label_column is None and text_column is None),
            check=cls._checked,
        )
        if columns.label == columns.text:
            raise HyperParameterError(f"{cls._called[:-1]} and text cannot both be in the column {columns.text!r}")
        decoding = Decoding(encoding, errors, marks)
        several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
        sources = expand_names(cast(Any, source)) if several else expand(source)
        rows: list[Row] = []
        notes: list[str] = []
        first: list[tuple[int, str]] = []
        for each in sources:
            form = cast(Format, format) or format_of(each.name)
            before = len(rows)
            rows += _READERS[form](_lines(each, decoding), each.name, columns, notes)
            if form in ("tsv", "space") and not columns.given and len(rows) > before:
                first.append((before, f"{each.name}: line {rows[before][0]}"))
        numbers, labels, texts = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(
            texts,
            cls._of_rows(labels, notes),
            reading_notes=notes,
            first=first,
            source=", ".join(dict.fromkeys(each.name for each in sources)),
            lines=np.array(numbers, np.int64) if len(sources) == 1 else None,
            **asdict(decoding),
        )

    @property
    def encoding(self) -> str:
        """Encoding of the texts' bytes."""
        return self.decoding.encoding

    @property
    def errors(self) -> DecodingErrors:
        """What was done with undecodable bytes."""
        return self.decoding.errors

    @property
    def marks(self) -> Marks:
        """What is done with NUL and the tokens ``<s>`` and ``</s>``."""
        return self.decoding.marks

    def take(self, indices: ArrayLike) -> LabelledTexts:
        """The texts with these indices, in their order."""
        chosen = np.asarray(indices, np.int64)
        return type(self)(
            [self.texts[index] for index in chosen.tolist()],
            self.labels[chosen],
            source=self.source,
            lines=None if self.lines is None else self.lines[chosen],
            first=(),
            **asdict(self.decoding),
        )

    def with_labels(self, labels: ArrayLike | Sequence[Any]) -> LabelledTexts:
        """The same texts with other labels."""
        return type(self)(
            self.texts,
            labels,
            source=self.source,
            lines=self.lines,
            reading_notes=self.reading_notes,
            first=self.first,
            **asdict(self.decoding),
        )

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """The texts as a corpus with one document per sentence.

        Raises:
            DataError: A text cannot be read; names the source and its line.
        """
        return encode(self.texts, pipeline, source=self.source, lines=self.lines, marks=self.decoding.marks)

    @cached_property
    def notes(self) -> list[str]:
        """What whoever uses the texts should know: see :mod:`nlmkit.text.label_notes`."""
        from nlmkit.text import label_notes

        own = label_notes.own_label_note(self.counts)
        notes = [*self.reading_notes, *([own] if own else [])]
        if label_kind(self.labels) == "U":
            if not own:  # else they are not classes
                notes += label_notes.label_notes(self.counts)
            labels = self.labels.tolist() if self.first and len(self) else []
            for number, place in self.first if labels else ():
                header = label_notes.header_note(labels, self.texts, number, place)
                notes += [header] if header else []
        mark = label_notes.mark_note(self.texts)
        return [*notes, mark] if mark else notes

    @cached_property
    def counts(self) -> dict[Any, int]:
        """How many texts have each label, in the labels' order."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over texts and labels."""
        digest = hashlib.sha256(f"{len(self)}\n".encode())
        for text, label in zip(self.texts, self.labels.tolist(), strict=True):
            digest.update(json.dumps([text, label]).encode())
        return digest.hexdigest()[:16]

    @classmethod
    def _kept(cls, labels: ArrayLike | Sequence[Any], source: str) -> NDArray[Any]:
        """The labels of texts in memory as an array."""
        return as_labels(labels, source=source)

    @classmethod
    def _checked(cls, label: Any, name: str, line: int) -> Any:
        """A label of a file as it is kept until all are read."""
        return _checked_label(label, name, line)

    @classmethod
    def _of_rows(cls, labels: Sequence[Any], notes: list[str]) -> Sequence[Any]:
        """The labels of all files, of what was kept of each; may add notes."""
        return _spelt(labels, notes)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"<LabelledTexts: {len(self)} texts, {len(self.counts)} labels, from {self.source}>"


def encode(
    texts: Iterable[str],
    pipeline: TextPipeline,
    *,
    source: str = "<texts>",
    lines: NDArray[np.int64] | None = None,
    marks: Marks = "literal",
) -> Corpus:
    """Tokenize texts: a corpus with one document per sentence. Line feeds in a text are spaces.

    Args:
        texts: The texts.
        pipeline: How they become tokens.
        source: What errors call them.
        lines: Line of each in its source; without, they are counted from 1.
        marks: What to do with NUL and the tokens ``<s>`` and ``</s>``.

    Raises:
        DataError: A text is not a string, or holds a lone surrogate, or under ``error`` NUL or a sentence mark.
    """
    documents = [one_line(text) for text in as_texts(texts)]
    try:
        return Corpus.read(
            iter(documents), pipeline.with_marks(marks)
        )  # an iterator: a list of file names would be refused
    except DataError as error:
        if error.line is None:
            raise
        number = error.line if lines is None else int(lines[error.line - 1])
        place = f"{source}, text {number}" if lines is None else source
        raise DataError(error.problem, source=place, line=None if lines is None else number) from None


def as_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts as a tuple.

    Raises:
        DataError: They are a table, a mapping, a set or one string, or one of them is not a string; names which.
    """
    refuse_table(texts, "the list of texts")
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        what = "one text" if isinstance(texts, str) else type(texts).__name__
        raise DataError(f"expected a sequence of texts, not {what}: put a single text in a list")
    found = tuple(items_of(texts))
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise DataError(f"text {number} {problem_of_item(text) or f'is {type(text).__name__}, not a string'}")
    return found


def as_labels(
    labels: ArrayLike | Sequence[Any], *, source: str | None = None, longest: int | None = LABEL_CHARACTERS
) -> NDArray[Any]:
    """Labels as an array of strings, int64 or booleans; of objects (strings) where one has more than 64 characters.

    Args:
        labels: The labels.
        source: What errors call them.
        longest: Most characters of one; None: any number.

    Raises:
        DataError: They are a table or a mapping, of several types or of another one, or a string cannot be kept as it
            is, or is too long; says which.
    """
    refuse_table(labels, "the list of labels")
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise DataError(f"labels must be a sequence, one label per text, not {type(labels).__name__}", source=source)
    values = [value.item() if isinstance(value, np.generic) else value for value in items_of(labels)]
    wanted = type(values[0]) if values else str
    for number, value in enumerate(values, start=1):
        if type(value) not in _LABELS:
            missing = " (missing)" if is_missing(value) else ""
            problem = f"label {number} is {type(value).__name__}{missing}: labels are strings, integers or booleans"
            raise DataError(problem, source=source)
        if type(value) is not wanted:
            problem = f"label {number} is {type(value).__name__} and the first one {wanted.__name__}: use one type"
            raise DataError(problem, source=source)
        if isinstance(value, str) and (fault := _fault(value, longest)):
            raise DataError(f"label {number} {fault}", source=source)
    is_long = wanted is str and max(map(len, values), default=0) > _FIXED_WIDTH
    try:
        return np.array(values, np.object_ if is_long else _LABELS[wanted])
    except OverflowError:
        raise DataError("an integer label does not fit into 64 bits: use strings", source=source) from None


_LABELS: Final[dict[type, Any]] = {str: np.str_, int: np.int64, bool: np.bool_}


def label_kind(labels: NDArray[Any]) -> str:
    """What labels are: ``U`` (strings, in an array of objects too), ``i`` (integers) or ``b`` (booleans)."""
    return "U" if labels.dtype.kind == "O" else labels.dtype.kind


def _fault(label: str, longest: int | None = LABEL_CHARACTERS) -> str | None:
    """Why a label cannot be kept as it is, if it cannot."""
    if longest is not None and len(label) > longest:
        return (
            f"has {len(label)} characters ({label[:_SHOWN]!r}...), and {longest} are the most: were labels and texts "
            "taken for each other?"
        )
    if label.endswith("\0"):  # NumPy would drop it
        return "ends in NUL"
    found = _SURROGATE.search(label)  # which no file could hold, a saved classifier's neither
    return f"holds a lone surrogate, U+{ord(found[0]):04X}, which is no character" if found else None


# -------------------------------------------------------------------------------------------------------- readers


def _lines(source: Source, decoding: Decoding) -> Iterator[str]:
    """The decoded lines of a source, each with its LF."""
    for text in decoded(source, decoding, "labelled texts are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE):
        yield from (line + "\n" for line in text.split("\n")[:-1])  # str.splitlines would split at U+0085, too


def _content(line: str) -> str:
    """A line without what ends it."""
    return line.removesuffix("\n").removesuffix("\r")


def _spelt(labels: Sequence[str | int | bool], notes: list[str]) -> list[str]:
    """Labels as strings, and a note where JSON's numbers or booleans and its strings are spelt alike."""
    spelt = [label if isinstance(label, str) else json.dumps(label) for label in labels]
    others = {name for name, label in zip(spelt, labels, strict=True) if not isinstance(label, str)}
    mixed = sorted(others.intersection(label for label in labels if isinstance(label, str)))
    if mixed:
        notes.append(
            f"labels of JSON that are strings in some lines and numbers or booleans in others are one class each: "
            f"{shown_names(mixed)}"
        )
    return spelt


def _repeats(rows: Iterator[Row], header: Sequence[str], name: str, notes: list[str]) -> Iterator[Row]:
    """The rows, with a note of those that repeat the header, as joined files have it, or only its label.

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
        notes.append(f"{name}: line {lines[0]} repeats the header and was taken for a text{times}: delete it")
    elif alike:
        others = f"{alike} other {'text has' if alike == 1 else 'texts have'}"
        notes.append(
            f"{name}: its first line was taken for the header, as columns were named, and {others} the label that is "
            f"there, {header[0][:_SHOWN]!r}: put a header before it if it is none"
        )


def _read_tsv(lines: Iterator[str], name: str, columns: _Columns, notes: list[str]) -> Iterator[Row]:
    numbered = _not_blank(lines)
    first = next(numbered, None)
    if first is None:
        return
    number, line = first
    if line.startswith(QUOTE):
        kept = [first, *((number, content) for number, content in enumerate(map(_content, lines), start=number + 1))]
        records = unquoted(kept, "\t")
        if records is not None:
            yield from _read_quoted(records, name, columns, notes)
            return
        numbered = ((number, content) for number, content in kept[1:] if content)
    names = line.split("\t")
    if columns.given:
        remedy = (
            ", give the --format if it is not tsv, or leave the names out if the file is label<TAB>text with no header"
        )
        at = _places(names, name, number, columns, remedy)
        yield from _repeats(
            _read_named(numbered, name, names, at, columns), [names[place] for place in at], name, notes
        )
        return
    has_header = names == [columns.label, columns.text]
    if not has_header:
        if len(names) > 1 and columns.label in (cell.strip().casefold() for cell in names):
            raise _like_header(names, name, number)
        numbered = itertools.chain([first], numbered)
    rows = _read_separated(numbered, name, "\t", "label<TAB>text", columns)
    yield from _repeats(rows, (columns.label, columns.text), name, notes) if has_header else rows


def _read_quoted(
    records: Sequence[tuple[int, list[str]]], name: str, columns: _Columns, notes: list[str]
) -> Iterator[Row]:
    """The rows of a file of which every cell is in quotation marks; the first record may be a header."""
    notes.append(f"{name}: every cell is in quotation marks, which were taken off as those of CSV are")
    number, names = records[0]
    rows = records[1:]
    at, fields = (0, 1), 2
    if columns.given:
        at, fields = _places(names, name, number, columns), len(names)
    elif names != [columns.label, columns.text]:
        if columns.label in (cell.strip().casefold() for cell in names):
            raise _like_header(names, name, number)
        rows = records
    for number, cells in rows:
        if len(cells) != fields:
            problem = f"{len(cells)} cells, where {fields} are expected: name the columns with --label-column and "
            raise DataError(f"{problem}--text-column", source=name, line=number)
        yield _row(number, cells[at[0]], cells[at[1]], name, columns)


def _like_header(names: Sequence[str], name: str, line: int) -> DataError:
    return DataError(
        f"this looks like a header ({shown_names(names)}), and only label<TAB>text is taken for one: name its "
        "columns with --label-column and --text-column, or put the line label<TAB>text before it if it is not a header",
        source=name,
        line=line,
    )


def _read_named(
    numbered: Iterator[tuple[int, str]], name: str, names: Sequence[str], at: tuple[int, int], columns: _Columns
) -> Iterator[Row]:
    """The rows after the header ``names`` of a tsv file, with label and text at the places ``at``."""
    most = len(names) - 1 if at[1] == len(names) - 1 else -1  # as without names, the text may hold tabs at the end
    for number, content in numbered:
        fields = content.split("\t", most)
        if len(fields) != len(names):
            problem = f"{len(fields)} fields, where the header has {len(names)}"
            if len(fields) > len(names):
                problem += ": only a text in the last column may hold tabs"
            raise DataError(problem, source=name, line=number)
        yield _row(number, fields[at[0]], fields[at[1]], name, columns)


def _read_space(lines: Iterator[str], name: str, columns: _Columns, notes: list[str]) -> Iterator[Row]:
    if columns.given:
        raise HyperParameterError(
            f"{name}: the form label, a space, text has no columns to name; tsv, csv and jsonl have"
        )
    numbered = _not_blank(lines)
    first = next(numbered, None)
    if first is None:
        return
    if first[1].startswith(QUOTE):
        kept = [first, *((number, content) for number, content in enumerate(map(_content, lines), start=first[0] + 1))]
        records = unquoted(kept, " ")
        if records is not None:
            yield from _read_quoted(records, name, columns, notes)
            return
        numbered = ((number, content) for number, content in kept[1:] if content)
    yield from _read_separated(itertools.chain([first], numbered), name, " ", "label, a space, text", columns)


def _read_separated(
    numbered: Iterator[tuple[int, str]], name: str, separator: str, form: str, columns: _Columns
) -> Iterator[Row]:
    for number, line in numbered:
        label, found, text = line.partition(separator)
        if not found:
            what = "tab" if separator == "\t" else "space"
            raise DataError(f"no {what} on this line: the form is {form} (or give --format)", source=name, line=number)
        yield _row(number, label, text, name, columns)


def _not_blank(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Number and content of each line that has any."""
    return ((number, line) for number, line in enumerate(map(_content, lines), start=1) if line)


def _read_csv(lines: Iterator[str], name: str, columns: _Columns, notes: list[str]) -> Iterator[Row]:
    header: list[str] = []
    yield from _repeats(_csv_rows(lines, name, columns, header), header, name, notes)


def _csv_rows(lines: Iterator[str], name: str, columns: _Columns, header: list[str]) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    names: list[str] | None = None
    first = 1
    with field_limit():
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise DataError(f"invalid CSV: {error}", source=name, line=first) from None
            begin, first = first, reader.line_num + 1
            if fields is None:
                return
            if not fields:
                continue
            if names is None:
                names = fields
                remedy = ", and --format tsv, as tabs separate the columns" if "\t" in names[0] else ""
                at = _places(names, name, begin, columns, remedy)
                header += [names[place] for place in at]
                continue
            if len(fields) != len(names):
                problem = f"{len(fields)} fields, where the header has {len(names)}: quote fields that hold commas"
                raise DataError(problem, source=name, line=begin)
            yield _row(begin, fields[at[0]], fields[at[1]], name, columns)


def _places(names: Sequence[str], name: str, line: int, columns: _Columns, remedy: str = "") -> tuple[int, int]:
    """Places of label and text in a header.

    Args:
        names: The header.
        name: Of the file.
        line: On which the header is.
        columns: What was asked for.
        remedy: What else than naming another column helps if there is no such one.

    Raises:
        DataError: There is no such column, or there are several, or both are one.
    """
    remedy = f"name them with --label-column and --text-column{remedy}"
    label, text = (find_column(wanted, names, name, line, remedy=remedy) for wanted in (columns.label, columns.text))
    if label == text:
        problem = f"label ({columns.label}) and text ({columns.text}) are one column of the header: name two"
        raise DataError(problem, source=name, line=line)
    return label, text


def _read_jsonl(lines: Iterator[str], name: str, columns: _Columns, notes: list[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t\r\n"):
            continue
        value = json_object(line, name, number)
        for wanted in (columns.label, columns.text):
            if wanted not in value:
                raise DataError(
                    f"no {wanted!r} in this object (it has {shown_names(value)}){suggestion(wanted, value)}: "
                    "name them with --label-column and --text-column",
                    source=name,
                    line=number,
                )
        label, text = value[columns.label], value[columns.text]
        row = _row(number, label, text, name, columns)
        if not isinstance(text, str):
            raise DataError(f"the text is {json.dumps(text)[:_SHOWN]}: it must be a string", source=name, line=number)
        yield row


def _row(number: int, label: Any, text: str, name: str, columns: _Columns) -> Row:
    return number, columns.check(label, name, number), text


def _checked_label(label: Any, name: str, line: int) -> str | int | bool:
    """A label of a file, where it is one: of JSON also an integer or a boolean."""
    if not isinstance(label, (str, int)):
        problem = f"the label is {json.dumps(label)[:_SHOWN]}: it must be a string, an integer or a boolean"
        raise DataError(problem, source=name, line=line)
    if not isinstance(label, str):
        return label if isinstance(label, bool) else int(label)
    if not label.strip():
        raise DataError("the label is empty", source=name, line=line)
    if fault := _fault(label):
        raise DataError(f"the label {fault}", source=name, line=line)
    return label


_READERS: Final = {"tsv": _read_tsv, "space": _read_space, "csv": _read_csv, "jsonl": _read_jsonl}
