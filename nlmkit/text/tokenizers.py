"""The built-in tokenizers: ``space``, ``word`` and ``char``.

A tokenizer turns one line of text into tokens and joins generated tokens into readable text. Plugins add more through
the entry-point group ``nlmkit.tokenizers``. Every tokenizer here works in time linear in the line.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import ClassVar, Protocol, runtime_checkable

INVISIBLE_JOINTS = "\u00ad\u180e\u2060"
"""Soft hyphen, Mongolian vowel separator, word joiner: characters without width between the letters of a word."""

SPACE_SYMBOL = "▁"
"""What the ``char`` tokenizer shows in place of a space (U+2581, as in SentencePiece)."""

# The ideograph blocks: Extension A, the unified block, compatibility ideographs, planes 2 and 3 (which hold nothing
# else), and the iteration mark and the zero that are written among them.
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"

# What emoji are made of, in a few ranges: symbols, none of them a letter, digit or punctuation mark of a text.
PICTURES = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
)
KEYCAP = "[0-9#*]\ufe0f?\u20e3"
FLAG = "[\U0001f1e6-\U0001f1ff]{2}"

# Hangul is not here: Korean separates words by spaces.
_WIDE = re.compile(f"[{HAN}\u3000-\u30ff\uff01-\uff60]")
# Both match the same; the possessive way takes no memory for each repetition, but CPython before 3.11.5 has it wrong
# (python/cpython#106052).
ANY_TIMES = "*+" if sys.version_info >= (3, 11, 5) else "*"
"""How a pattern repeats a group."""

_NO_SPACE_BEFORE = frozenset(".,;:!?%)]}»”’…。，、；：！？）】》」』〉")
_NO_SPACE_AFTER = frozenset("([{«“‘$£€#（【《「『〈")


@runtime_checkable
class Tokenizer(Protocol):
    """Protocol of tokenizers, built-in or from a plugin; ``BlockTokenizer`` is an optional part of it."""

    @property
    def name(self) -> str:
        """The name it is registered and saved under; of a class, an attribute."""
        ...

    def tokenize(self, line: str) -> list[str]:
        """Split one line (without its LF) into tokens, none of them empty or containing LF or NUL."""
        ...

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join tokens, such as generated ones, into readable text."""
        ...


@runtime_checkable
class BlockTokenizer(Protocol):
    """Protocol of tokenizers that are faster with many lines at once; texts are read by this method where it exists."""

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        """Return the tokens of each line, as ``tokenize`` returns them."""
        ...


class SpaceTokenizer:
    """Splits on exactly space, tab and CR: for text that is already tokenized, as KenLM and SRILM read it."""

    name: ClassVar[str] = "space"

    def tokenize(self, line: str) -> list[str]:
        """Split one line. No-break and ideographic spaces, VT and FF are ordinary characters."""
        return [token for token in line.replace("\t", " ").replace("\r", " ").split(" ") if token]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the tokens with single spaces."""
        return " ".join(tokens)


class WordTokenizer:
    """Splits raw text into words, numbers, single Han characters and single punctuation marks.

    Numbers keep inner ``.`` and ``,`` (``1,000.5``), words keep inner apostrophes, hyphens and soft hyphens
    (``don't``, ``well-known``), combining marks stay with the character they modify. An emoji is one token with all
    that belongs to it: skin tone, joined emoji, the two letters of a flag, the enclosing key. White space of any kind
    separates. Scripts written without spaces other than Han (kana, Thai) come out as unbroken runs.
    """

    name: ClassVar[str] = "word"

    def tokenize(self, line: str) -> list[str]:
        """Split one line."""
        return word_pattern().findall(line)

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the tokens the way text is usually set: no space before a comma, none between Han characters.

        The original spacing is not in the tokens, so this is a convention, not an inverse.
        """
        pieces: list[str] = []
        previous = ""
        quote_open = False
        for token in tokens:
            closing_quote = token == '"' and quote_open
            glued = (
                not previous
                or token in _NO_SPACE_BEFORE
                or previous in _NO_SPACE_AFTER
                or closing_quote
                or (previous == '"' and quote_open)
                or (_is_wide(previous[-1]) and _is_wide(token[0]))
            )
            pieces.append(token if glued else " " + token)
            if token == '"':
                quote_open = not quote_open
            previous = token
        return "".join(pieces)


class CharTokenizer:
    """Makes every character a token, with a space or tab shown as ``▁``; a CR that ends the line is dropped."""

    name: ClassVar[str] = "char"

    def tokenize(self, line: str) -> list[str]:
        """Split one line into its characters (code points)."""
        return list(line.removesuffix("\r").replace(" ", SPACE_SYMBOL).replace("\t", SPACE_SYMBOL))

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the characters, with ``▁`` as a space again."""
        return "".join(tokens).replace(SPACE_SYMBOL, " ")


BUILT_IN: dict[str, type[SpaceTokenizer] | type[WordTokenizer] | type[CharTokenizer]] = {
    tokenizer.name: tokenizer for tokenizer in (SpaceTokenizer, WordTokenizer, CharTokenizer)
}


@cache
def word_pattern(*, line_feed: bool = False) -> re.Pattern[str]:
    """Return the pattern of the ``word`` tokenizer.

    The alternatives begin with disjoint character classes and every repetition is of a class that what follows cannot
    match, so there is nothing to backtrack into and matching is linear.

    Args:
        line_feed: Whether LF matches too, as a token of its own; a block of whole lines is then split in one go.
    """
    mark = f"[{combining_marks()}]"
    letters = rf"[^\W{HAN}]++(?:{mark}++[^\W{HAN}]*+){ANY_TIMES}"
    joint = rf"['’‐‑{INVISIBLE_JOINTS}-]|(?<=\d)[.,](?=\d)"
    # Skin tones, and the tags that spell the flags of regions.
    modifiers = "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
    picture = rf"[{PICTURES}][{combining_marks()}{modifiers}]*+"
    emoji = rf"{picture}(?:(?<=\u200d){picture}){ANY_TIMES}"
    # What most tokens are comes first; it says nothing that `letters` does not, and halves the time.
    plain = r"[0-9A-Z_a-z]++(?=[ \n])"
    alternatives = [
        plain,
        rf"{KEYCAP}{mark}*+|{letters}(?:(?:{joint}){letters}){ANY_TIMES}",
        rf"[{HAN}]{mark}*+",
        rf"{FLAG}{mark}*+",
        emoji,
        rf"\S{mark}*+",
    ]
    return re.compile("|".join(["\n", *alternatives] if line_feed else alternatives))


def combining_marks() -> str:
    """Return the characters that extend the one before them, as ranges of a pattern's class.

    These are the combining marks (general category M), which Python's ``\\w`` leaves out, and the zero-width joiners
    used inside Indic and Persian words.
    """
    # Plane 14 holds variation selectors; the planes between the first two and that one hold no marks.
    candidates = [*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)]
    marks = [c for c in candidates if c in (0x200C, 0x200D) or unicodedata.category(chr(c))[0] == "M"]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _is_wide(character: str) -> bool:
    """Whether text around the character is set without spaces: Han, kana, and the punctuation that goes with them."""
    return _WIDE.match(character) is not None
