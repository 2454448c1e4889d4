"""Text read once, as a stream of type ids, in memory that grows with the vocabulary only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.blocks import BLOCK_BYTES
from nlmkit.text.corpus import Corpus, corpus_of_token_lists, read_blocks
from nlmkit.text.indexing import TypeIndex
from nlmkit.text.pipeline import TextPipeline, as_pipeline
from nlmkit.text.progress import Reading, Watcher
from nlmkit.text.sources import Source, TextSource, TokenSource, expand, expand_names

if TYPE_CHECKING:
    from nlmkit.text.columns import TextColumn

Ids = NDArray[np.int32]

SENTENCE_END: Final = 0
"""Code of the end of a sentence; a word has its type's id plus one."""

_SENTENCES: Final = 1000
_PIECE: Final = 1 << 20


class StreamedText:
    """A training text that is read when ``codes`` is called, once.

    Attributes:
        sentences: Number of sentences, once the text was read.
        tokens: Number of words, once the text was read.
        pipeline: How the text is read, without its ``marks``; None for token lists.
        sources: Names of what is read.
        sample: The first sentences, at most 1000, once the text was read; None where there are none.
    """

    def __init__(self, source: TextSource | Corpus | StreamedNames, pipeline: TextPipeline | None = None) -> None:
        self.sentences = self.tokens = 0
        self.sample: Corpus | None = None
        self._counts = np.zeros(0, np.int64)
        self._types: tuple[str, ...] = ()
        self._given = source
        self._reading = as_pipeline(pipeline)
        self.pipeline: TextPipeline | None = self._reading.with_marks("error")
        self.sources: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Surface types in order of their first appearance."""
        return self._types

    @property
    def names(self) -> list[str]:
        """Names given for the text, known before it is read; empty for lines, token lists and a ``Corpus``."""
        if isinstance(self._given, StreamedNames):
            return list(self._given.names)
        if isinstance(self._given, (str, os.PathLike)):
            return [os.fspath(self._given)]
        several = self._given if isinstance(self._given, (list, tuple)) else []
        return [os.fspath(each) for each in several if isinstance(each, os.PathLike)]

    @property
    def pipeline_or_default(self) -> TextPipeline:
        """How other text is read: the pipeline, or the default for token lists."""
        return self.pipeline or TextPipeline()

    @property
    def events(self) -> int:
        """Number of words and sentence ends."""
        return self.tokens + self.sentences

    def type_counts(self) -> NDArray[np.int64]:
        """Count of each type, int64 [types]."""
        return self._counts[: len(self._types)]

    def codes(
        self,
        progress: Watcher | None,
        *,
        stage: str = "reading text",
        check: Callable[[int], None] = lambda types: None,
    ) -> Iterator[Ids]:
        """Yield the text as codes, int32, in pieces that do not begin or end with sentences.

        Args:
            progress: Shows how much was read.
            stage: Name of the stage there.
            check: Called with the number of types seen, after each piece.

        Raises:
            DataError: The text cannot be read or is unusable.
        """
        for ids, lengths, types in self._pieces(progress, stage):
            if len(ids):
                counts = np.bincount(ids)
                if len(counts) > len(self._counts):
                    grown = np.zeros(max(2 * len(self._counts), len(counts)), np.int64)
                    grown[: len(self._counts)] = self._counts
                    self._counts = grown
                self._counts[: len(counts)] += counts
            if self.sample is None and len(lengths):
                self.sample = _sample(ids, lengths, types(), self.pipeline)
            self.tokens += len(ids)
            self.sentences += len(lengths)
            check(int(np.count_nonzero(self._counts)))
            yield _with_ends(ids, lengths)

    def _pieces(
        self, progress: Watcher | None, stage: str
    ) -> Iterator[tuple[Ids, NDArray[np.int64], Callable[[], Sequence[str]]]]:
        given = self._given
        if isinstance(given, Corpus):
            yield from self._of_corpus(given)
        elif isinstance(given, StreamedNames) and given.column is not None:
            yield from self._renumbered(self._tables(given, given.column))
        else:
            sources = expand_names(given.names) if isinstance(given, StreamedNames) else expand(given)
            if not sources:
                raise DataError("no text: pass at least one file")
            self.sources = tuple(dict.fromkeys(source.label for source in sources))
            if isinstance(sources[0], TokenSource):
                self.pipeline = self._reading.with_marks("error")
                yield from self._renumbered(_token_lists(sources[0], self._reading))
            else:
                yield from self._of_lines(sources, Reading(progress, stage))

    def _of_lines(
        self, sources: Sequence[Source], reading: Reading
    ) -> Iterator[tuple[Ids, NDArray[np.int64], Callable[[], Sequence[str]]]]:
        _refuse_training(self._reading)
        index = TypeIndex(self._reading.tokenization, self._reading.decoding.marks)
        size = min(BLOCK_BYTES, 1 << 17) if index.is_slow else BLOCK_BYTES
        blocks = read_blocks(
            sources, self._reading.decoding, reading, size=size, most=1 << 20, characters=index.characters
        )
        for block, name in blocks:
            ids, lengths = index.add(block, name)
            yield ids, lengths, index.types
        self._types = tuple(index.types())

    def _of_corpus(self, corpus: Corpus) -> Iterator[tuple[Ids, NDArray[np.int64], Callable[[], Sequence[str]]]]:
        self.pipeline, self.sources = corpus.pipeline, corpus.sources
        step = max(1, _PIECE * corpus.sentences // max(corpus.events, 1))
        for begin in range(0, corpus.sentences, step):
            offsets = corpus.offsets[begin : begin + step + 1]
            yield corpus.ids[offsets[0] : offsets[-1]], np.diff(offsets), lambda: corpus.types
        self._types = corpus.types

    def _tables(self, given: StreamedNames, column: TextColumn) -> Iterator[Corpus]:
        from nlmkit.text.columns import stream_tables

        _refuse_training(self._reading)
        self.sources = tuple(os.fspath(name) for name in given.names)
        for rows in stream_tables(given.names, self._reading.decoding, column):
            yield rows.corpus(self._reading)

    def _renumbered(
        self, parts: Iterator[Corpus]
    ) -> Iterator[tuple[Ids, NDArray[np.int64], Callable[[], Sequence[str]]]]:
        numbers: dict[str, int] = {}
        for part in parts:
            own = np.fromiter((numbers.setdefault(word, len(numbers)) for word in part.types), np.int32)
            self.pipeline = part.pipeline
            yield own[part.ids] if len(own) else part.ids, np.diff(part.offsets), lambda: [*numbers]
        self._types = tuple(numbers)


class StreamedNames:
    """Texts by name, and the column of tables that holds the text."""

    def __init__(self, names: Sequence[str], column: TextColumn | None = None) -> None:
        self.names, self.column = tuple(names), column


def _refuse_training(pipeline: TextPipeline) -> None:
    if pipeline.needs_training:
        raise DataError(
            f"the tokenizer {pipeline.tokenizer} is trained on the whole text, which a memory cap does not hold: train "
            "it on a part of the text first, or omit the cap"
        )


def _token_lists(source: TokenSource, pipeline: TextPipeline) -> Iterator[Corpus]:
    sentences = iter(source.sentences)
    first = 1
    while batch := list(islice(sentences, 10_000)):
        yield corpus_of_token_lists(batch, source, pipeline.marks, first=first)
        first += len(batch)


def _with_ends(ids: Ids, lengths: NDArray[Any]) -> Ids:
    codes = np.empty(len(ids) + len(lengths), np.int32)
    is_word = np.ones(len(codes), np.bool_)
    is_word[np.cumsum(lengths) + np.arange(len(lengths))] = False
    codes[is_word] = ids
    codes += 1
    codes[~is_word] = SENTENCE_END
    return codes


def _sample(ids: Ids, lengths: NDArray[Any], types: Sequence[str], pipeline: TextPipeline | None) -> Corpus:
    offsets = np.concatenate([[0], np.cumsum(lengths[:_SENTENCES], dtype=np.int64)])
    ids = ids[: offsets[-1]]
    return Corpus(tuple(types[: int(ids.max(initial=-1)) + 1]), ids, offsets, pipeline=pipeline)
