"""Sentence marks and NUL in a text: how they are replaced or removed where they are not an error.

Language models put ``<s>`` and ``</s>`` around sentences themselves, and NUL ends a word of a saved vocabulary, so
none of them can be a word of a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

Marks = Literal["error", "skip", "literal"]

LITERAL: Mapping[str, str] = {"<s>": "&lt;s&gt;", "</s>": "&lt;/s&gt;"}
"""How ``literal`` spells the marks: as Moses escapes them. They are ordinary words then."""

NUL_SYMBOL = "␀"
"""What ``literal`` shows in place of NUL (U+2400)."""

NUL_AS: Mapping[str, str] = {"skip": " ", "literal": NUL_SYMBOL}
"""What replaces NUL where it is not an error."""

_SPELLINGS: Mapping[str | bytes, str | bytes] = {
    key: value
    for mark, spelling in LITERAL.items()
    for key, value in ((mark, spelling), (mark.encode(), spelling.encode()))
}


def without_nul(text: str | bytes, marks: Marks) -> str | bytes:
    """Return the text, characters or UTF-8, without NUL; one that has none as it is."""
    if isinstance(text, str):
        return text.replace("\0", NUL_AS[marks]) if "\0" in text else text
    return text.replace(b"\0", NUL_AS[marks].encode()) if b"\0" in text else text


def without_marks(tokens: Sequence[str | bytes], marks: Marks) -> Sequence[str | bytes]:
    """Return the tokens without sentence marks: they are left out, or spelt otherwise."""
    if marks == "skip":
        return [token for token in tokens if token not in _SPELLINGS]
    return [_SPELLINGS.get(token, token) for token in tokens]


def may_hold_marks(text: str | bytes) -> bool:
    """Return whether a token of the text, characters or UTF-8, can be a sentence mark."""
    if isinstance(text, str):
        return any(mark in text for mark in LITERAL)
    return any(mark.encode() in text for mark in LITERAL)


def clean_sentence(sentence: Sequence[str], marks: Marks) -> Sequence[str]:
    """Return the tokens of a sentence without sentence marks and NUL; one that has none as it is.

    Raises:
        TypeError: An item is not a string.
    """
    if "\0" in "".join(sentence):
        if marks == "skip":
            sentence = [part for token in sentence for part in token.split("\0") if part or not token]
        else:
            sentence = [token.replace("\0", NUL_SYMBOL) for token in sentence]
    if LITERAL.keys().isdisjoint(sentence):
        return sentence
    return cast(Sequence[str], without_marks(sentence, marks))
