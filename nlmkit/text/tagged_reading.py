"""Reading of tagged sentences: sources, formats, and what the rows of all formats become."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.column import Column
from nlmkit.text.columns import suffix_of
from nlmkit.text.decoding import Decoding
from nlmkit.text.indexing import reserved_token
from nlmkit.text.marks import LITERAL, without_marks, without_nul
from nlmkit.text.rows import decoded
from nlmkit.text.segmented import SCHEME, segmented_rows
from nlmkit.text.sources import Source, TextSource, expand, expand_names
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
    if format is not None and format not in FORMATS:
        raise HyperParameterError(
            f"the format of tagged sentences must be one of {', '.join(FORMATS)}, not {format!r}"
            f"{suggestion(str(format), FORMATS)}"
        )
    if scheme is not None:
        check_scheme(scheme)
    several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
    sources = expand_names(cast(Any, source)) if several else expand(source)
    forms = [cast(Format, format) or _SUFFIXES.get(suffix_of(each.name), "columns") for each in sources]
    odd = next((number for number, form in enumerate(forms) if form != forms[0]), None)
    if odd is not None:
        problem = f"the format is {forms[odd]}, and that of {sources[0].name} is {forms[0]}: read them apart"
        raise DataError(problem, source=sources[odd].name)
    form = forms[0] if forms else "columns"
    if form == "segmented":
        _check_segmented(request, scheme)
    gathered = _Gathered(request, decoding)
    notes: list[str] = []
    for each in sources:
        names: list[str] = []
        texts = _texts(each, decoding)
        blocks: Iterator[RowBlock]
        if form == "segmented":
            blocks = segmented_rows(texts, tagged=request.tag is not None)
        else:
            blocks = (conllu_rows if form == "conllu" else column_rows)(texts, each.name, request, notes, names)
        gathered.add(blocks, each.name, names)
    columns = gathered.columns()
    tags = None if request.tag is None else columns[1]
    return ReadSentences(
        words=columns[0],
        offsets=gathered.offsets(),
        tags=tags,
        features=tuple(columns[len(columns) - len(request.features) :]),
        feature_names=tuple(gathered.names),
        scheme=None if tags is None else gathered.scheme(scheme or (SCHEME if form == "segmented" else None)),
        source=", ".join(dict.fromkeys(each.name for each in sources)),
        lines=np.array(gathered.start_lines, np.int64) if len(sources) == 1 else None,
        reading_notes=tuple(notes),
        layout={
            "format": form,
            "word_column": request.word,
            "tag_column": request.tag,
            "feature_columns": list(request.features),
        },
        tokenizer="char" if form == "segmented" else "space",
    )


def _texts(source: Source, decoding: Decoding) -> Iterator[str]:
    texts = decoded(source, decoding, "tagged sentences are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE)
    for text in texts:
        yield text if decoding.marks == "error" else cast(str, without_nul(text, decoding.marks))


def _check_segmented(request: Request, scheme: str | None) -> None:
    if request.features or request.word != 0 or request.tag not in (None, -1):
        raise HyperParameterError("segmented text has no columns: do not set word, tag and feature columns")
    if scheme not in (None, SCHEME):
        raise HyperParameterError(f"the tags of segmented text are {SCHEME}, not {scheme}")


class _Gathered:
    """Rows of all sources as ids.

    Attributes:
        names: Of the features.
        start_lines: Line of each sentence in its source.
    """

    def __init__(self, request: Request, decoding: Decoding) -> None:
        self._request, self._marks = request, decoding.marks
        self._numbers: list[defaultdict[str, int]] = [defaultdict() for _ in request.all]
        for numbers in self._numbers:
            numbers.default_factory = numbers.__len__
        self._ids: list[list[NDArray[np.int32]]] = [[] for _ in request.all]
        self._starts: list[int] = []
        self._tokens = 0
        self._places: dict[str, tuple[str, int]] = {}  # where each tag first occurs
        self.names: list[str] = []
        self.start_lines: list[int] = []

    def add(self, blocks: Iterable[RowBlock], name: str, names: list[str]) -> None:
        """Add the rows of a source; ``names`` holds the names of its features when the first row comes."""
        before = self._tokens
        for read in blocks:
            block = read if LITERAL.keys().isdisjoint(read.columns[0]) else self._without_marks(read, name)
            for numbers, ids, cells in zip(self._numbers, self._ids, block.columns, strict=True):
                ids.append(np.fromiter(map(numbers.__getitem__, cells), np.int32, len(cells)))
            if self._request.tag is not None:
                self._locate(block, name)
            self._starts += [self._tokens + start for start in block.starts]
            self.start_lines += block.start_lines
            self._tokens += len(block.lines)
        if self._tokens == before and self._request.tag is not None:
            raise DataError("no sentences", source=name)
        if names and self.names and names != self.names:  # negative columns of files with more columns
            raise DataError(f"the features are {', '.join(names)}, not {', '.join(self.names)}", source=name)
        self.names = names or self.names

    def columns(self) -> list[Column]:
        """Return the requested columns."""
        return [
            Column(tuple(numbers), np.concatenate(ids) if ids else np.empty(0, np.int32))
            for numbers, ids in zip(self._numbers, self._ids, strict=True)
        ]

    def offsets(self) -> NDArray[np.int64]:
        """Return where sentences begin, and where the last one ends."""
        return np.array([*self._starts, self._tokens], np.int64)

    def scheme(self, stated: str | None) -> str | None:
        """Return the scheme of the tags; None where the sequences decide between IOB1 and IOB2.

        Raises:
            DataError: The tags are not of one scheme; names the file and the line.
        """
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
        if self._marks == "error":
            row, mark = next((row, word) for row, word in enumerate(words) if word in LITERAL)
            raise reserved_token(mark, name, block.lines[row])
        if self._marks == "literal":
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
