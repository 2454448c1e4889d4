"""Shapes of words: capitals, digits, punctuation and scripts, as classes."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SHAPES: Final = (
    "other",
    "lower",
    "Title",
    "UPPER",
    "Capital",
    "mixedCase",
    "number",
    "with-digit",
    "uncased",
    "punctuation",
    "symbol",
    "hyphenated",
)
"""Names of the shapes, by id."""

_ID: Final = {name: id_ for id_, name in enumerate(SHAPES)}
_NUMBER: Final = re.compile(r"[+-]?[.,:/]?\d+(?:[.,:/-]\d+)*\W?")


def shape(word: str) -> int:
    """Return the shape of a word: an index into ``SHAPES``."""
    return _ID[_name(word)]


def _name(word: str) -> str:  # noqa: PLR0911
    if not any(map(str.isalnum, word)):
        return "punctuation" if any(unicodedata.category(each)[0] == "P" for each in word) else "symbol"
    if any(map(str.isdigit, word)):
        return "number" if _NUMBER.fullmatch(word) else "with-digit"
    letters = [each for each in word if each.isalpha()]
    if not any(each.isupper() or each.islower() for each in letters):
        return "uncased" if letters else "other"
    if word.isupper():
        return "Capital" if len(letters) == 1 else "UPPER"
    if "-" in word:
        return "hyphenated"
    if word.islower():
        return "lower"
    return "Title" if letters[0].isupper() and "".join(letters[1:]).islower() else "mixedCase"
