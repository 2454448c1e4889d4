"""A slow reader to compare with: one character at a time, nothing shared with nlmkit.text."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple


class Refused(NamedTuple):
    """Where a text has a fault for which it must not be read."""

    line: int
    byte: int | None


def lines_of(text: str) -> list[str]:
    lines, line = [], ""
    for character in text:
        if character == "\n":
            lines.append(line)
            line = ""
        else:
            line += character
    return [*lines, line] if line else lines


def space(line: str) -> list[str]:
    tokens, token = [], ""
    for character in line + " ":
        if character in " \t\r":
            if token:
                tokens.append(token)
            token = ""
        else:
            token += character
    return tokens


def char(line: str) -> list[str]:
    if line and line[-1] == "\r":
        line = line[:-1]
    return ["▁" if character in " \t" else character for character in line]


def word(line: str) -> list[str]:
    tokens = []
    begin = 0
    while begin < len(line):
        end = begin + 1
        if line[begin].isspace():
            begin += 1
            continue
        if _is_letter(line[begin]):
            while end < len(line) and (_is_letter(line[end]) or _is_mark(line[end]) or _joins(line, end)):
                end += 1
        else:
            while end < len(line) and _is_mark(line[end]):
                end += 1
        tokens.append(line[begin:end])
        begin = end
    return tokens


TOKENIZERS = {"space": space, "char": char, "word": word}


def read(data: bytes, tokenizer: str = "space") -> list[list[str]] | Refused:
    """Reads UTF-8, if it is that and holds no sentence mark."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Refused(data[: error.start].count(b"\n") + 1, error.start)
    if text[:1] == "\ufeff":
        text = text[1:]
    sentences = []
    for number, line in enumerate(lines_of(text), start=1):
        tokens = TOKENIZERS[tokenizer](line)
        if "<s>" in tokens or "</s>" in tokens:
            return Refused(number, None)
        sentences.append(tokens)
    return sentences


def raw_text(data: bytes) -> str:
    """The text that raw sizes are counted on."""
    return "".join(line + "\n" for line in lines_of(data.decode().removeprefix("\ufeff")))


def _is_letter(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _is_han(character)


def _is_han(character: str) -> bool:
    name = unicodedata.name(character, "")
    return "CJK UNIFIED IDEOGRAPH" in name or "CJK COMPATIBILITY IDEOGRAPH" in name or character in "々〇"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or character in "\u200c\u200d"


def _joins(line: str, position: int) -> bool:
    if position + 1 == len(line) or not _is_letter(line[position + 1]):
        return False
    if line[position] in ".,":
        return line[position - 1].isdecimal() and line[position + 1].isdecimal()
    return line[position] in "'’-\u2010\u2011"
