"""The corpus: text as ids, without loss.

A `Corpus` keeps every surface type of its text. Mapping to a model's vocabulary happens afterwards, in `ids_for`, so
that words unknown to the model can still be counted, shown, and spelt.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.text.blocks import BLOCK_BYTES, TextBlock, byte_blocks, line_blocks
from nlmkit.text.decoding import Decoding
from nlmkit.text.indexing import Ids, TypeIndex, index_token_lists
from nlmkit.text.marks import Marks, without_nul
from nlmkit.text.pipeline import TextPipeline, as_pipeline
from nlmkit.text.progress import Reading, Watcher
from nlmkit.text.sources import (
    ByteReader,
    ByteSource,
    LineSource,
    Source,
    TextSource,
    TokenSource,
    expand,
    expand_names,
    total_bytes,
)
from nlmkit.text.tokenization import Tokenization
from nlmkit.text.vocabulary import EOS_ID, UNK, UNK_ID, Vocabulary

# What a pipe has at once is at most this; from a file it makes blocks of some hundred lines.
_STREAM_BYTES = 1 << 18
_PIECE = 1 << 20

# Of a text that is read by a segmenter: some seconds of work, and enough lines for its batches.
_SMALL_BLOCK = 1 << 17

# A token with two spaces or more is hardly a word; where a quarter of all are such, they are a column of a table.
_SPACES = 2
_SHARE = 4
_SHOWN = 40


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Sentences of words, each word as the id of its surface type. Immutable.

    Build one with `read`, `read_files` or `stream_blocks`; the constructor is for arrays that exist already.

    Attributes:
        types: Surface types in order of their first appearance.
        ids: Type of each token, int32 [tokens].
        offsets: Where each sentence begins in `ids`, and where the last one ends, int64 [sentences + 1].
        characters: Characters of the text before Unicode form, case and tokenization, with one line feed a sentence;
            ``None`` when there was no text but token lists.
        bytes: The same in bytes of UTF-8, whatever the encoding of the file.
        pipeline: How the text was read, except for its ``marks``; ``None`` for token lists. It is set when the text is
            read, and never changed afterwards.
        sources: What was read, by name.

    Raises:
        DataError: The arrays contradict each other, or types are repeated, unused or not in order of appearance.
    """

    types: tuple[str, ...]
    ids: Ids
    offsets: NDArray[np.int64]
    characters: int | None = None
    bytes: int | None = None
    pipeline: TextPipeline | None = None
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "types", tuple(self.types))
        set_(self, "sources", tuple(self.sources))
        _check_arrays(self.types, self.ids, self.offsets)
        set_(self, "ids", _read_only(self.ids, np.int32))
        set_(self, "offsets", _read_only(self.offsets, np.int64))

    @classmethod
    def read(
        cls,
        source: TextSource,
        pipeline: TextPipeline | Tokenization | None = None,
        *,
        decoding: Decoding | None = None,
        progress: Watcher | None = None,
        stage: str = "reading text",
    ) -> Corpus:
        """Read a corpus.

        Args:
            source: A path (compressed if it ends in ``.gz``, ``.bz2``, ``.xz`` or ``.zst``); a directory, whose files
                are read in order of their names, without hidden ones and subdirectories; several path objects; ``-``
                for standard input; ``corpus:NAME`` or ``corpus:NAME/SPLIT`` from the catalogue; ``nltk:NAME`` or
                ``nltk:NAME/FILE``, a corpus of NLTK whose data are on this machine; a binary file; an iterable of
                lines, one sentence each; or an iterable of token lists, which are taken as they are.
            pipeline: How lines become tokens, split on spaces by default. Token lists do not pass through it, other
                than by its ``marks``. A subword tokenizer that is yet to be trained is trained on this text; the
                corpus has the pipeline with the trained one, by which other texts are to be read.
            decoding: How bytes become characters; by default that of the pipeline, or UTF-8.
            progress: A progress display, or a function that is called after each block with how much has been read,
                and of how much where that is known.
            stage: What the reading is called there.

        Raises:
            DataError: The source cannot be read, or its text is unusable; names the file and the line or byte.
            UnknownComponentError: No tokenizer has the pipeline's name.
            HyperParameterError: The tokenizer is to be trained, and to have too few tokens for this text.
        """
        return _read(expand(source), as_pipeline(pipeline, decoding), progress, stage=stage)

    @classmethod
    def read_files(
        cls,
        names: Iterable[str | os.PathLike[str]],
        pipeline: TextPipeline | Tokenization | None = None,
        *,
        decoding: Decoding | None = None,
        progress: Watcher | None = None,
        stage: str = "reading text",
    ) -> Corpus:
        """Read several sources given by name (path, directory, ``-``, ``corpus:NAME``) as one corpus; see `read`."""
        return _read(expand_names(names), as_pipeline(pipeline, decoding), progress, stage=stage)

    @classmethod
    def of_tokens(cls, sentences: Iterable[Sequence[str]], pipeline: TextPipeline | None) -> Corpus:
        """Number the types of sentences that are tokens already.

        Args:
            sentences: The tokens of each.
            pipeline: How the text was read that they come from, such as another corpus whose sentences were altered.

        Raises:
            DataError: An item is not a list of tokens, or a token is invalid; names the sentence and the token.
        """
        source = TokenSource("<tokens>", "<tokens>", sentences)
        return corpus_of_token_lists(sentences, source, "error", pipeline=pipeline)

    @property
    def tokenization(self) -> Tokenization | None:
        """How characters became tokens; ``None`` for token lists."""
        return None if self.pipeline is None else self.pipeline.tokenization

    @property
    def sentences(self) -> int:
        """Number of sentences, empty ones included."""
        return len(self.offsets) - 1

    @property
    def tokens(self) -> int:
        """Number of words."""
        return len(self.ids)

    @property
    def events(self) -> int:
        """Number of things a language model predicts: every word, and one ``</s>`` a sentence."""
        return self.tokens + self.sentences

    @cached_property
    def event_offsets(self) -> NDArray[np.int64]:
        """Where each sentence begins among the events, and where the last one ends, int64 [sentences + 1]."""
        offsets = np.arange(len(self.offsets), dtype=np.int64)
        offsets += self.offsets
        return _read_only(offsets, np.int64)

    @property
    def is_word(self) -> NDArray[np.bool_]:
        """Whether each event is a word, and not the ``</s>`` at the end of its sentence: bool [events]; a new array."""
        words = np.ones(self.events, np.bool_)
        for start in range(0, self.sentences, _PIECE):  # in pieces, since sentences may be many and empty
            words_before = self.offsets[start + 1 : start + 1 + _PIECE]
            words[words_before + np.arange(start, start + len(words_before))] = False
        return words

    @cached_property
    def events_digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over the sentences of words: equal texts, however read, share it."""
        digest = hashlib.sha256()
        digest.update(f"{len(self.types)} {self.tokens} {self.sentences}\n".encode())
        digest.update("\n".join(self.types).encode())
        digest.update(np.ascontiguousarray(self.ids, dtype="<i4").data)
        digest.update(np.ascontiguousarray(self.offsets, dtype="<i8").data)
        return digest.hexdigest()[:16]

    def type_counts(self) -> NDArray[np.int64]:
        """Count how often each type occurs, int64 [types]."""
        counts = np.zeros(len(self.types), np.int64)
        for start in range(0, len(self.ids), _PIECE):  # ``bincount`` of all would convert all
            found = np.bincount(self.ids[start : start + _PIECE])
            counts[: len(found)] += found
        return counts

    def ids_for(self, vocabulary: Vocabulary) -> Ids:
        """Maps the words to a model's vocabulary, int32 [tokens]; 0 stands for those it does not have."""
        return vocabulary.ids(self.types)[self.ids]

    def oov_mask(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Return whether the surface word of each token is missing from the vocabulary, bool [tokens].

        A literal ``<unk>`` in the text is in every vocabulary, so it is not out of it.
        """
        missing: NDArray[np.bool_] = vocabulary.ids(self.types) == UNK_ID
        if UNK in self.types:
            missing[self.types.index(UNK)] = False
        found: NDArray[np.bool_] = missing[self.ids]
        return found

    def event_ids(self, vocabulary: Vocabulary) -> Ids:
        """Maps to a model's vocabulary, with the id of ``</s>`` after the words of each sentence, int32 [events]."""
        events = np.full(self.events, EOS_ID, np.int32)
        events[self.is_word] = self.ids_for(vocabulary)
        return events

    def oov_events(self, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        """Say of each event whether it is a word that is missing from the vocabulary, bool [events]; see `oov_mask`."""
        missing = np.zeros(self.events, np.bool_)
        missing[self.is_word] = self.oov_mask(vocabulary)
        return missing

    def sentence(self, index: int) -> list[str]:
        """Return the words of one sentence; negative indices count from the end.

        Raises:
            IndexError: The sentence is out of range.
        """
        if not -self.sentences <= index < self.sentences:
            raise IndexError(f"sentence {index} is out of range: the number of sentences is {self.sentences}")
        index %= self.sentences
        return [self.types[id_] for id_ in self.ids[self.offsets[index] : self.offsets[index + 1]].tolist()]

    def __repr__(self) -> str:
        return f"<Corpus of {self.tokens} tokens of {len(self.types)} types in {self.sentences} sentences>"


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive lines of one source, read by `stream_blocks`.

    Attributes:
        corpus: The lines as a corpus of their own, with types numbered afresh.
        lines: The lines as they stood in the source, decoded, without their LF; token lists joined by spaces.
        source: Name of the source.
        first_line: Number of the first line in its source, from 1.
    """

    corpus: Corpus
    lines: list[str] = field(repr=False)
    source: str
    first_line: int


def stream_blocks(
    source: TextSource,
    pipeline: TextPipeline | Tokenization | None = None,
    *,
    decoding: Decoding | None = None,
    max_lines: int = 1000,
) -> Iterator[Block]:
    """Read a source bit by bit, in memory that does not grow with it.

    From a pipe or terminal every complete line comes out at once, without waiting for a block to fill. An iterator of
    lines or token lists is asked for `max_lines` items before any come out.

    Args:
        source: As for `Corpus.read`.
        pipeline: How lines become tokens, split on spaces by default.
        decoding: As for `Corpus.read`.
        max_lines: The most lines of a block.

    Raises:
        DataError: As for `Corpus.read`, after all lines before the faulty one have come out; lines count from the
            start of the source.
    """
    if max_lines < 1:
        raise ValueError(f"max_lines must be at least 1, not {max_lines}")
    return _stream(expand(source), as_pipeline(pipeline, decoding), max_lines)


def _stream(sources: Sequence[Source], pipeline: TextPipeline, max_lines: int) -> Iterator[Block]:
    for source in sources:
        if isinstance(source, TokenSource):
            yield from _stream_token_lists(source, max_lines, pipeline.marks)
            continue
        for read in _stream_lines(source, pipeline.decoding, max_lines):
            for block in read.split(max_lines):
                try:
                    made = _block(block, source, pipeline)
                except DataError as error:
                    if (faultless := (error.line or 0) - block.first_line) > 0:
                        yield _block(block.first(faultless), source, pipeline)
                    raise
                yield made


def _block(block: TextBlock, source: ByteSource | LineSource, pipeline: TextPipeline) -> Block:
    builder = _Builder(pipeline)
    builder.add(block, source.name)
    return Block(builder.corpus((source.label,)), block.text().split("\n")[:-1], source.name, block.first_line)


def _stream_lines(source: ByteSource | LineSource, decoding: Decoding, max_lines: int) -> Iterator[TextBlock]:
    if isinstance(source, LineSource):
        yield from line_blocks(source.lines, decoding, source.name, size=_STREAM_BYTES, most=max_lines, characters=True)
        return
    with ByteReader(source, utf8=decoding.is_utf8, eager=True) as reader:
        yield from byte_blocks(reader, decoding, source.name, size=_STREAM_BYTES, characters=True)


def _stream_token_lists(source: TokenSource, max_lines: int, marks: Marks) -> Iterator[Block]:
    sentences = iter(source.sentences)
    first = 1
    while batch := list(islice(sentences, max_lines)):
        corpus = corpus_of_token_lists(batch, source, marks, first=first)
        yield Block(corpus, [" ".join(sentence) for sentence in batch], source.name, first)
        first += len(batch)


def _read(
    sources: Sequence[Source],
    pipeline: TextPipeline,
    progress: Watcher | None,
    *,
    stage: str = "reading text",
    block_bytes: int = BLOCK_BYTES,
    most_lines: int = 1 << 20,
) -> Corpus:
    """Read sources one after another into one corpus; the size of the blocks makes no difference to it."""
    if not sources:
        raise DataError("no text: pass at least one file")
    reading = Reading(progress, stage)
    if isinstance(sources[0], TokenSource):
        return _read_tokens(sources[0], pipeline, reading)
    labels = tuple(dict.fromkeys(source.label for source in sources))
    waiting: list[tuple[TextBlock, str]] = []
    if pipeline.needs_training:  # on this text, which may be one that cannot be read twice
        waiting += read_blocks(sources, pipeline.decoding, reading, size=block_bytes, most=most_lines, characters=True)
        pipeline = _trained(pipeline, [block for block, _ in waiting], ", ".join(labels))
    builder = _Builder(pipeline, compiles=True)
    size = min(block_bytes, _SMALL_BLOCK) if builder.is_slow else block_bytes
    blocks = waiting or read_blocks(
        sources, pipeline.decoding, reading, size=size, most=most_lines, characters=builder.characters
    )
    for block, name in blocks:
        builder.add(block, name)
    return builder.corpus(labels)


def _trained(pipeline: TextPipeline, blocks: Sequence[TextBlock], source: str) -> TextPipeline:
    """Return the pipeline with its tokenizer trained on the text."""
    texts = (block.text() for block in blocks)
    if pipeline.marks != "error":
        texts = (cast(str, without_nul(text, pipeline.marks)) for text in texts)
    return pipeline.with_tokenization(pipeline.tokenization.trained_on_blocks(texts, source=source))


def _read_tokens(source: TokenSource, pipeline: TextPipeline, reading: Reading) -> Corpus:
    """Read token lists, which need no tokenizer, not even an installed one."""
    if pipeline.needs_training:
        raise DataError(
            f"the tokenizer {pipeline.tokenizer} is trained on lines of text, but these are lists of tokens: pass the "
            "lines themselves",
            source=source.name,
        )
    corpus = corpus_of_token_lists(source.sentences, source, pipeline.marks)
    _note_texts(corpus)
    reading.at(corpus.sentences, corpus.sentences)
    return corpus


def read_blocks(
    sources: Sequence[Source],
    decoding: Decoding,
    reading: Reading,
    *,
    size: int,
    most: int,
    characters: bool,
) -> Iterator[tuple[TextBlock, str]]:
    """Yield the blocks of the sources, each with the name of its source."""
    total = total_bytes(sources)
    finished = 0
    for source in sources:
        assert not isinstance(source, TokenSource)  # which come alone
        if isinstance(source, LineSource):
            length = len(source.lines) if isinstance(source.lines, Sized) else None
            for block in line_blocks(source.lines, decoding, source.name, size=size, most=most, characters=characters):
                yield block, source.name
                reading.at(block.first_line + block.lines - 1, length)
            continue
        with ByteReader(source, utf8=decoding.is_utf8) as reader:
            for block in byte_blocks(reader, decoding, source.name, size=size, characters=characters):
                yield block, source.name
                reading.at(finished + reader.consumed, total)
            finished += reader.consumed


def corpus_of_token_lists(
    sentences: Iterable[Sequence[str]],
    source: TokenSource,
    marks: Marks,
    *,
    first: int = 1,
    pipeline: TextPipeline | None = None,
) -> Corpus:
    """Return token lists as a corpus; ``first`` is the number of the first one in its source."""
    types, ids, lengths = index_token_lists(sentences, source.name, first=first, marks=marks)
    return Corpus(tuple(types), ids, _offsets([lengths]), pipeline=pipeline, sources=(source.label,))


def _note_texts(corpus: Corpus) -> None:
    """Notes that many tokens of token lists are whole texts, as the rows of a table give them."""
    long = [id_ for id_, word in enumerate(corpus.types) if word.count(" ") >= _SPACES]
    if long and np.isin(corpus.ids, np.array(long, np.int32)).sum() * _SHARE >= corpus.tokens:
        example = corpus.types[long[0]]
        example = example if len(example) <= _SHOWN else f"{example[:_SHOWN]}..."
        note(
            f"tokens of the token lists are whole texts, such as {example!r}, and each is one "
            "word: if these are rows "
            "of a table, pass the column with the texts, as in [row[0] for row in rows]"
        )


class _Builder:
    """Gathers blocks into a corpus."""

    def __init__(self, pipeline: TextPipeline, *, compiles: bool = False) -> None:
        self._pipeline = pipeline
        self._index = TypeIndex(pipeline.tokenization, pipeline.decoding.marks, compiles=compiles)
        self._ids: list[Ids] = []
        self._lengths: list[NDArray[np.integer[Any]]] = []
        self._characters = self._bytes = 0

    @property
    def characters(self) -> bool:
        """Whether blocks should hold characters, or else UTF-8."""
        return self._index.characters

    @property
    def is_slow(self) -> bool:
        """Whether blocks should be small, so that there is progress to show."""
        return self._index.is_slow

    def add(self, block: TextBlock, name: str) -> None:
        ids, lengths = self._index.add(block, name)
        self._ids.append(ids)
        # A file of a hundred kilobytes can unpack to a hundred million blank lines: one byte each while it is read.
        self._lengths.append(lengths.astype(np.min_scalar_type(int(lengths.max(initial=0)))))
        self._characters += block.characters
        self._bytes += block.size

    def corpus(self, sources: tuple[str, ...]) -> Corpus:
        return Corpus(
            tuple(self._index.types()),
            np.concatenate(self._ids) if self._ids else np.empty(0, np.int32),
            _offsets(self._lengths),
            self._characters,
            self._bytes,
            self._pipeline.with_marks("error"),
            sources,
        )


def _offsets(lengths: Sequence[NDArray[np.integer[Any]]]) -> NDArray[np.int64]:
    """Turn the sentences' lengths, in parts, into offsets."""
    offsets = np.zeros(1 + sum(map(len, lengths)), np.int64)
    end = 1
    for part in lengths:
        offsets[end : end + len(part)] = part
        end += len(part)
    return np.cumsum(offsets, out=offsets)


def _read_only(array: NDArray[Any], dtype: type[np.integer[Any]]) -> NDArray[Any]:
    view = array.astype(dtype, copy=False).view()
    view.flags.writeable = False
    return view


def _check_arrays(types: Sequence[str], ids: NDArray[Any], offsets: NDArray[Any]) -> None:
    """Raise unless the arrays make up a corpus whose types are numbered by first appearance."""
    for name, array in (("ids", ids), ("offsets", offsets)):
        if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu":
            raise DataError(f"a corpus needs its {name} as an array of integers with one dimension")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(ids) or (offsets[1:] < offsets[:-1]).any():
        raise DataError("the offsets of a corpus must start at 0, not decrease, and end with the number of tokens")
    if len(set(types)) != len(types):
        raise DataError("a corpus must not contain a type twice")
    seen = 0  # Each id must have been seen or be the next; in pieces, to need little memory.
    for start in range(0, len(ids), _PIECE):
        piece = ids[start : start + _PIECE]
        before = np.maximum.accumulate(np.concatenate([[seen - 1], piece]))
        if piece.min() < 0 or (piece > before[:-1] + 1).any():
            raise DataError("the types of a corpus must be numbered in order of first appearance")
        seen = int(before[-1]) + 1
    if seen != len(types):
        raise DataError(f"a corpus holds {len(types)} types, of which its tokens use {seen}")
