"""Labelled texts, in memory and from files: ``label<TAB>text``, ``label text``, CSV and JSONL."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.parameters import suggestion
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.blocks import MAX_LINE_BYTES, byte_blocks, line_blocks
from nlmkit.text.marks import Marks
from nlmkit.text.pipeline import DecodingErrors
from nlmkit.text.sources import ByteReader, ByteSource, Source, TextSource, expand, expand_names
from nlmkit.text.tables import items_of, problem_of_item, refuse_table

Format = Literal["tsv", "space", "csv", "jsonl"]
"""``tsv``: a label, a tab, the text; or named columns, where names are given. ``space``: a label without spaces, a
space, the text. ``csv`` and ``jsonl``: named columns."""

FORMATS: Final = get_args(Format)
LABEL_COLUMN: Final = "label"
TEXT_COLUMN: Final = "text"

_SUFFIXES: Final[dict[str, Format]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_DOUBTED_TEXTS: Final = 20  # of fewer texts many may well have a label of their own
_DOUBTED_SHARE: Final = 0.9
_SHOWN: Final = 40  # characters of a column's name or of a value in an error

Row: TypeAlias = tuple[int, str, str]
"""Line number, label, text."""


class _Columns(NamedTuple):
    """Where label and text are in a form that names its columns.

    Attributes:
        label: Name of the column with the label.
        text: Name of the column with the text.
        given: Whether the user named either of them, so that a tsv file must have a header.
    """

    label: str
    text: str
    given: bool


@dataclass(frozen=True, eq=False, repr=False)
class LabelledTexts:
    """Texts, each with its label. Immutable.

    Attributes:
        texts: The texts as they are, not tokenized.
        labels: One label a text: array [texts] of strings, int64 or booleans.
        source: What errors call the texts.
        lines: Line of the source on which each text begins: int64 [texts]; None where there are no lines.
        encoding: How the texts' bytes were decoded.
        errors: What was done with undecodable bytes.
        marks: What is done with NUL and the tokens ``<s>`` and ``</s>``; see :class:`~nlmkit.text.TextPipeline`. They
            are ordinary words by default, since classifiers put no marks around texts.

    Raises:
        DataError: A text is no string, there is not one label a text, or a label is neither string, integer nor
            boolean, or not of the type of the others, or a string that cannot be kept as it is.
    """

    texts: tuple[str, ...]
    labels: NDArray[Any]
    source: str = "<texts>"
    lines: NDArray[np.int64] | None = None
    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"
    marks: Marks = "literal"

    def __init__(
        self,
        texts: Iterable[str],
        labels: ArrayLike | Sequence[Any],
        *,
        source: str = "<texts>",
        lines: NDArray[np.int64] | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "literal",
    ) -> None:
        set_ = object.__setattr__
        set_(self, "texts", as_texts(texts))
        set_(self, "labels", as_labels(labels, source=source))
        if len(self.labels) != len(self.texts):
            raise DataError(
                f"{len(self.texts)} texts and {len(self.labels)} labels: each text needs one", source=source
            )
        set_(self, "source", source)
        set_(self, "lines", lines)
        set_(self, "encoding", encoding)
        set_(self, "errors", errors)
        set_(self, "marks", marks)

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
        may not. In ``tsv`` the text begins after the first tab, whatever else is in it, quotation marks included; a
        first line that is exactly ``label<TAB>text`` is a header, and any other one with a cell ``label`` is refused,
        since it would be a header that is taken for a text. Where a column is named, the first line of a ``tsv`` file
        is its header: columns in any order, of which only a text in the last one may hold tabs. CSV is RFC 4180 with
        a header line: fields in quotation marks may hold line feeds. A JSONL label may be a number or a boolean,
        whose spelling is the label then.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, or open binary file;
                compressed files are unpacked.
            format: One of :data:`FORMATS`; by default told by each file's name (.csv, .jsonl, .ndjson), else ``tsv``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the tokens ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.
            label_column: Name of the column with the label; by default ``label``.
            text_column: Name of the column with the text; by default ``text``.

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
        )
        if columns.label == columns.text:
            raise HyperParameterError(f"label and text cannot both be in the column {columns.text!r}")
        pipeline = TextPipeline(encoding=encoding, errors=errors, marks=marks)
        several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
        sources = expand_names(cast(Any, source)) if several else expand(source)
        rows: list[Row] = []
        for each in sources:
            reader = _READERS[cast(Format, format) or _format_of(each)]
            rows += reader(_lines(each, pipeline), each.name, columns)
        numbers, labels, texts = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(
            texts,
            labels,
            source=", ".join(dict.fromkeys(each.name for each in sources)),
            lines=np.array(numbers, np.int64) if len(sources) == 1 else None,
            encoding=encoding,
            errors=errors,
            marks=marks,
        )

    def take(self, indices: ArrayLike) -> LabelledTexts:
        """The texts with these indices, in their order."""
        chosen = np.asarray(indices, np.int64)
        return LabelledTexts(
            [self.texts[index] for index in chosen.tolist()],
            self.labels[chosen],
            source=self.source,
            lines=None if self.lines is None else self.lines[chosen],
            encoding=self.encoding,
            errors=self.errors,
            marks=self.marks,
        )

    def with_labels(self, labels: ArrayLike | Sequence[Any]) -> LabelledTexts:
        """The same texts with other labels."""
        return LabelledTexts(
            self.texts,
            labels,
            source=self.source,
            lines=self.lines,
            encoding=self.encoding,
            errors=self.errors,
            marks=self.marks,
        )

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """The texts as a corpus with one document a sentence.

        Raises:
            DataError: A text cannot be read; names the source and its line.
        """
        return encode(self.texts, pipeline, source=self.source, lines=self.lines, marks=self.marks)

    @cached_property
    def notes(self) -> list[str]:
        """What whoever uses the texts should know: that nearly each of them has a label of its own."""
        once = int((np.unique(self.labels, return_counts=True)[1] == 1).sum())
        if len(self) < _DOUBTED_TEXTS or once < _DOUBTED_SHARE * len(self):
            return []
        return [
            f"{once} of {len(self)} texts have a label that no other text has: were labels and texts taken for each "
            "other, or another column for the label?"
        ]

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over texts and labels."""
        digest = hashlib.sha256(f"{len(self)}\n".encode())
        for text, label in zip(self.texts, self.labels.tolist(), strict=True):
            digest.update(json.dumps([text, label]).encode())
        return digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"<LabelledTexts: {len(self)} texts, {len(np.unique(self.labels))} labels, from {self.source}>"


def encode(
    texts: Iterable[str],
    pipeline: TextPipeline,
    *,
    source: str = "<texts>",
    lines: NDArray[np.int64] | None = None,
    marks: Marks = "literal",
) -> Corpus:
    """Tokenize texts: a corpus with one document a sentence. Line feeds in a text are spaces.

    Args:
        texts: The texts.
        pipeline: How they become tokens.
        source: What errors call them.
        lines: Line of each in its source; without, they are counted from 1.
        marks: What to do with NUL and the tokens ``<s>`` and ``</s>``.

    Raises:
        DataError: A text is no string, or holds a lone surrogate, or under ``error`` NUL or a sentence mark.
    """
    documents = [_one_line(text) for text in as_texts(texts)]
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
        DataError: They are one string, or one of them is none; says which.
    """
    refuse_table(texts, "the list of texts")
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        what = "one text" if isinstance(texts, str) else type(texts).__name__
        raise DataError(f"a classifier takes a sequence of texts, not {what}: put a single text in a list")
    found = tuple(items_of(texts))
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise DataError(f"text {number} {problem_of_item(text) or f'is {type(text).__name__}, not a string'}")
    return found


def as_labels(labels: ArrayLike | Sequence[Any], *, source: str | None = None) -> NDArray[Any]:
    """Labels as an array of strings, int64 or booleans.

    Raises:
        DataError: They are of several types or of another one, or a string cannot be kept as it is; says which.
    """
    refuse_table(labels, "the list of labels")
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise DataError(f"labels must be a sequence, one label a text, not {type(labels).__name__}", source=source)
    values = [value.item() if isinstance(value, np.generic) else value for value in items_of(labels)]
    wanted = type(values[0]) if values else str
    for number, value in enumerate(values, start=1):
        if type(value) not in _LABELS:
            problem = f"label {number} is {type(value).__name__}: labels are strings, integers or booleans"
            raise DataError(problem, source=source)
        if type(value) is not wanted:
            problem = f"label {number} is {type(value).__name__} and the first one {wanted.__name__}: use one type"
            raise DataError(problem, source=source)
        if isinstance(value, str) and (fault := _fault(value)):
            raise DataError(f"label {number} {fault}", source=source)
    try:
        return np.array(values, _LABELS[wanted])
    except OverflowError:
        raise DataError("an integer label does not fit into 64 bits: use strings", source=source) from None


_LABELS: Final[dict[type, Any]] = {str: np.str_, int: np.int64, bool: np.bool_}


def _fault(label: str) -> str | None:
    """Why a label cannot be kept as it is, if it cannot."""
    if label.endswith("\0"):  # NumPy would drop it
        return "ends in NUL"
    found = _SURROGATE.search(label)  # which no file could hold, a saved classifier's neither
    return f"holds a lone surrogate, U+{ord(found[0]):04X}, which is no character" if found else None


def _one_line(text: str) -> str:
    if "\n" not in text:
        return text
    return text.replace("\r\n", " ").replace("\n", " ")


# -------------------------------------------------------------------------------------------------------- readers


def _format_of(source: Source) -> Format:
    """The format that a file's name tells."""
    path = Path(source.name)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1] if suffixes else "", "tsv")


def _lines(source: Source, pipeline: TextPipeline) -> Iterator[str]:
    """The decoded lines of a source, each with its LF."""
    if isinstance(source, ByteSource):
        with ByteReader(source, utf8=pipeline.is_utf8) as reader:
            for block in byte_blocks(reader, pipeline, source.name, size=_BLOCK_BYTES):
                yield from _split(block.text())
        return
    lines = getattr(source, "lines", None)
    if lines is None:
        raise DataError("labelled texts are read from files or lines, not from token lists", source=source.name)
    for block in line_blocks(lines, pipeline, source.name, size=_BLOCK_BYTES, most=_LINES_AT_ONCE):
        yield from _split(block.text())


def _split(text: str) -> Iterator[str]:
    return (line + "\n" for line in text.split("\n")[:-1])  # str.splitlines would split at U+0085, too


def _content(line: str) -> str:
    """A line without what ends it."""
    return line.removesuffix("\n").removesuffix("\r")


def _read_tsv(lines: Iterator[str], name: str, columns: _Columns) -> Iterator[Row]:
    numbered = _not_blank(lines)
    first = next(numbered, None)
    if first is None:
        return
    number, line = first
    names = line.split("\t")
    if columns.given:
        yield from _read_named(numbered, name, names, columns, number)
        return
    if names != [columns.label, columns.text]:
        if len(names) > 1 and columns.label in (cell.strip().casefold() for cell in names):
            raise DataError(
                f"this looks like a header ({_shown(names)}), and only label<TAB>text is taken for one: name its "
                "columns with --label-column and --text-column, or put the line label<TAB>text before it if it is none",
                source=name,
                line=number,
            )
        numbered = itertools.chain([first], numbered)
    yield from _read_separated(numbered, name, "\t", "label<TAB>text")


def _read_named(
    numbered: Iterator[tuple[int, str]], name: str, names: Sequence[str], columns: _Columns, line: int
) -> Iterator[Row]:
    """The rows after the header ``names`` of a tsv file, which is on ``line``."""
    remedy = ", give the --format if it is not tsv, or leave the names out if the file is label<TAB>text with no header"
    at = [_column(wanted, names, name, line, remedy) for wanted in (columns.label, columns.text)]
    most = len(names) - 1 if at[1] == len(names) - 1 else -1  # as without names, the text may hold tabs at the end
    for number, content in numbered:
        fields = content.split("\t", most)
        if len(fields) != len(names):
            problem = f"{len(fields)} fields, where the header has {len(names)}"
            if len(fields) > len(names):
                problem += ": only a text in the last column may hold tabs"
            raise DataError(problem, source=name, line=number)
        yield _row(number, fields[at[0]], fields[at[1]], name)


def _read_space(lines: Iterator[str], name: str, columns: _Columns) -> Iterator[Row]:
    if columns.given:
        raise HyperParameterError(
            f"{name}: the form label, a space, text has no columns to name; tsv, csv and jsonl have"
        )
    yield from _read_separated(_not_blank(lines), name, " ", "label, a space, text")


def _read_separated(numbered: Iterator[tuple[int, str]], name: str, separator: str, form: str) -> Iterator[Row]:
    for number, line in numbered:
        label, found, text = line.partition(separator)
        if not found:
            what = "tab" if separator == "\t" else "space"
            raise DataError(f"no {what} on this line: the form is {form} (or give --format)", source=name, line=number)
        yield _row(number, label, text, name)


def _not_blank(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Number and content of each line that has any."""
    return ((number, line) for number, line in enumerate(map(_content, lines), start=1) if line)


def _read_csv(lines: Iterator[str], name: str, columns: _Columns) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    names: list[str] | None = None
    first = 1
    with _field_limit():
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise DataError(f"no valid CSV: {error}", source=name, line=first) from None
            begin, first = first, reader.line_num + 1
            if fields is None:
                return
            if not fields:
                continue
            if names is None:
                names = fields
                remedy = ", and --format tsv, as tabs separate the columns" if "\t" in names[0] else ""
                at = [_column(wanted, names, name, begin, remedy) for wanted in (columns.label, columns.text)]
                continue
            if len(fields) != len(names):
                problem = f"{len(fields)} fields, where the header has {len(names)}: quote fields that hold commas"
                raise DataError(problem, source=name, line=begin)
            yield _row(begin, fields[at[0]], fields[at[1]], name)


@contextlib.contextmanager
def _field_limit() -> Iterator[None]:
    """Let a field be as long as any line may be; the module's own limit is 128 KiB, and global."""
    before = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _column(wanted: str, names: Sequence[str], name: str, line: int, remedy: str = "") -> int:
    """Place of a column in a header.

    Args:
        wanted: Name of the column.
        names: The header.
        name: Of the file.
        line: On which the header is.
        remedy: What else than naming another column helps if there is no such one.

    Raises:
        DataError: There is no such column, or there are several.
    """
    if names.count(wanted) == 1:
        return names.index(wanted)
    if wanted in names:
        problem = f"several columns named {wanted!r} in the header ({_shown(names)}): rename all but one of them"
    else:
        problem = (
            f"no column named {wanted!r} in the header ({_shown(names)}){suggestion(wanted, names)}: "
            f"name them with --label-column and --text-column{remedy}"
        )
    raise DataError(problem, source=name, line=line)


def _shown(names: Iterable[str]) -> str:
    """Names of columns, of which there may be many, and which may be a text where there is no header."""
    return ", ".join(name if len(name) <= _SHOWN else name[:_SHOWN] + "..." for name in itertools.islice(names, 20))


def _read_jsonl(lines: Iterator[str], name: str, columns: _Columns) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t\r\n"):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = str(error) if isinstance(error, ValueError) else "nested too deep"
            raise DataError(f"no valid JSON: {problem}", source=name, line=number) from None
        if not isinstance(value, dict):
            raise DataError("each line must be a JSON object", source=name, line=number)
        for wanted in (columns.label, columns.text):
            if wanted not in value:
                raise DataError(
                    f"no {wanted!r} in this object (it has {_shown(value)}){suggestion(wanted, value)}: "
                    "name them with --label-column and --text-column",
                    source=name,
                    line=number,
                )
        label, text = value[columns.label], value[columns.text]
        if not isinstance(label, (str, int)):
            problem = f"the label is {json.dumps(label)[:_SHOWN]}: it must be a string, an integer or a boolean"
            raise DataError(problem, source=name, line=number)
        if not isinstance(text, str):
            raise DataError(f"the text is {json.dumps(text)[:_SHOWN]}: it must be a string", source=name, line=number)
        yield _row(number, label if isinstance(label, str) else json.dumps(label), text, name)


def _row(number: int, label: str, text: str, name: str) -> Row:
    if not label.strip():
        raise DataError("the label is empty", source=name, line=number)
    if fault := _fault(label):
        raise DataError(f"the label {fault}", source=name, line=number)
    return number, label, text


_READERS: Final = {"tsv": _read_tsv, "space": _read_space, "csv": _read_csv, "jsonl": _read_jsonl}
