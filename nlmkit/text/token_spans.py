"""Where in a line its tokens come from, and which words of the line they belong to.

A token belongs to the word that has the token's first character other than white space; a token of white space alone
belongs to the word after it, or to the end of the line. A word that only continues a token of the word before it has no
tokens of its own.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from nlmkit.errors import DataError
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.subwords import JsonTokenizer, SubwordTokenizer
from nlmkit.text.tokenizers import SPACE_SYMBOL, CharTokenizer

Span: TypeAlias = tuple[int, int]
"""Beginning and end of some characters of a line."""

_WORD: Final = re.compile(r"\S+")
_BYTE: Final = re.compile(r"<0x([0-9A-F]{2})>")


@runtime_checkable
class SpanTokenizer(Protocol):
    """Protocol of tokenizers that say where their tokens come from, an optional part of ``Tokenizer``.

    One whose tokens are parts of the line, in order, does not need it.
    """

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return, for each token of ``tokenize(line)``, the beginning and end of the characters it comes from."""
        ...


def word_spans(line: str) -> list[Span]:
    """Return the words of a line, which white space of any kind separates."""
    return [match.span() for match in _WORD.finditer(line)]


def spans_of_tokens(line: str, tokens: Sequence[str], tokenizer: Any) -> list[Span]:
    """Return the characters of a line that each of its tokens comes from.

    Args:
        line: The line as the tokenizer reads it: normalized, without LF.
        tokens: Its tokens.
        tokenizer: The tokenizer.

    Raises:
        DataError: A token is not part of the line, and the tokenizer does not say where it comes from.
    """
    name = str(getattr(tokenizer, "name", type(tokenizer).__name__))
    if isinstance(tokenizer, CharTokenizer):
        found = [(place, place + 1) for place in range(len(tokens))]
    elif isinstance(tokenizer, SubwordTokenizer) and not isinstance(tokenizer, JsonTokenizer):
        found = _of_subwords(line, tokens)
    elif isinstance(tokenizer, SpanTokenizer):
        found = tokenizer.spans(line.removesuffix("\r"))
    else:
        found = _searched(line, tokens, name)
    if len(found) != len(tokens):
        raise DataError(
            f"the tokenizer {name} gives {len(found)} tokens where the text has {len(tokens)}: tokens cannot be "
            "aligned with words where --marks leaves some out"
        )
    return found


def words_of_tokens(line: str, words: Sequence[Span], tokens: Sequence[Span]) -> list[int]:
    """Return the place of the word that each token belongs to; ``len(words)`` for the end of the line.

    Args:
        line: The line.
        words: Its words, in order, without overlaps.
        tokens: Where its tokens come from, in order.
    """
    ends = [end for _, end in words]
    found = []
    for begin, end in tokens:
        first = next((index for index in range(begin, end) if not line[index].isspace()), max(begin, end - 1))
        found.append(bisect.bisect_right(ends, first))  # the first word that ends behind this character
    return found


def _of_subwords(line: str, tokens: Sequence[str]) -> list[Span]:
    """Return the spans of tokens that spell the line, with a space in front, in characters or bytes of UTF-8."""
    text = f" {line}"
    places = [index for index, char in enumerate(text) for _ in char.encode()]
    places.append(len(text))
    found, begin = [], 0
    for token in tokens:
        size = 1 if _BYTE.fullmatch(token) else len(token.replace(SPACE_SYMBOL, " ").encode())
        first, last = places[min(begin, len(places) - 1)], places[min(begin + size - 1, len(places) - 1)]
        found.append((max(first - 1, 0), max(last, 0)))  # without the space in front
        begin += size
    return found


def _searched(line: str, tokens: Sequence[str], name: str) -> list[Span]:
    found, begin = [], 0
    for token in tokens:
        place = line.find(token, begin)
        if place < 0:
            raise DataError(
                f"the token {token!r} of the tokenizer {name} is not part of the line {line[:60]!r}: tokens cannot be "
                "aligned with words unless the tokenizer has a method spans"
            )
        begin = place + len(token)
        found.append((place, begin))
    return found


def normalized_words(line: str, pipeline: TextPipeline) -> tuple[str, list[Span], list[str]]:
    """Return a line as its tokenizer reads it, the words there, and how the raw line writes them.

    Where normalization changes the number of words, they are written as normalized.
    """
    text = pipeline.normalize(line.replace("\0", " "))
    spans = word_spans(text)
    raw = line.split()
    return text, spans, raw if len(raw) == len(spans) else [text[begin:end] for begin, end in spans]
