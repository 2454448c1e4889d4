"""Labelled texts, in memory and from files: ``label<TAB>text``, ``label text``, CSV and JSONL."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.parameters import suggestion
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.blocks import MAX_LINE_BYTES, byte_blocks, line_blocks
from nlmkit.text.pipeline import DecodingErrors
from nlmkit.text.sources import ByteReader, ByteSource, Source, TextSource, expand, expand_names

Format = Literal["tsv", "space", "csv", "jsonl"]
"""``tsv``: a label, a tab, the text. ``space``: a label without spaces, a space, the text. ``csv`` and ``jsonl``: named
columns."""

FORMATS: Final = get_args(Format)
LABEL_COLUMN: Final = "label"
TEXT_COLUMN: Final = "text"

_SUFFIXES: Final[dict[str, Format]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096

Row: TypeAlias = tuple[int, str, str]
"""Line number, label, text."""


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

    Raises:
        DataError: A text is no string, there is not one label a text, or a label is neither string, integer nor
            boolean, or not of the type of the others.
    """

    texts: tuple[str, ...]
    labels: NDArray[Any]
    source: str = "<texts>"
    lines: NDArray[np.int64] | None = None
    encoding: str = "utf-8"
    errors: DecodingErrors = "strict"

    def __init__(
        self,
        texts: Iterable[str],
        labels: ArrayLike | Sequence[Any],
        *,
        source: str = "<texts>",
        lines: NDArray[np.int64] | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
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

    @classmethod
    def read(
        cls,
        source: TextSource | Sequence[str],
        *,
        format: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        label_column: str = LABEL_COLUMN,
        text_column: str = TEXT_COLUMN,
    ) -> LabelledTexts:
        """Read labelled texts.

        A blank line holds nothing and is passed over. Labels are strings, kept exactly; a text may be empty, a label
        may not. In ``tsv`` the text begins after the first tab, whatever else is in it, quotation marks included; a
        first line that is exactly ``label<TAB>text`` (the column names) is a header. CSV is RFC 4180 with a header
        line: fields in quotation marks may hold line feeds. A JSONL label may be a number or a boolean, whose
        spelling is the label then.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, or open binary file;
                compressed files are unpacked.
            format: One of :data:`FORMATS`; by default told by each file's name (.csv, .jsonl, .ndjson), else ``tsv``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            label_column: Name of the column with the label. A tsv file has no other columns; names that are given for
                it must be its header.
            text_column: Name of the column with the text.

        Raises:
            DataError: A source is missing, or a line is malformed; names the file and the line.
            HyperParameterError: There is no such format, or the two columns are one.
        """
        if format is not None and format not in FORMATS:
            raise HyperParameterError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
        if label_column == text_column:
            raise HyperParameterError(f"label and text cannot both be in the column {text_column!r}")
        pipeline = TextPipeline(encoding=encoding, errors=errors)
        several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
        sources = expand_names(cast(Any, source)) if several else expand(source)
        rows: list[Row] = []
        for each in sources:
            reader = _READERS[cast(Format, format) or _format_of(each)]
            rows += reader(_lines(each, pipeline), each.name, label_column, text_column)
        numbers, labels, texts = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(
            texts,
            labels,
            source=", ".join(dict.fromkeys(each.name for each in sources)),
            lines=np.array(numbers, np.int64) if len(sources) == 1 else None,
            encoding=encoding,
            errors=errors,
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
        )

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """The texts as a corpus with one document a sentence.

        Raises:
            DataError: A text cannot be read; names the source and its line.
        """
        return encode(self.texts, pipeline, source=self.source, lines=self.lines)

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
    texts: Iterable[str], pipeline: TextPipeline, *, source: str = "<texts>", lines: NDArray[np.int64] | None = None
) -> Corpus:
    """Tokenize texts: a corpus with one document a sentence. Line feeds in a text are spaces.

    Args:
        texts: The texts.
        pipeline: How they become tokens.
        source: What errors call them.
        lines: Line of each in its source; without, they are counted from 1.

    Raises:
        DataError: A text is no string, or holds NUL, a lone surrogate or a sentence mark as a token.
    """
    documents = [_one_line(text) for text in as_texts(texts)]
    try:
        return Corpus.read(iter(documents), pipeline)  # an iterator: a list of file names would be refused
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
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        what = "one text" if isinstance(texts, str) else type(texts).__name__
        raise DataError(f"a classifier takes a sequence of texts, not {what}: put a single text in a list")
    found = tuple(texts)
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise DataError(f"text {number} is {type(text).__name__}, not a string")
    return found


def as_labels(labels: ArrayLike | Sequence[Any], *, source: str | None = None) -> NDArray[Any]:
    """Labels as an array of strings, int64 or booleans.

    Raises:
        DataError: They are of several types or of another one; says which.
    """
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise DataError(f"labels must be a sequence, one label a text, not {type(labels).__name__}", source=source)
    values = [value.item() if isinstance(value, np.generic) else value for value in labels]
    wanted = type(values[0]) if values else str
    for number, value in enumerate(values, start=1):
        if type(value) not in _LABELS:
            problem = f"label {number} is {type(value).__name__}: labels are strings, integers or booleans"
            raise DataError(problem, source=source)
        if type(value) is not wanted:
            problem = f"label {number} is {type(value).__name__} and the first one {wanted.__name__}: use one type"
            raise DataError(problem, source=source)
        if isinstance(value, str) and value.endswith("\0"):  # NumPy would drop it
            raise DataError(f"label {number} ends in NUL", source=source)
    try:
        return np.array(values, _LABELS[wanted])
    except OverflowError:
        raise DataError("an integer label does not fit into 64 bits: use strings", source=source) from None


_LABELS: Final[dict[type, Any]] = {str: np.str_, int: np.int64, bool: np.bool_}


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


def _read_tsv(lines: Iterator[str], name: str, label_column: str, text_column: str) -> Iterator[Row]:
    header = f"{label_column}\t{text_column}"
    named = (label_column, text_column) != (LABEL_COLUMN, TEXT_COLUMN)
    yield from _read_separated(lines, name, "\t", "label<TAB>text", header=header, named=named)


def _read_space(lines: Iterator[str], name: str, label_column: str, text_column: str) -> Iterator[Row]:
    if (label_column, text_column) != (LABEL_COLUMN, TEXT_COLUMN):
        raise HyperParameterError(f"{name}: the form label, a space, text has no columns to name; csv and jsonl have")
    yield from _read_separated(lines, name, " ", "label, a space, text")


def _read_separated(
    lines: Iterator[str], name: str, separator: str, form: str, *, header: str | None = None, named: bool = False
) -> Iterator[Row]:
    for number, line in enumerate(map(_content, lines), start=1):
        if number == 1 and named and line != header:
            raise DataError(
                f"columns are named, but the first line is not {header!r}: a tsv file has a label and a text, without "
                "names or under these; other tables are csv or jsonl",
                source=name,
                line=1,
            )
        if not line or (number == 1 and line == header):
            continue
        label, found, text = line.partition(separator)
        if not found:
            what = "tab" if separator == "\t" else "space"
            raise DataError(f"no {what} on this line: the form is {form} (or give --format)", source=name, line=number)
        yield _row(number, label, text, name)


def _read_csv(lines: Iterator[str], name: str, label_column: str, text_column: str) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    columns: list[str] | None = None
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
            if columns is None:
                columns = fields
                at = [_column(wanted, columns, name) for wanted in (label_column, text_column)]
                continue
            if len(fields) != len(columns):
                problem = f"{len(fields)} fields, where the header has {len(columns)}: quote fields that hold commas"
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


def _column(wanted: str, columns: Sequence[str], name: str) -> int:
    if columns.count(wanted) == 1:
        return columns.index(wanted)
    problem = "no column" if wanted not in columns else "several columns"
    known = ", ".join(columns[:20])
    raise DataError(
        f"{problem} named {wanted!r} in the header ({known}){suggestion(wanted, columns)}: "
        "name them with --label-column and --text-column",
        source=name,
        line=1,
    )


def _read_jsonl(lines: Iterator[str], name: str, label_column: str, text_column: str) -> Iterator[Row]:
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
        for wanted in (label_column, text_column):
            if wanted not in value:
                raise DataError(
                    f"no {wanted!r} in this object (it has {', '.join(list(value)[:20])}){suggestion(wanted, value)}: "
                    "name them with --label-column and --text-column",
                    source=name,
                    line=number,
                )
        label, text = value[label_column], value[text_column]
        if not isinstance(label, (str, int)):
            problem = f"the label is {json.dumps(label)[:40]}: it must be a string, an integer or a boolean"
            raise DataError(problem, source=name, line=number)
        if not isinstance(text, str):
            raise DataError(f"the text is {json.dumps(text)[:40]}: it must be a string", source=name, line=number)
        yield _row(number, label if isinstance(label, str) else json.dumps(label), text, name)


def _row(number: int, label: str, text: str, name: str) -> Row:
    if not label.strip():
        raise DataError("the label is empty", source=name, line=number)
    return number, label, text


_READERS: Final = {"tsv": _read_tsv, "space": _read_space, "csv": _read_csv, "jsonl": _read_jsonl}
