"""Reading of tagged sentences: sources, formats, and what the rows of all formats become."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import catalog, nltk_corpora
from nlmkit.text.column import Column
from nlmkit.text.columns import suffix_of
from nlmkit.text.decoding import Decoding
from nlmkit.text.indexing import reserved_token
from nlmkit.text.marks import LITERAL, without_marks, without_nul
from nlmkit.text.rows import decoded
from nlmkit.text.segmented import SCHEME, segmented_rows
from nlmkit.text.sources import CATALOG_PREFIX, ByteSource, LineSource, Source, TextSource, expand
from nlmkit.text.tag_notes import length_note
from nlmkit.text.tag_schemes import check_scheme, detect, foreign_tag, is_of, mixed_tags
from nlmkit.text.tagged_rows import Request, RowBlock, column_rows, conllu_rows

Format = Literal["columns", "conllu", "segmented"]
FORMATS: Final = get_args(Format)

_SUFFIXES: Final[Mapping[str, Format]] = {".conllu": "conllu"}
_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096


class ReadSentences(NamedTuple):
    """What was read; see the attributes of ``TaggedSentences``."""

    words: Column
    offsets: NDArray[np.int64]
    tags: Column | None
    features: tuple[Column, ...]
    feature_names: tuple[str, ...]
    scheme: str | None
    source: str
    lines: NDArray[np.int64] | None
    reading_notes: tuple[str, ...]
    layout: dict[str, Any]
    tokenizer: str


def read_sentences(
    source: TextSource | Sequence[str], decoding: Decoding, request: Request, format: str | None, scheme: str | None
) -> ReadSentences:
    """Read tagged sentences.

    Args:
        source: As for ``TaggedSentences.read``.
        decoding: How bytes become characters.
        request: Columns to read.
        format: One of ``FORMATS``; None for that of each source.
        scheme: Scheme of the tags; None to detect it.

    Raises:
        DataError: A source is missing or malformed, or the tags are not of one scheme; names the file and the line.
        HyperParameterError: Format, scheme or a column are not valid.
    """
    if scheme is not None and request.tag is None:
        raise HyperParameterError(f"the tag scheme is {scheme}, but there is no column of tags to read")
    if scheme is not None:
        check_scheme(scheme)
    parts = sources_with_formats(source, format)
    if not parts:
        raise DataError("no sentences: pass at least one file")
    form = _common_format(parts)
    if form == "segmented":
        _check_segmented(request, scheme)
    gathered = Gathered(request, decoding)
    for each, _ in parts:
        gathered.read(each, form)
    return gathered.sentences([each for each, _ in parts], form, scheme)


def sources_with_formats(source: TextSource | Sequence[str], format: str | None) -> list[tuple[Source, Format]]:
    """Return the sources that are meant, each with its format.

    Args:
        source: As for ``TaggedSentences.read``.
        format: One of ``FORMATS``; None for that of each source.

    Raises:
        DataError: A source is missing, or a corpus of the catalogue that has no tags.
        HyperParameterError: The format is unknown.
    """
    if format is not None and format not in FORMATS:
        raise HyperParameterError(
            f"the format of tagged sentences must be one of {', '.join(FORMATS)}, not {format!r}"
            f"{suggestion(str(format), FORMATS)}"
        )
    several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
    names: Sequence[Any] = source if several else [source]  # type: ignore[assignment]  # a list or tuple of names
    return [part for name in names for part in _parts(name, format)]


def _parts(source: TextSource, format: str | None) -> list[tuple[Source, Format]]:
    """Return the sources that are meant, each with its format.

    Raises:
        DataError: A source is missing, or a corpus of the catalogue that has no tags.
    """
    if isinstance(source, str) and source.startswith(CATALOG_PREFIX):
        entry, files = catalog.locate(source.removeprefix(CATALOG_PREFIX))
        if entry.format in FORMATS:
            form = cast(Format, format or entry.format)
            return [(ByteSource(str(file), source, path=file), form) for file in files]
        if format is None:
            raise DataError(
                f"{source} has no tags, it is a corpus for {entry.task}: set a format to read it all the same"
            )
    if isinstance(source, str) and source.startswith(nltk_corpora.PREFIX) and format in (None, "columns"):
        return [(LineSource(source, source, nltk_corpora.tagged_lines(source)), "columns")]
    return [(each, cast(Format, format) or _SUFFIXES.get(suffix_of(each.name), "columns")) for each in expand(source)]


def _common_format(parts: Sequence[tuple[Source, Format]]) -> Format:
    """Return the format of all sources.

    Raises:
        DataError: There are several.
    """
    form: Format = parts[0][1]
    for each, other in parts:
        if other != form:
            problem = f"the format is {other}, and that of {parts[0][0].name} is {form}: read them apart"
            raise DataError(problem, source=each.name)
    return form


def row_blocks(
    source: Source,
    form: Format,
    request: Request,
    decoding: Decoding,
    *,
    notes: list[str],
    names: list[str],
    eager: bool = False,
) -> Iterator[RowBlock]:
    """Yield the rows of a source.

    Args:
        source: The source.
        form: Its format.
        request: Columns to read.
        decoding: How bytes become characters.
        notes: Take what the user should know.
        names: Takes the names of the features before the first row comes.
        eager: Whether what a pipe holds comes out at once.

    Raises:
        DataError: The source is malformed; names the file and the line.
    """
    texts = _texts(source, decoding, eager=eager)
    if form == "segmented":
        return segmented_rows(texts, tagged=request.tag is not None)
    rows = conllu_rows if form == "conllu" else column_rows
    return rows(texts, source.name, request, notes, names)


def _texts(source: Source, decoding: Decoding, *, eager: bool) -> Iterator[str]:
    what = "tagged sentences are"
    for text in decoded(source, decoding, what, size=_BLOCK_BYTES, most=_LINES_AT_ONCE, eager=eager):
        yield text if decoding.marks == "error" else cast(str, without_nul(text, decoding.marks))


def _check_segmented(request: Request, scheme: str | None) -> None:
    if request.features or request.word != 0 or request.tag not in (None, -1):
        raise HyperParameterError("segmented text has no columns: do not set word, tag and feature columns")
    if scheme not in (None, SCHEME):
        raise HyperParameterError(f"the tags of segmented text are {SCHEME}, not {scheme}")


class Gathered:
    """Rows of sources as ids.

    Attributes:
        names: Of the features.
        notes: What the user should know.
        start_lines: Line of each sentence in its source.
    """

    def __init__(self, request: Request, decoding: Decoding) -> None:
        self._request, self._decoding = request, decoding
        self._numbers: list[defaultdict[str, int]] = [defaultdict() for _ in request.all]
        for numbers in self._numbers:
            numbers.default_factory = numbers.__len__
        self._ids: list[list[NDArray[np.int32]]] = [[] for _ in request.all]
        self._starts: list[int] = []
        self._tokens = 0
        self._places: dict[str, tuple[str, int]] = {}  # where each tag first occurs
        self.names: list[str] = []
        self.notes: list[str] = []
        self.start_lines: list[int] = []

    def read(self, source: Source, form: Format) -> None:
        """Read a source.

        Raises:
            DataError: It is malformed, or has no tokens though tags are requested; names the file and the line.
        """
        name, names = source.name, list[str]()
        tokens, sentences = self._tokens, len(self.start_lines)
        for block in row_blocks(source, form, self._request, self._decoding, notes=self.notes, names=names):
            self.add(block, name)
        if self._tokens == tokens and self._request.tag is not None:
            raise DataError("no sentences", source=name)
        if names and self.names and names != self.names:  # negative columns of files with more columns
            raise DataError(f"the features are {', '.join(names)}, not {', '.join(self.names)}", source=name)
        self.names = names or self.names
        if form != "segmented" and len(self.start_lines) - sentences == 1:
            long = length_note(self._tokens - tokens, name)
            self.notes += [long] if long else []

    def add(self, block: RowBlock, name: str) -> None:
        """Add consecutive rows of a source."""
        if not LITERAL.keys().isdisjoint(block.columns[0]):
            block = self._without_marks(block, name)
        for numbers, ids, cells in zip(self._numbers, self._ids, block.columns, strict=True):
            ids.append(np.fromiter(map(numbers.__getitem__, cells), np.int32, len(cells)))
        if self._request.tag is not None:
            self._locate(block, name)
        self._starts += [self._tokens + start for start in block.starts]
        self.start_lines += block.start_lines
        self._tokens += len(block.lines)

    def sentences(self, sources: Sequence[Source], form: Format, scheme: str | None) -> ReadSentences:
        """Return what was read.

        Args:
            sources: Where the rows come from.
            form: Their format.
            scheme: Scheme of the tags; None to detect it.

        Raises:
            DataError: The tags are not of one scheme; names the file and the line.
        """
        request, columns = self._request, self._columns()
        tags = None if request.tag is None else columns[1]
        return ReadSentences(
            words=columns[0],
            offsets=np.array([*self._starts, self._tokens], np.int64),
            tags=tags,
            features=tuple(columns[len(columns) - len(request.features) :]),
            feature_names=tuple(self.names or [f"column {column}" for column in request.features]),
            scheme=None if tags is None else self._scheme(scheme or (SCHEME if form == "segmented" else None)),
            source=", ".join(dict.fromkeys(each.name for each in sources)),
            lines=np.array(self.start_lines, np.int64) if len(sources) == 1 else None,
            reading_notes=tuple(self.notes),
            layout={
                "format": form,
                "word_column": request.word,
                "tag_column": request.tag,
                "feature_columns": list(request.features),
            },
            tokenizer="char" if form == "segmented" else "space",
        )

    def _columns(self) -> list[Column]:
        return [
            Column(tuple(numbers), np.concatenate(ids) if ids else np.empty(0, np.int32))
            for numbers, ids in zip(self._numbers, self._ids, strict=True)
        ]

    def _scheme(self, stated: str | None) -> str | None:
        """Return the scheme of the tags; None where the sequences decide between IOB1 and IOB2."""
        if stated is not None:
            for tag, (name, line) in self._places.items():
                if not is_of(tag, stated):
                    raise foreign_tag(tag, stated, source=name, line=line)
            return stated
        found = detect(self._places)
        if found.problem:
            name, line = self._places[found.tag]
            raise mixed_tags(found, source=name, line=line)
        return found.scheme

    def _locate(self, block: RowBlock, name: str) -> None:
        numbers, ids = self._numbers[1], self._ids[1][-1]
        new = list(numbers)[len(self._places) :]
        for tag in new:
            self._places[tag] = name, int(block.lines[int(np.argmax(ids == numbers[tag]))])

    def _without_marks(self, block: RowBlock, name: str) -> RowBlock:
        """Return the rows without the words ``<s>`` and ``</s>``, or with another spelling of them."""
        words = block.columns[0]
        if self._decoding.marks == "error":
            row, mark = next((row, word) for row, word in enumerate(words) if word in LITERAL)
            raise reserved_token(mark, name, block.lines[row])
        if self._decoding.marks == "literal":
            spelt = cast(Sequence[str], without_marks(words, "literal"))
            return block._replace(columns=[spelt, *block.columns[1:]])
        kept = np.array([word not in LITERAL for word in words], np.bool_)
        place = np.concatenate([[0], np.cumsum(kept)])
        rows = np.flatnonzero(kept).tolist()
        return RowBlock(
            [[cells[row] for row in rows] for cells in block.columns],
            [block.lines[row] for row in rows],
            place[np.array(block.starts, np.int64)].tolist(),
            block.start_lines,
        )
