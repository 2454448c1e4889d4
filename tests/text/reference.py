"""A slow reader to compare with: one character at a time, nothing shared with nlmkit.text."""

from __future__ import annotations

import re
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
        if (emoji := _end_of_emoji(line, begin)) > begin:
            end = emoji
        elif _is_letter(line[begin]):
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
    return line[position] in "'’-\u2010\u2011\u00ad\u180e\u2060"


def _end_of_emoji(line: str, begin: int) -> int:
    """Where the emoji ends that begins here, by the grammar of Unicode's report (UTS 51); `begin` if none does."""
    end = begin
    if sequence := _KEYCAP_OR_FLAG.match(line, begin):
        end = sequence.end()
    elif _is_picture(line[begin]):
        end = begin + 1
        while end < len(line) and (_is_mark(line[end]) or _modifies(line[end])):
            end += 1
            if line[end - 1] == "\u200d" and end < len(line) and _is_picture(line[end]):
                end += 1
    while begin < end < len(line) and _is_mark(line[end]):
        end += 1
    return end


_KEYCAP_OR_FLAG = re.compile("[0-9#*]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}")


def _is_picture(character: str) -> bool:
    code = ord(character)
    ranges = [(0x2190, 0x21FF), (0x2300, 0x23FF), (0x25A0, 0x27BF), (0x2900, 0x297F), (0x2B00, 0x2BFF)]
    ranges += [(0x1F000, 0x1F1E5), (0x1F200, 0x1FAFF)]
    in_range = any(first <= code <= last for first, last in ranges)
    return in_range or character in "©®‼⁉™Ⓜ〰〽㊗㊙"


def _modifies(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"
