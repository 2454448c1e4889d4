"""Tagged sentences, in memory and from files: CoNLL columns, CoNLL-U, and segmented text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.text.column import Column
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.indexing import index_token_lists
from nlmkit.text.marks import Marks
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import TextSource
from nlmkit.text.tables import items_of, refuse_table
from nlmkit.text.tag_bounds import bounds, first_letters, written
from nlmkit.text.tag_schemes import (
    PLAIN,
    check_scheme,
    detect,
    foreign_tag,
    iob_scheme,
    is_of,
    mixed_tags,
)

__all__ = ["Column", "TaggedSentences"]

_IN_MEMORY: Final = Decoding(marks="literal")
_SPACE: Final = "space"

Sentences = Iterable[Sequence[str]]


@dataclass(frozen=True, eq=False, repr=False)
class TaggedSentences:
    """Sentences of tokens, each with its tag and perhaps further features. Immutable.

    Attributes:
        words: The tokens, as they are written.
        offsets: Where each sentence begins among the tokens, and where the last one ends: int64 [sentences + 1].
        tags: The tags; None where there are none.
        features: Further columns.
        feature_names: Name of each.
        scheme: Scheme of the tags, stated or detected; None without tags.
        source: What errors call the sentences.
        lines: Line of the source on which each sentence begins: int64 [sentences]; None where there are no lines.
        decoding: How the bytes were decoded, and what is done with NUL and the tokens ``<s>`` and ``</s>``: they are
            ordinary words by default, since taggers put no marks around sentences.
        reading_notes: What was found when the sentences were read.
        layout: Where words, tags and features were in the file, ready for JSON; None for sentences in memory.
        tokenizer: Name of the tokenizer by which raw text gives the same tokens: ``space``, or ``char`` for segmented
            text.

    Raises:
        DataError: Sentences, tags and features differ in number or length, a token or tag is not a string, is empty or
            holds LF, or the tags are not of one scheme; names the sentence and the token.
        HyperParameterError: The scheme is unknown.
    """

    words: Column
    offsets: NDArray[np.int64]
    tags: Column | None = None
    features: tuple[Column, ...] = ()
    feature_names: tuple[str, ...] = ()
    scheme: str | None = None
    source: str = "<sentences>"
    lines: NDArray[np.int64] | None = None
    decoding: Decoding = _IN_MEMORY
    reading_notes: tuple[str, ...] = ()
    layout: Mapping[str, Any] | None = None
    tokenizer: str = _SPACE

    def __init__(
        self,
        sentences: Sentences | Corpus,
        tags: Sentences | None = None,
        *,
        features: Sequence[Sentences] = (),
        feature_names: Sequence[str] | None = None,
        scheme: str | None = None,
        source: str = "<sentences>",
        tokenizer: str = _SPACE,
    ) -> None:
        if isinstance(sentences, Corpus):
            words, offsets = Column(sentences.types, sentences.ids), sentences.offsets
        else:
            words, offsets = _indexed(sentences, source, "sentences")
        columns = [_aligned(each, offsets, f"feature {number}", source) for number, each in enumerate(features, 1)]
        self._set(
            words=words,
            offsets=offsets,
            tags=None if tags is None else _aligned(tags, offsets, "tags", source),
            features=tuple(columns),
            feature_names=tuple(feature_names or (f"feature {number}" for number in range(1, len(columns) + 1))),
            scheme=scheme,
            source=source,
            tokenizer=tokenizer,
        )

    @classmethod
    def of_columns(
        cls,
        words: Column,
        offsets: NDArray[np.int64],
        tags: Column | None = None,
        *,
        features: Sequence[Column] = (),
        feature_names: Sequence[str] = (),
        scheme: str | None = None,
        source: str = "<sentences>",
        lines: NDArray[np.int64] | None = None,
        decoding: Decoding = _IN_MEMORY,
        reading_notes: Sequence[str] = (),
        layout: Mapping[str, Any] | None = None,
        tokenizer: str = _SPACE,
    ) -> TaggedSentences:
        """Return sentences whose columns exist already; arguments are as the attributes.

        Raises:
            DataError: Columns or offsets contradict each other, or the tags are not of one scheme.
            HyperParameterError: The scheme is unknown.
        """
        made = cls.__new__(cls)
        made._set(
            words=words,
            offsets=offsets,
            tags=tags,
            features=tuple(features),
            feature_names=tuple(feature_names),
            scheme=scheme,
            source=source,
            lines=lines,
            decoding=decoding,
            reading_notes=tuple(reading_notes),
            layout=layout,
            tokenizer=tokenizer,
        )
        return made

    def _set(
        self,
        *,
        words: Column,
        offsets: NDArray[np.int64],
        tags: Column | None,
        features: tuple[Column, ...],
        feature_names: tuple[str, ...],
        scheme: str | None,
        source: str,
        tokenizer: str,
        lines: NDArray[np.int64] | None = None,
        decoding: Decoding = _IN_MEMORY,
        reading_notes: tuple[str, ...] = (),
        layout: Mapping[str, Any] | None = None,
    ) -> None:
        offsets = np.array(offsets, np.int64)
        offsets.flags.writeable = False
        if offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(words):
            raise DataError("the offsets of sentences must go from 0 to the number of tokens", source=source)
        if (np.diff(offsets) < 0).any():
            raise DataError("the offsets of sentences must not decrease", source=source)
        for what, column in (("tags", tags), *(("a feature", feature) for feature in features)):
            if column is not None and len(column) != len(words):
                raise DataError(f"{len(words)} tokens, and {what} of {len(column)}", source=source)
        if len(features) != len(feature_names):
            raise DataError(f"{len(features)} features and {len(feature_names)} names of features", source=source)
        if lines is not None and len(lines) != len(offsets) - 1:
            raise DataError(f"{len(offsets) - 1} sentences and {len(lines)} lines", source=source)
        if scheme is not None:
            check_scheme(scheme)
        set_ = object.__setattr__
        set_(self, "words", words)
        set_(self, "offsets", offsets)
        set_(self, "tags", tags)
        set_(self, "features", features)
        set_(self, "feature_names", feature_names)
        set_(self, "source", source)
        set_(self, "lines", lines)
        set_(self, "decoding", decoding)
        set_(self, "reading_notes", reading_notes)
        set_(self, "layout", None if layout is None else MappingProxyType(dict(layout)))
        set_(self, "tokenizer", tokenizer)
        set_(self, "scheme", None if tags is None else self._scheme_of(tags, scheme))

    def _scheme_of(self, tags: Column, stated: str | None) -> str:
        """Return the scheme of the tags, and raise if they are not of one."""
        occurring = [tags.types[id_] for id_ in np.flatnonzero(tags.counts())]
        if stated is not None:
            foreign = next((tag for tag in occurring if not is_of(tag, stated)), None)
            if foreign is not None:
                raise foreign_tag(foreign, stated, **self._place_of(tags, foreign))
            return stated
        found = detect(tags.compact().types)
        if found.problem:
            raise mixed_tags(found, **self._place_of(tags, found.tag))
        if found.scheme is not None:
            return found.scheme
        with_i, with_b = first_letters(tags.types, tags.ids, self.offsets)
        return iob_scheme(len(with_i), len(with_b))

    def _place_of(self, tags: Column, tag: str) -> dict[str, Any]:
        """Return where a tag first is, as arguments of ``DataError``."""
        token = int(np.argmax(tags.ids == tags.types.index(tag)))
        sentence = int(np.searchsorted(self.offsets, token, "right")) - 1
        which = f"sentence {sentence + 1}" if self.lines is None else f"the sentence of line {self.lines[sentence]}"
        return {"source": f"{self.source}, {which}, token {token - int(self.offsets[sentence]) + 1}"}

    @classmethod
    def read(
        cls,
        source: TextSource | Sequence[str],
        *,
        format: str | None = None,
        word_column: int | str = 0,
        tag_column: int | str | None = -1,
        feature_columns: Sequence[int | str] = (),
        scheme: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "literal",
    ) -> TaggedSentences:
        """Read tagged sentences.

        ``columns``: a token per line, with its word, tag and perhaps more in columns. The first line of data decides
        what separates them, a tab if it has one and else spaces, and how many there are; words may hold spaces only in
        the first case. Blank lines and ``-DOCSTART-`` separate sentences. Lines that begin with ``# `` are comments if
        they have another number of columns.

        ``conllu``: CoNLL-U; words are FORM and tags UPOS by default, ranges (``1-2``) and empty nodes (``1.1``) are
        passed over, and columns may be given by name, such as ``xpos``.

        ``segmented``: words separated by spaces, one sentence per line; tokens are characters, with BMES tags. A blank
        line is an empty sentence.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, ``nltk:NAME`` for the
                tagged sentences of a corpus of NLTK, an open binary file, or lines; compressed files are unpacked.
            format: ``columns``, ``conllu`` or ``segmented``; by default ``conllu`` for files that end in .conllu, what
                the catalogue says for its corpora, and else ``columns``.
            word_column: Column of the words, from 0, or from the end if it is negative.
            tag_column: Column of the tags in the same way; None to read sentences without tags.
            feature_columns: Further columns to read.
            scheme: Scheme of the tags, by default detected; see ``nlmkit.text.tag_schemes``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the words ``<s>`` and ``</s>``: ``error``, ``skip`` or ``literal``.

        Raises:
            DataError: A source is missing or has no sentences, a line is malformed, or the tags are not of one scheme;
                names the file and the line.
            HyperParameterError: Format, scheme or a column are not valid.
        """
        from nlmkit.text.tagged_reading import read_sentences
        from nlmkit.text.tagged_rows import Request

        decoding = Decoding(encoding, errors, marks)
        request = Request(word_column, tag_column, tuple(feature_columns))
        read = read_sentences(source, decoding, request, format, scheme)
        return cls.of_columns(**read._asdict(), decoding=decoding)

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.words)

    def sentence(self, index: int) -> list[str]:
        """Return the tokens of one sentence."""
        return self._part(self.words, index)

    def tags_of(self, index: int) -> list[str]:
        """Return the tags of one sentence.

        Raises:
            DataError: There are no tags.
        """
        return self._part(self.required_tags(), index)

    def feature_of(self, column: int, index: int) -> list[str]:
        """Return a feature of the tokens of one sentence."""
        return self._part(self.features[column], index)

    def token_lists(self) -> list[list[str]]:
        """Return the tokens of each sentence."""
        return self.split(self.words)

    def tag_lists(self) -> list[list[str]]:
        """Return the tags of each sentence.

        Raises:
            DataError: There are no tags.
        """
        return self.split(self.required_tags())

    def split(self, column: Column) -> list[list[str]]:
        """Return the values of a column by sentence."""
        values, ends = column.values(), self.offsets.tolist()
        return [values[start:end] for start, end in pairwise(ends)]

    def required_tags(self) -> Column:
        """Return the tags.

        Raises:
            DataError: There are none.
        """
        if self.tags is None:
            raise DataError("the sentences have no tags", source=self.source)
        return self.tags

    def corpus(self, pipeline: TextPipeline | None = None) -> Corpus:
        """Return the tokens as a corpus.

        Args:
            pipeline: How raw text becomes such tokens.
        """
        words = self.words.compact()
        return Corpus(words.types, words.ids, self.offsets, pipeline=pipeline, sources=(self.source,))

    def subset(self, indices: ArrayLike) -> TaggedSentences:
        """Return the sentences with these indices, in their order; without notes on reading."""
        chosen = np.asarray(indices, np.int64).reshape(-1)
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        tokens = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][chosen] - offsets[:-1], lengths)
        return self._changed(
            words=self.words.take(tokens),
            offsets=offsets,
            tags=None if self.tags is None else self.tags.take(tokens),
            features=tuple(feature.take(tokens) for feature in self.features),
            lines=None if self.lines is None else self.lines[chosen],
            reading_notes=(),
        )

    def without_tags(self) -> TaggedSentences:
        """Return the sentences without their tags."""
        return self._changed(tags=None, scheme=None)

    def with_tags(self, tags: Column, scheme: str) -> TaggedSentences:
        """Return the sentences with other tags.

        Raises:
            DataError: Their number is not that of the tokens, or one of them is not of the scheme.
        """
        return self._changed(tags=tags, scheme=check_scheme(scheme))

    def in_scheme(self, scheme: str) -> tuple[TaggedSentences, int]:
        """Return the sentences with tags of another scheme for the same spans.

        Returns:
            The sentences, and the number of repairs: tags that are not those by which their own scheme writes the spans
            that were read.

        Raises:
            DataError: There are no tags, or one of the two schemes is plain and the other is not.
        """
        tags, own = self.required_tags(), cast(str, self.scheme)
        if check_scheme(scheme) == own == PLAIN:
            return self, 0
        if PLAIN in (scheme, own):
            problem = f"tags of the scheme {own} cannot be converted to {scheme}: plain tags form no spans"
            raise DataError(problem, source=self.source)
        spans = bounds(tags.types, tags.ids, self.offsets, own)
        repaired = Column(*written(spans, self.offsets, own)).compact()
        repairs = tags.compact()
        place = {tag: id_ for id_, tag in enumerate(repairs.types)}
        same = np.array([place.get(tag, -1) for tag in repaired.types], np.int32)[repaired.ids] == repairs.ids
        count = len(same) - int(np.count_nonzero(same))
        made = Column(*written(spans, self.offsets, scheme)).compact() if scheme != own else repaired
        return self._changed(tags=made, scheme=scheme), count

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over tokens, tags and features."""
        digest = hashlib.sha256(f"{len(self)} {self.tokens} {self.scheme} {len(self.features)}\n".encode())
        digest.update(np.ascontiguousarray(self.offsets, "<i8").data)
        for column in (self.words, *(() if self.tags is None else (self.tags,)), *self.features):
            own = column.compact()
            digest.update(f"{len(own.types)}\n".encode())
            digest.update("\n".join(own.types).encode())
            digest.update(np.ascontiguousarray(own.ids, "<i4").data)
        return digest.hexdigest()[:16]

    @cached_property
    def notes(self) -> list[str]:
        """Notes for users of the sentences: see ``nlmkit.text.tag_notes``."""
        from nlmkit.text.tag_notes import tag_notes

        return [*self.reading_notes, *tag_notes(self.words, self.offsets, self.tags, self.scheme, self.source)]

    def _part(self, column: Column, index: int) -> list[str]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sentence {index} is out of range: the number of sentences is {len(self)}")
        index %= len(self)
        types = column.types
        return [types[id_] for id_ in column.ids[self.offsets[index] : self.offsets[index + 1]].tolist()]

    def _changed(self, **values: Any) -> TaggedSentences:
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return self.of_columns(**(own | values))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        tags = "no tags" if self.tags is None else f"{len(self.tags.compact().types)} tags ({self.scheme})"
        return f"<TaggedSentences: {len(self)} sentences, {self.tokens} tokens, {tags}, from {self.source}>"


def _indexed(sentences: Sentences, source: str, what: str) -> tuple[Column, NDArray[np.int64]]:
    """Return lists of strings as a column, and where each list begins."""
    refuse_table(sentences, f"the list of {what}")
    if isinstance(sentences, str) or not isinstance(sentences, Iterable):
        raise DataError(
            f"expected a sequence of lists, one per sentence, not {type(sentences).__name__}", source=source
        )
    types, ids, lengths = index_token_lists(items_of(sentences), source, marks="literal")
    return Column(tuple(types), ids), np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _aligned(values: Sentences, offsets: NDArray[np.int64], what: str, source: str) -> Column:
    """Return tags or a feature as a column, or raise if it is not one per token."""
    column, own = _indexed(values, source if what == "tags" else f"{source}, {what}", what)
    if len(own) != len(offsets):
        raise DataError(f"{len(offsets) - 1} sentences, and {what} of {len(own) - 1}", source=source)
    wrong = np.flatnonzero(own != offsets)
    if len(wrong):
        number = int(wrong[0])
        expected, found = (int(np.diff(each)[number - 1]) for each in (offsets, own))
        problem = f"{expected} tokens, and {what} of {found}: expected one per token"
        raise DataError(problem, source=f"{source}, sentence {number}")
    return column
