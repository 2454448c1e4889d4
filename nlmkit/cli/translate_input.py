"""What ``nlmkit translate`` reads: lines, each a source or the word or numbers of one, or files of vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click
import numpy as np
from numpy.typing import NDArray

from nlmkit.cli.pairs import load_representation
from nlmkit.cli.texts import Part, parts
from nlmkit.errors import DataError
from nlmkit.text import TextPipeline, Tokenization, catalog, stream_blocks
from nlmkit.text.parallel import ParallelTexts
from nlmkit.text.sources import CATALOG_PREFIX
from nlmkit.text.vector_files import is_array_file
from nlmkit.text.vector_reading import numbers_of

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation
    from nlmkit.text import Decoding
    from nlmkit.text.columns import TextColumn

AT_ONCE: Final = 128
"""Most sources that are translated together."""

_Lines: TypeAlias = NDArray[np.int64]
_Make: TypeAlias = Callable[[list[str], str, _Lines], ParallelTexts]


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive sources.

    Attributes:
        lines: What each was read from; empty strings for rows of files of vectors.
        sources: Those that are translated.
        places: Index in ``lines`` of each of ``sources``; the other lines are blank.
        others: The other columns of a table, by name.
    """

    lines: Sequence[str]
    sources: ParallelTexts
    places: Sequence[int]
    others: Mapping[str, list[Any]]


def text_blocks(texts: Sequence[str], pipeline: TextPipeline, column: TextColumn | None) -> Iterator[Block]:
    """Yield lines as sources, each as soon as it is there.

    Args:
        texts: Names of the texts.
        pipeline: How sources are read.
        column: Where the source is, if the texts are tables.

    Raises:
        DataError: A text is missing or malformed, or a line has a tab, after the lines before it have come out.
    """

    def make(lines: list[str], source: str, numbers: _Lines) -> ParallelTexts:
        return ParallelTexts(lines, source=source, lines=numbers, decoding=pipeline.decoding)

    if column is not None:
        yield from _blocks(parts(texts, pipeline, column), make, refuses_tabs=False)
        return
    for name in texts:
        if _has_pairs(name):
            data = ParallelTexts.read(name, **dataclasses.asdict(pipeline.decoding))
            yield from _batches(data.without_targets(), data.required_texts())
        else:
            yield from _blocks(parts([name], pipeline), make, refuses_tabs=True)


def _has_pairs(name: str) -> bool:
    """Return whether a name is that of a corpus of pairs in the catalog, of which the sources are read."""
    if not name.startswith(CATALOG_PREFIX):
        return False
    return catalog.locate(name.removeprefix(CATALOG_PREFIX))[0].format == "pairs"


def _batches(data: ParallelTexts, lines: Sequence[str]) -> Iterator[Block]:
    """Yield sources that are all there, with what each was read from."""
    for start in range(0, len(data), AT_ONCE):
        places = range(min(AT_ONCE, len(data) - start))
        yield Block(lines[start : start + AT_ONCE], data.subset(np.arange(len(places)) + start), places, {})


def vector_blocks(
    texts: Sequence[str], decoding: Decoding, representation: str | None, key: str | None, column: TextColumn | None
) -> Iterator[Block]:
    """Yield rows of arrays, or of lines the vectors that they write or name, each as soon as it is there.

    Args:
        texts: Names of files of arrays, or of texts.
        decoding: Of the texts.
        representation: Folder of a saved representation in which lines, which are words, are looked up; else lines
            have numbers.
        key: Name of the array in files that have several.
        column: Where the word is, if the texts are tables.

    Raises:
        click.UsageError: Options contradict each other, or the texts.
        DataError: A text is missing or malformed, or a word is unknown, after the lines before it have come out.
        NlmkitError: The representation cannot be loaded.
    """
    arrays = [name for name in texts if is_array_file(name)]
    if arrays and (representation is not None or column is not None):
        flag = "--representation" if representation is not None else "--text-column"
        raise click.UsageError(f"{flag} is for lines of text, and {arrays[0]} is a file of vectors")
    if column is not None and representation is None:
        raise click.UsageError("--text-column requires --representation: the column has words")
    if key is not None and len(arrays) < len(texts):
        raise click.UsageError("--vector-key is for .npz and .safetensors files")
    words = None if representation is None else load_representation(representation)
    return _vector_blocks(texts, TextPipeline.of(decoding, Tokenization()), words, key, column)


def _vector_blocks(
    texts: Sequence[str],
    pipeline: TextPipeline,
    words: Representation | None,
    key: str | None,
    column: TextColumn | None,
) -> Iterator[Block]:
    for name in texts:
        if is_array_file(name):
            options = dataclasses.asdict(pipeline.decoding)
            data = ParallelTexts.read_vectors(name, key=key, with_targets=False, **options)
            yield from _batches(data, [""] * len(data))
        elif words is not None:
            yield from _blocks(parts([name], pipeline, column), _looking_up(words), refuses_tabs=column is None)
        else:
            read = stream_blocks(name, pipeline)
            numbers = (
                Part(each.corpus, each.lines, each.lines, {}, None, each.source, each.first_line) for each in read
            )
            yield from _blocks(numbers, _written, refuses_tabs=False)


def _written(lines: list[str], source: str, numbers: _Lines) -> ParallelTexts:
    return ParallelTexts(numbers_of(lines, source, numbers), source=source, lines=numbers)


def _looking_up(words: Representation) -> _Make:
    def make(lines: list[str], source: str, numbers: _Lines) -> ParallelTexts:
        found = []
        for line, number in zip(lines, numbers.tolist(), strict=True):
            try:
                found.append(words.vectors([line.strip()])[0])
            except DataError as error:
                raise DataError(error.problem, source=source, line=number) from None
        return ParallelTexts(np.array(found, np.float32), source=source, lines=numbers)

    return make


def _blocks(read: Iterable[Part], make: _Make, *, refuses_tabs: bool) -> Iterator[Block]:
    """Yield the sources of consecutive lines; what comes before a faulty line comes out before its error.

    Args:
        read: The lines, as a corpus too.
        make: Returns the sources of lines that are not blank; takes the name of the text, and numbers of lines.
        refuses_tabs: Whether a tab is an error.
    """
    rows = 0  # of tables, which say no lines
    for part in read:
        found = _Numbered(part, [line.removesuffix("\r") for line in part.lines], part.first_line or rows + 1)
        rows += len(found.lines)
        tab = found.tab if refuses_tabs else None
        end = len(found.lines) if tab is None else tab
        for start in range(0, end, AT_ONCE):
            yield from _made(found, start, min(start + AT_ONCE, end), make)
        if tab is not None:
            problem = "a tab, and a source is a line: of source<TAB>target lines pass the first column (cut -f1)"
            raise DataError(problem, source=part.source, line=found.first + tab)


@dataclasses.dataclass(frozen=True)
class _Numbered:
    """A part of a text, its lines without carriage returns, and the number of the first one."""

    part: Part
    lines: Sequence[str]
    first: int

    @property
    def tab(self) -> int | None:
        """Place of the first line with a tab."""
        return next((place for place, line in enumerate(self.lines) if "\t" in line), None)

    def block(self, start: int, end: int, make: _Make) -> Block:
        """Return the sources from place ``start`` to before ``end``."""
        filled = np.diff(self.part.corpus.offsets) > 0
        places = [place for place in range(start, end) if filled[place] and self.lines[place].strip()]
        numbers = np.array([self.first + place for place in places], np.int64)
        sources = make([self.lines[place] for place in places], self.part.source or "<table>", numbers)
        others = {column: values[start:end] for column, values in self.part.others.items()}
        return Block(self.lines[start:end], sources, [place - start for place in places], others)


def _made(found: _Numbered, start: int, end: int, make: _Make) -> Iterator[Block]:
    try:
        block = found.block(start, end, make)
    except DataError as error:
        if error.line is not None and found.first + start < error.line <= found.first + end:
            yield found.block(start, error.line - found.first, make)
        raise
    yield block
