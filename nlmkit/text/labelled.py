"""Labelled texts, in memory and from files: ``label<TAB>text``, ``label text``, CSV and JSONL."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.columns import format_of
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.labelled_rows import FORMATS, Format, LabelledColumns, LabelledRow, labelled_rows
from nlmkit.text.labels import as_labels, checked_label, label_kind, of_kind, spelt
from nlmkit.text.marks import Marks
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.rows import one_line
from nlmkit.text.sources import TextSource, expand, expand_names, refuse_columns
from nlmkit.text.tables import items_of, problem_of_item, refuse_table

LABEL_COLUMN: Final = "label"
TEXT_COLUMN: Final = "text"

_LABEL_SHOWN: Final = 40  # characters of a label in an error
_IN_MEMORY: Final = Decoding(marks="literal")

__all__ = ["FORMATS", "Format", "LabelledTexts", "as_labels", "as_texts", "encode", "label_kind"]


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
                f"{len(self.texts)} texts and {len(self.labels)} {self._called}: expected one per text", source=source
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
        whose spelling is the label then. What looks odd about the labels is in ``notes``.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, or open binary file;
                compressed files are unpacked.
            format: One of ``FORMATS``; by default that of each file's suffix (.csv, .jsonl, .ndjson), else ``tsv``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the tokens ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.
            label_column: Name of the column with the label, by default ``label``; a number that no column is called is
                the column's place in the header, from 1 (not of JSONL, whose keys have no places).
            text_column: Column with the text in the same way; by default ``text``.

        Raises:
            DataError: A source is missing, or a line is malformed; names the file and the line.
            HyperParameterError: The format is unknown, the two columns are one, or columns are named in a form that
                has none, or of ``corpus:NAME``.
        """
        if format is not None and format not in FORMATS:
            raise HyperParameterError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
        columns = LabelledColumns(
            LABEL_COLUMN if label_column is None else label_column,
            TEXT_COLUMN if text_column is None else text_column,
            given=not (label_column is None and text_column is None),
            check=cls._checked,
        )
        if columns.label == columns.text:
            raise HyperParameterError(f"{cls._called[:-1]} and text cannot both be in the column {columns.text!r}")
        decoding = Decoding(encoding, errors, marks)
        several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
        if columns.given:
            refuse_columns(cast(Any, source) if several else [source], "--label-column and --text-column")
        sources = expand_names(cast(Any, source)) if several else expand(source)
        rows: list[LabelledRow] = []
        notes: list[str] = []
        first: list[tuple[int, str]] = []
        for each in sources:
            form = cast(Format, format) or format_of(each.name)
            before = len(rows)
            rows += labelled_rows(each, decoding, form, columns, notes)
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
        """Handling of undecodable bytes."""
        return self.decoding.errors

    @property
    def marks(self) -> Marks:
        """Handling of NUL and the tokens ``<s>`` and ``</s>``."""
        return self.decoding.marks

    def take(self, indices: ArrayLike) -> Self:
        """Return the texts with these indices, in their order."""
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
        """Return the same texts with other labels."""
        return type(self)(
            self.texts,
            labels,
            source=self.source,
            lines=self.lines,
            reading_notes=self.reading_notes,
            first=self.first,
            **asdict(self.decoding),
        )

    def with_labels_of_kind(self, kind: str) -> LabelledTexts:
        """Return the same texts with labels, which are strings in files, of the kind of a classifier's.

        Args:
            kind: What ``label_kind`` returns of the classifier's labels: ``U``, ``i`` or ``b``.

        Raises:
            DataError: A label does not spell an integer, or a boolean.
        """
        if kind in ("U", label_kind(self.labels)):
            return self
        labels = []
        for number, label in enumerate(self.labels.tolist()):
            try:
                labels.append(of_kind(label, kind))
            except ValueError:
                wanted = "integers of 64 bits" if kind == "i" else "True and False"
                line = None if self.lines is None else int(self.lines[number])
                shown = label if len(label) <= _LABEL_SHOWN else f"{label[:_LABEL_SHOWN]}..."
                problem = f"the label {shown!r}: the labels of the classifier are {wanted}"
                raise DataError(problem, source=self.source, line=line) from None
        return self.with_labels(labels)

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """Return the texts as a corpus with one document per sentence.

        Raises:
            DataError: A text cannot be read; names the source and its line.
        """
        return encode(self.texts, pipeline, source=self.source, lines=self.lines, marks=self.decoding.marks)

    @cached_property
    def notes(self) -> list[str]:
        """Notes for users of the texts: see ``nlmkit.text.label_notes``."""
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
        """Number of texts per label, in the order of the labels."""
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
        """Return the labels of texts in memory as an array."""
        return as_labels(labels, source=source)

    @classmethod
    def _checked(cls, label: Any, name: str, line: int) -> Any:
        """Return a label of a file as it is kept until all are read."""
        return checked_label(label, name, line)

    @classmethod
    def _of_rows(cls, labels: Sequence[Any], notes: list[str]) -> Sequence[Any]:
        """Return the labels of all files, of what was kept of each; may add notes."""
        return spelt(labels, notes)

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
    item: str = "text",
) -> Corpus:
    """Tokenize texts: a corpus with one document per sentence. Line feeds in a text are spaces.

    Args:
        texts: The texts.
        pipeline: How they become tokens.
        source: What errors call them.
        lines: Line of each in its source; without, they are counted from 1.
        marks: What to do with NUL and the tokens ``<s>`` and ``</s>``.
        item: What errors call one text where there are no lines.

    Raises:
        DataError: A text is not a string, or holds a lone surrogate, or under ``error`` NUL or a sentence mark.
    """
    documents = [one_line(text) for text in as_texts(texts, item)]
    try:
        return Corpus.read(
            iter(documents), pipeline.with_marks(marks)
        )  # an iterator: a list of file names would be refused
    except DataError as error:
        if error.line is None:
            raise
        number = error.line if lines is None else int(lines[error.line - 1])
        place = f"{source}, {item} {number}" if lines is None else source
        raise DataError(error.problem, source=place, line=None if lines is None else number) from None


def as_texts(texts: Iterable[str], item: str = "text", *, may_be_empty: bool = True) -> tuple[str, ...]:
    """Texts as a tuple.

    Args:
        texts: The texts.
        item: What errors call one of them.
        may_be_empty: Whether errors may advise empty texts.

    Raises:
        DataError: They are a table, a mapping, a set or one string, or one of them is not a string; names which.
    """
    refuse_table(texts, f"the list of {item}s")
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        what = f"one {item}" if isinstance(texts, str) else type(texts).__name__
        raise DataError(f"expected a sequence of {item}s, not {what}: pass a single {item} in a list")
    found = tuple(items_of(texts))
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            problem = problem_of_item(text, may_be_empty=may_be_empty)
            raise DataError(f"{item} {number} {problem or f'is {type(text).__name__}, not a string'}")
    return found
