"""Views: what a feature looks at in a token, such as the word itself, its first letters, or its shape.

A view is a function of the word or of a feature column, so it is evaluated once per distinct word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

WORD: Final = "word"
LOWER: Final = "lower"
SHAPE: Final = "shape"
CLASS: Final = "class"
PREFIX: Final = "prefix"
SUFFIX: Final = "suffix"
COLUMN: Final = "column"

_RUN: Final = re.compile(r"(.)\1+")
_DATE: Final = frozenset("年月日时時分秒号號")
_NUMERALS: Final = frozenset("〇○零一二三四五六七八九十百千万萬亿億两兩")


def view(name: str) -> Callable[[str], str | None]:
    """Return the function of a view; it returns None where the token has no such value.

    Args:
        name: ``word``, ``lower``, ``shape``, ``class``, ``prefixN``, ``suffixN`` (N letters of the lower-case word,
            which must be longer), or ``columnN`` (a feature column).
    """
    if name.startswith(COLUMN) or name == WORD:
        return str
    if name == LOWER:
        return str.lower
    if name == SHAPE:
        return shape
    if name == CLASS:
        return character_class
    size = int(name.removeprefix(PREFIX).removeprefix(SUFFIX))
    if name.startswith(PREFIX):
        return lambda word: word[:size].lower() if len(word) > size else None
    return lambda word: word[-size:].lower() if len(word) > size else None


def shape(word: str) -> str:
    """Return a word with its letters as X and x, digits as d, and runs of equals as one: ``Xx`` for ``Smith``."""
    return _RUN.sub(r"\1", "".join(map(_letter_shape, word[:50])))


def _letter_shape(character: str) -> str:
    if character.isdigit():
        return "d"
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return character


def character_class(word: str) -> str:
    """Return the class of a word's first character: number, date, letter, Han or kana, space or punctuation."""
    character = word[0]
    if character in _DATE:
        return "date"
    if character.isnumeric() or character in _NUMERALS:
        return "number"
    if character.isalpha():
        return "letter" if unicodedata.category(character) != "Lo" else "character"
    return "mark"
