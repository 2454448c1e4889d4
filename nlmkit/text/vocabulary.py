"""The vocabulary of a model: words and their ids."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.notes import note
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.segmenter import component_in
from nlmkit.text.tables import problem_of_item, words_of

if TYPE_CHECKING:
    from nlmkit.text.pipeline import TextPipeline

UNK = "<unk>"
BOS = "<s>"
EOS = "</s>"
UNK_ID = 0
BOS_ID = 1
EOS_ID = 2
SPECIAL = (UNK, BOS, EOS)

RESERVED = (BOS, EOS)
"""The sentence marks, which models add themselves; as tokens of a text they are errors."""


class CountedText(Protocol):
    """Part of a training text required for a vocabulary; ``Corpus`` describes it."""

    @property
    def types(self) -> tuple[str, ...]:
        """Surface types in order of their first appearance."""
        ...

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        ...

    @property
    def pipeline(self) -> TextPipeline | None:
        """Text pipeline of the corpus."""
        ...

    def type_counts(self) -> NDArray[np.int64]:
        """Count of each type, int64 [types]."""
        ...


class Vocabulary:
    """Words and their ids: 0 ``<unk>``, 1 ``<s>``, 2 ``</s>``, then the words in the given order.

    A vocabulary never changes. Two are equal when they give the same ids to the same words; counts are not compared.

    Args:
        words: The words from id 3 on, or all of them, beginning with the three. Another ``<unk>`` is passed over,
            being id 0 already.
        counts: How often each id occurs in the training text, int64 [V]; zeros if not given.

    Raises:
        DataError: The words are one string or a table; a word is repeated, empty, no string, ``<s>`` or ``</s>``, or
            holds LF, NUL or a lone surrogate; or the counts do not have one value, at least zero, for each id.
    """

    def __init__(self, words: Iterable[str], counts: ArrayLike | None = None) -> None:
        # The keys of a mapping, and the items of a set, may be the words.
        words = list(words) if isinstance(words, (Mapping, Set)) else words_of(words, "the vocabulary")
        begin = len(SPECIAL) if tuple(words[: len(SPECIAL)]) == SPECIAL else 0
        own: Sequence[str] = words[begin:] if _are_good(words[begin:]) else _checked(words, begin)
        self._words = (*SPECIAL, *own)
        self._ids = dict(zip(self._words, range(len(self._words)), strict=True))
        if len(self._ids) != len(self._words):
            raise DataError(f"duplicate word {_first_repeated(self._words)!r} in the vocabulary")
        self._counts = _checked_counts(counts, len(self._words))

    @classmethod
    def from_corpus(
        cls,
        corpus: CountedText,
        *,
        size: int | None = None,
        min_count: int = 1,
        file: str | os.PathLike[str] | None = None,
        more: Iterable[str] = (),
    ) -> Vocabulary:
        """Make the vocabulary of a training corpus: all its types by first appearance, unless limited.

        Words that a limit leaves out count as ``<unk>``, as does a literal ``<unk>`` in the text.

        Args:
            corpus: The training text.
            size: Keep only this many words, the most frequent ones; of equally frequent ones those that appear first.
                ``<unk>``, ``<s>`` and ``</s>`` come on top. The ids stay in order of first appearance.
            min_count: Keep only words that occur at least so often.
            file: Take the words from this UTF-8 text instead, one per line, in its order; it may be compressed. Lines
                with ``<unk>``, ``<s>`` or ``</s>``, which other toolkits write, are passed over. A word that the text
                lacks is put into the Unicode form and case of the text; one that its tokenizer does not give as one
                token is kept, and noted, since it cannot occur.
            more: Words that follow those of the text; those that the text has are passed over. None with a ``file``.

        Raises:
            HyperParameterError: A limit is not a positive integer, or ``file`` is combined with another limit.
            DataError: No word is left, or the file cannot be used.
        """
        _check_limit("size", size)
        _check_limit("min_count", min_count)
        frequencies = corpus.type_counts()
        if file is None:
            words = _most_frequent(corpus.types, frequencies, size, min_count)
            words = [*dict.fromkeys([*words, *more])]
        elif size is not None or min_count != 1:
            raise HyperParameterError("a vocabulary file cannot be combined with size or min_count: drop one of them")
        else:
            words, problem = _as_in_text(_read_words(file), corpus)
            surface = set(corpus.types) - {UNK}
            if surface and surface.isdisjoint(words):
                nothing = f"no word of this vocabulary occurs in the text: {problem or 'expected one word per line'}"
                raise DataError(nothing, source=os.fspath(file))
            if problem:
                note(f"{os.fspath(file)}: {problem}")
        return cls(words).counted(corpus)

    def counted(self, corpus: CountedText) -> Vocabulary:
        """Return the same words with their counts in a corpus."""
        counts = np.zeros(len(self), np.int64)
        np.add.at(counts, self.ids(corpus.types), corpus.type_counts())
        counts[EOS_ID] = corpus.sentences
        return self._with_counts(self, counts)

    @classmethod
    def _with_counts(cls, vocabulary: Vocabulary, counts: NDArray[np.int64]) -> Vocabulary:
        """Return the vocabulary with counts, without checking its words again."""
        counted = cls.__new__(cls)
        counted._words, counted._ids = vocabulary._words, vocabulary._ids
        counted._counts = _checked_counts(counts, len(counted._words))
        return counted

    @property
    def words(self) -> tuple[str, ...]:
        """The words by id, the three special ones included."""
        return self._words

    @property
    def counts(self) -> NDArray[np.int64]:
        """Training counts by id, int64 [V], read-only.

        ``</s>`` counts sentences, ``<unk>`` the tokens that are mapped to it or spelt so, ``<s>`` nothing, since it is
        never predicted. All zeros where the counts are unknown.
        """
        return self._counts

    @property
    def size_predictable(self) -> int:
        """Number of types that a model distributes probability over: all except ``<s>``."""
        return len(self._words) - 1

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of the set of words, whatever their ids."""
        return hashlib.sha256("\n".join(sorted(self._words)).encode()).hexdigest()[:16]

    def id(self, word: str) -> int:
        """Return the id of a word, 0 if it is not in the vocabulary."""
        return self._ids.get(word, UNK_ID)

    def ids(self, words: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids of words, int32 [len(words)], 0 for those not in the vocabulary.

        Raises:
            DataError: The words are one string or a table, or one of them is not a string.
        """
        words = words_of(words)
        try:
            ids = np.fromiter(map(self._ids.get, words, repeat(UNK_ID)), np.int32, len(words))
            unknown = np.flatnonzero(ids == UNK_ID).tolist()
        except TypeError:  # an unhashable item is not a string either
            unknown = [*range(len(words))]
        for index in unknown:
            if not isinstance(words[index], str):
                problem = problem_of_item(words[index]) or f"is {type(words[index]).__name__}, not a string"
                raise DataError(f"word {index + 1} {problem}")
        return ids

    def word(self, id_: int) -> str:
        """Return the word of an id.

        Raises:
            IndexError: The id is out of range.
        """
        if not 0 <= id_ < len(self._words):
            raise IndexError(f"id {id_} is out of range: the size of the vocabulary is {len(self._words)}")
        return self._words[id_]

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __eq__(self, other: object) -> bool:
        return self._words == other._words if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash((Vocabulary, self.digest))

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} types, digest {self.digest}>"


def _are_good(words: Sequence[object]) -> bool:
    """Return whether all words are of type ``str`` and can be in a vocabulary; checks them all at once."""
    if not set(map(type, words)) <= {str}:
        return False
    text = "\n".join(cast("Sequence[str]", words))
    if text.count("\n") != max(len(words) - 1, 0) or "\0" in text or not {"", *SPECIAL}.isdisjoint(words):
        return False
    return text.isascii() or _is_encodable(text)


def _checked(words: Sequence[object], begin: int) -> list[str]:
    """Return the words from index ``begin`` on as strings, without ``<unk>``.

    Raises:
        DataError: One of them cannot be a word of a vocabulary.
    """
    listed = []
    for number, word in enumerate(words[begin:], start=begin + 1):
        problem = _problem(word)
        if problem:
            raise DataError(f"word {number} of the vocabulary {problem}")
        if word != UNK:
            listed.append(str(word))
    return listed


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(word: object) -> str | None:
    """Return the reason why a value cannot be a word of a vocabulary, or None."""
    if not isinstance(word, str):
        return f"is {type(word).__name__}, not a string"
    if not word:
        return "is empty"
    if "\n" in word or "\0" in word:
        return f"contains LF or NUL: {word!r}"
    if word in RESERVED:
        return f"is {word}, which is part of every vocabulary"
    if not word.isascii() and not _is_encodable(word):
        return f"contains a lone surrogate, which is not a character: {word!r}"
    return None


def _first_repeated(words: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]


def _checked_counts(counts: ArrayLike | None, size: int) -> NDArray[np.int64]:
    values = np.zeros(size, np.int64) if counts is None else np.array(counts)
    if values.shape != (size,) or values.dtype.kind not in "iu" or (values < 0).any():
        raise DataError(f"counts must be {size} integers of at least zero, one per id of the vocabulary")
    values = values.astype(np.int64, copy=False)
    values.flags.writeable = False
    return values


def _check_limit(name: str, value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
        raise HyperParameterError(f"{name} must be a positive integer, not {value!r}")


def _most_frequent(types: Sequence[str], frequencies: NDArray[np.int64], size: int | None, min_count: int) -> list[str]:
    """Apply the limits of `Vocabulary.from_corpus`."""
    is_word = np.fromiter((word != UNK for word in types), np.bool_, len(types))
    kept = is_word & (frequencies >= min_count)
    if is_word.any() and not kept.any():
        raise DataError(
            f"min_count={min_count} removes all words: the count of the most frequent one is "
            f"{frequencies[is_word].max()}"
        )
    if size is not None and np.count_nonzero(kept) > size:
        candidates = np.flatnonzero(kept)
        ranked = candidates[np.argsort(-frequencies[candidates], kind="stable")]
        kept[ranked[size:]] = False
    return [types[index] for index in np.flatnonzero(kept).tolist()]


def _as_in_text(words: Iterable[str], corpus: CountedText) -> tuple[list[str], str]:
    """The words of a list as the tokenization of a corpus reads them, each once; and what is wrong with the others."""
    if corpus.pipeline is None:  # the text was given as tokens
        return list(words), ""
    # A segmenter divides a word by the line that it is in; alone it may be divided otherwise.
    by_context = component_in(corpus.pipeline.tokenizer) is not None
    known = set(corpus.types)
    found: dict[str, None] = {}
    apart: list[str] = []
    for word in words:
        token = word
        if word not in known:
            tokens = corpus.pipeline.normalize(word).split() if by_context else corpus.pipeline.tokenize(word)
            token = tokens[0] if len(tokens) == 1 else corpus.pipeline.normalize(word)
            if len(tokens) != 1:
                apart.append(f"{word!r} is read as {' '.join(tokens) or 'nothing'}")
        if token not in SPECIAL:
            found[token] = None
    if not apart:
        return list(found), ""
    return list(found), (
        f"{len(apart)} of its words cannot occur in this text, because the tokenizer {corpus.pipeline.tokenizer} does "
        f"not return them as one token ({apart[0]}): write them as tokenized, or choose another --tokenizer"
    )


def _read_words(file: str | os.PathLike[str]) -> list[str]:
    """Read a vocabulary file: one word per line, without surrounding spaces, tabs and CR."""
    from nlmkit.text.blocks import BLOCK_BYTES, byte_blocks
    from nlmkit.text.decoding import Decoding
    from nlmkit.text.sources import ByteReader, path_source

    source = path_source(file)
    lines: dict[str, int] = {}
    number = 0
    with ByteReader(source, utf8=True) as reader:
        for block in byte_blocks(reader, Decoding(), source.name, size=BLOCK_BYTES, characters=True):
            for line in block.text().split("\n")[:-1]:
                number += 1
                word = line.strip(" \t\r")
                if not word:
                    raise DataError(
                        "blank line in a vocabulary: write one word per line", source=source.name, line=number
                    )
                if word in lines:
                    raise DataError(
                        f"duplicate word {word!r}, first at line {lines[word]}", source=source.name, line=number
                    )
                lines[word] = number
    return [word for word in lines if word not in SPECIAL]
