"""From blocks of lines to token ids: the inner loop of reading.

Nothing here loops over lines or tokens in Python, except for a plugin's tokenizer. The end of each line is kept as a
token of its own among the others, so that one pass through a dictionary gives words and sentence ends together.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, AnyStr, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, NlmkitError, PluginError
from nlmkit.text.blocks import TextBlock
from nlmkit.text.marks import Marks, clean_sentence, may_hold_marks, without_marks, without_nul
from nlmkit.text.subwords import SubwordTokenizer, UntrainedSubwords
from nlmkit.text.tables import problem_of_item, tokens_of
from nlmkit.text.tokenization import Tokenization
from nlmkit.text.tokenizers import (
    BUILT_IN,
    SPACE_SYMBOL,
    BlockTokenizer,
    CharTokenizer,
    SpaceTokenizer,
    Tokenizer,
    WordTokenizer,
    word_pattern,
)
from nlmkit.text.vocabulary import RESERVED

if TYPE_CHECKING:
    from nlmkit.text.indexing_kernels import WordTable

Ids: TypeAlias = NDArray[np.int32]

_TAB_CR_TO_SPACE = bytes.maketrans(b"\t\r", b"  ")
_PIECE = 4 << 20  # bytes or characters of a block that a long line makes larger than others.
_FLUSH = 1 << 20  # Tokens that wait as Python integers before they become an array.
COMPILED_BYTES = 8 << 20
"""Bytes of text from which machine code numbers words; up to then, starting it takes longer than it saves."""

_END = 0  # Id of the line end in a `TypeIndex`, before words are renumbered.


class TypeIndex:
    """Numbers word types by first appearance while blocks are read.

    Args:
        tokenization: How lines become tokens.
        marks: What to do with sentence marks and NUL.
        compiles: Whether to number the words between spaces of a long text by machine code, which takes 140 MB.

    Raises:
        UnknownComponentError: No tokenizer has the name.
        HyperParameterError: The tokenizer is not trained yet.
    """

    def __init__(self, tokenization: Tokenization, marks: Marks = "error", *, compiles: bool = False) -> None:
        self._tokenization, self._marks = tokenization, marks
        self._ids: defaultdict[str | bytes, int] = defaultdict()
        self._ids.default_factory = self._ids.__len__  # A new type's id is the number of types before it.
        self._built_in = BUILT_IN.get(tokenization.tokenizer)
        # `space` works on bytes, which are cheaper to split and look up than strings. NUL is the line end there, since
        # no text that is split holds one; the other tokenizers never give out an LF.
        self._in_bytes = self._built_in is SpaceTokenizer
        self._ids[b"\0" if self._in_bytes else "\n"] = _END
        self._compiles = compiles and self._in_bytes and marks == "error"
        self._bytes = 0
        self._table: WordTable | None = None
        tokenizer = None if self._built_in else tokenization.resolved_tokenizer
        if isinstance(tokenizer, UntrainedSubwords):
            raise tokenizer.untrained()
        self._subwords = SubwordIndex(tokenizer) if isinstance(tokenizer, SubwordTokenizer) else None

    @property
    def characters(self) -> bool:
        """Whether blocks should hold characters, or else UTF-8."""
        return not self._in_bytes

    @property
    def is_slow(self) -> bool:
        """Whether blocks should be small, since the tokenizer is one that takes its time with many lines."""
        if self._built_in or self._subwords:
            return False
        return isinstance(self._tokenization.resolved_tokenizer, BlockTokenizer)

    def types(self) -> list[str]:
        """Return the word types seen so far, by id."""
        if self._subwords:
            return self._subwords.types
        if self._table is not None:
            return [word.decode() for word in self._table.words()]
        keys = iter(self._ids)
        next(keys)
        return [key.decode() if isinstance(key, bytes) else key for key in keys]

    def add(self, block: TextBlock, name: str) -> tuple[Ids, NDArray[np.int64]]:
        """Tokenize a block.

        Args:
            block: Whole lines.
            name: What errors call their source.

        Returns:
            The type ids of all tokens, and the number of tokens in each line.

        Raises:
            DataError: A token is ``<s>`` or ``</s>``.
            PluginError: A plugin's tokenizer returned something that is not a token.
        """
        if self._subwords:
            text = block.text() if self._marks == "error" else cast(str, without_nul(block.text(), self._marks))
            return self._subwords.add(self._tokenization.normalize(text))
        self._bytes += block.size
        table = self._machine_code()
        ids = self._numbered(block, name) if table is None else self._numbered_fast(table, block, name)
        ends = np.flatnonzero(ids == _END)
        lengths = np.diff(ends, prepend=-1) - 1
        words = ids[ids != _END]
        words -= 1
        return words, lengths

    def _machine_code(self) -> WordTable | None:
        if self._table is None and self._compiles and self._bytes >= COMPILED_BYTES:
            self._compiles = importlib.util.find_spec("numba") is not None
            if self._compiles:
                from nlmkit.text.indexing_kernels import WordTable

                keys = iter(self._ids)
                next(keys)
                self._table = WordTable(cast("Iterator[bytes]", keys))
        return self._table

    def _numbered(self, block: TextBlock, name: str) -> Ids:
        """Return the ids of all tokens and line ends."""
        known = len(self._ids)
        content = block.content
        pieces: Iterator[str | bytes] = (
            self._pieces(content, " ", "\n") if isinstance(content, str) else self._pieces(content, b" ", b"\n")
        )
        tokens_of = (self._tokens(piece, block.first_line, name) for piece in pieces)
        parts = [np.fromiter(map(self._ids.__getitem__, tokens), np.int32, len(tokens)) for tokens in tokens_of]
        ids = np.concatenate(parts) if len(parts) != 1 else parts[0]
        if len(self._ids) > known:
            # Asking with `get` adds nothing to the dictionary.
            found = {self._ids.get(word.encode() if self._in_bytes else word, -1): word for word in RESERVED}
            _check(ids, block, name, {id_: word for id_, word in found.items() if id_ >= known})
        return ids

    def _numbered_fast(self, table: WordTable, block: TextBlock, name: str) -> Ids:
        known = len(table)
        ids = table.add(self._normalized_bytes(block.content))
        new = table.words(known)
        found = {known + new.index(word.encode()): word for word in RESERVED if word.encode() in new}
        _check(ids, block, name, found)
        return ids

    def _pieces(self, text: AnyStr, space: AnyStr, line_feed: AnyStr) -> Iterator[AnyStr]:
        """Yield the text in pieces whose tokens take little memory, however long its lines are.

        What ends in a space or LF can be normalized and split on its own, except by a plugin, which gets whole lines.
        """
        begin = 0
        in_pieces = self._built_in in (SpaceTokenizer, WordTokenizer)  # `char` makes no list
        while in_pieces and len(text) - begin > _PIECE:
            end = begin + _PIECE
            cut = max(text.rfind(space, begin, end), text.rfind(line_feed, begin, end)) + 1
            if not cut:
                after = [found for found in (text.find(space, end), text.find(line_feed, end)) if found >= 0]
                cut = min(after, default=len(text) - 1) + 1
            yield text[begin:cut]
            begin = cut
        if begin < len(text):
            yield text[begin:] if begin else text

    def _tokens(self, text: str | bytes, first_line: int, name: str) -> Sequence[str | bytes]:
        """Return the tokens of a text, rid of sentence marks if they are to be, with a token after each line."""
        if self._marks == "error":
            return self._split(text, first_line, name)
        text = without_nul(text, self._marks)
        tokens = self._split(text, first_line, name)
        own = self._tokenization
        may = self._built_in is None or own.lowercase or own.unicode_form or may_hold_marks(text)
        return without_marks(tokens, self._marks) if may else tokens

    def _split(self, text: str | bytes, first_line: int, name: str) -> Sequence[str | bytes]:
        """Return the tokens of a text with a token after each line."""
        if self._in_bytes:
            return _split_on_space(self._normalized_bytes(text))
        text = self._tokenization.normalize(text if isinstance(text, str) else text.decode())
        if self._built_in is WordTokenizer:
            return word_pattern(line_feed=True).findall(text)
        if self._built_in is CharTokenizer:
            return text.replace("\r\n", "\n").replace(" ", SPACE_SYMBOL).replace("\t", SPACE_SYMBOL)
        return self._plugin_tokens(text, first_line, name)

    def _normalized_bytes(self, text: str | bytes) -> bytes:
        if isinstance(text, bytes):
            if self._tokenization.unicode_form is None and not self._tokenization.lowercase:
                return text
            text = text.decode()
        return self._tokenization.normalize(text).encode()

    def _plugin_tokens(self, text: str, first_line: int, name: str) -> list[str]:
        tokenizer = self._tokenization.resolved_tokenizer
        lines = text.split("\n")[:-1]
        of_lines: Iterable[list[str]]
        if isinstance(tokenizer, BlockTokenizer):
            of_lines = self._tokenized_together(tokenizer, lines, first_line, name)
        else:
            of_lines = self._tokenized_one_by_one(tokenizer, lines, first_line, name)
        tokens: list[str] = []
        for number, of_line in enumerate(of_lines, start=first_line):
            for token in of_line:
                if not _is_token(token):
                    raise self._failed(
                        f"{name}, line {number}",
                        f"returned {token!r}, which is not a token (a non-empty string without LF and NUL)",
                    )
            tokens.extend(of_line)
            tokens.append("\n")
        return tokens

    def _tokenized_one_by_one(
        self, tokenizer: Tokenizer, lines: Sequence[str], first_line: int, name: str
    ) -> Iterator[list[str]]:
        for number, line in enumerate(lines, start=first_line):
            try:
                of_line = list(tokenizer.tokenize(line))
            except NlmkitError:
                raise  # its message is for users, and names the way out
            except Exception as error:
                raise self._failed(f"{name}, line {number}", f"failed: {error!r}") from error
            yield of_line

    def _tokenized_together(
        self, tokenizer: BlockTokenizer, lines: Sequence[str], first_line: int, name: str
    ) -> list[list[str]]:
        place = f"{name}, lines {first_line} to {first_line + len(lines) - 1}"
        try:
            of_lines = [list(of_line) for of_line in tokenizer.tokenize_lines(lines)]
        except NlmkitError:
            raise
        except Exception as error:
            raise self._failed(place, f"failed: {error!r}") from error
        if len(of_lines) != len(lines):
            raise self._failed(place, f"returned the tokens of {len(of_lines)} lines for {len(lines)}")
        return of_lines

    def _failed(self, place: str, what: str) -> PluginError:
        return PluginError(f"{place}: the tokenizer {self._tokenization.tokenizer} {what}")


class SubwordIndex:
    """Numbers the tokens of a trained subword tokenizer, which are known beforehand, by first appearance.

    None of them can be a sentence mark, so that a text cannot hold one.

    Args:
        tokenizer: The tokenizer.

    Attributes:
        types: The tokens seen so far, by id.
    """

    def __init__(self, tokenizer: SubwordTokenizer) -> None:
        self._tokenizer = tokenizer
        self._id_of = np.full(len(tokenizer.tokens), -1, np.int32)
        self.types: list[str] = []

    def add(self, text: str) -> tuple[Ids, NDArray[np.int64]]:
        """Tokenize normalized whole lines, each ended by LF; return what ``TypeIndex.add`` returns."""
        tokens, lengths = self._tokenizer.ids_of(text)
        unseen = tokens[self._id_of[tokens] < 0]
        if len(unseen):
            new, first = np.unique(unseen, return_index=True)
            new = new[np.argsort(first)]
            self._id_of[new] = np.arange(len(self.types), len(self.types) + len(new), dtype=np.int32)
            self.types += [self._tokenizer.tokens[token] for token in new.tolist()]
        return self._id_of[tokens], lengths


def index_token_lists(
    sentences: Iterable[Sequence[str]], name: str, *, first: int = 1, marks: Marks = "error"
) -> tuple[list[str], Ids, NDArray[np.int64]]:
    """Number the types of sentences that are tokenized already.

    Args:
        sentences: The tokens of each sentence.
        name: What errors call their source.
        first: Number of the first sentence there.
        marks: What to do with sentence marks and NUL.

    Returns:
        The types by first appearance, the type ids of all tokens, and the number of tokens in each sentence.

    Raises:
        DataError: An item is not a list of tokens, or a token is invalid; names the sentence and the token.
    """
    ids: defaultdict[str, int] = defaultdict()
    ids.default_factory = ids.__len__
    parts: list[Ids] = []
    waiting: list[int] = []
    lengths: list[int] = []
    for number, given in enumerate(sentences, start=first):
        sentence = tokens_of(given)
        if sentence is None:
            problem = problem_of_item(given) or f"is {type(given).__name__}: do not mix token lists with anything else"
            raise DataError(
                f"expected a list of tokens, but the item {problem}",
                source=f"{name}, sentence {number}",
            )
        known = len(ids)
        try:
            if marks != "error":
                sentence = clean_sentence(sentence, marks)
            waiting.extend(map(ids.__getitem__, sentence))
        except TypeError:  # An unhashable item is not a string either.
            _check_tokens(sentence, name, number)
            raise
        if len(ids) > known:
            _check_tokens(sentence, name, number)
        lengths.append(len(sentence))
        if len(waiting) >= _FLUSH:
            parts.append(np.array(waiting, np.int32))
            waiting.clear()
    parts.append(np.array(waiting, np.int32))
    return [str(word) for word in ids], np.concatenate(parts), np.array(lengths, np.int64)


def reserved_token(word: str, name: str, line: int) -> DataError:
    """Return the error for a sentence mark among the tokens."""
    return DataError(
        f"the token {word} is the mark that models put around sentences: remove it from the text (with --marks skip it "
        'counts as white space, with --marks literal as a word; in Python, with TextPipeline(marks="skip")), and end '
        "each sentence with a line feed",
        source=name,
        line=line,
    )


def _check_tokens(sentence: Sequence[object], name: str, number: int) -> None:
    for position, token in enumerate(sentence, start=1):
        if not isinstance(token, str):
            problem = f"is {type(token).__name__}, not a string"
        elif not token:
            problem = "is empty"
        elif "\n" in token or "\0" in token:
            problem = f"contains LF or NUL: {token!r}"
        elif token in RESERVED:
            problem = f"is the sentence mark {token}, which models add themselves: leave it out"
        elif not _encodable(token):
            problem = f"contains a lone surrogate, which is not a character: {token!r}"
        else:
            continue
        raise DataError(f"this token {problem}", source=f"{name}, sentence {number}, token {position}")


def _check(ids: Ids, block: TextBlock, name: str, found: Mapping[int, str]) -> None:
    """Raise if the block has a reserved type, of those ``found`` by id; names the first place."""
    positions = {int(np.argmax(ids == id_)): word for id_, word in found.items()}
    if positions:
        first = min(positions)
        line = block.first_line + int(np.count_nonzero(ids[:first] == _END))
        raise reserved_token(positions[first], name, line)


def _is_token(token: object) -> bool:
    return isinstance(token, str) and token != "" and "\n" not in token and "\0" not in token and _encodable(token)


def _encodable(token: str) -> bool:
    try:
        token.encode()
    except UnicodeEncodeError:
        return False
    return True


def _split_on_space(data: bytes) -> list[bytes]:
    """Split on space, tab and CR, with NUL as a token for each LF."""
    data = data.replace(b"\n", b" \0 ")
    if b"\x0b" in data or b"\x0c" in data:  # `bytes.split()` would split there too.
        return [token for token in data.translate(_TAB_CR_TO_SPACE).split(b" ") if token]
    return data.split()
