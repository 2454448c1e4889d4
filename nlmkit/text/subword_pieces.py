"""Pieces of text inside which subwords are found: subwords never cross from one piece to the next.

A piece is a word (letters, with apostrophes inside), a number, or a run of punctuation, each with the space before it.
Every character of a text is in exactly one piece. ``<`` is only ever the last character of a piece, so that no subword
reads like a sentence mark (``<s>``) or a byte (``<0x0A>``); white space other than the space, and ``▁``, which stands
for the space, are pieces of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from nlmkit.text.tokenizers import ANY_TIMES, SPACE_SYMBOL, combining_marks

COVERAGE: Final = 0.9995
"""Share of a training text whose characters are in the alphabet; rarer characters are spelt in bytes."""

_LINE_START: Final = re.compile(r"^(?=[^\n])", re.MULTILINE)


@cache
def _pattern() -> re.Pattern[str]:
    """Return the pattern of one piece; its alternatives match in time linear in the text."""
    mark = f"[{combining_marks()}]"
    letters = rf"[^\W\d_]++(?:{mark}++[^\W\d_]*+){ANY_TIMES}"
    word = rf" ?{letters}(?:['’]{letters}){ANY_TIMES}"
    others = [r" ?\d++", " ?<", rf" ?[^\w\s<{SPACE_SYMBOL}]++", " ?_++", r" +(?= )", " ", rf"[\s{SPACE_SYMBOL}]"]
    return re.compile("|".join([word, *others]))


def pieces_of(text: str) -> list[str]:
    """Return the pieces of whole lines, each ended by LF, with LF as a piece of its own.

    Each line that is not empty gets a space in front, so that its first word is like the others; a CR that ends it is
    left out.
    """
    return _pattern().findall(_LINE_START.sub(" ", text.replace("\r\n", "\n")))


class PieceCounts:
    """Counts the pieces of a training text."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count the pieces of whole lines, each ended by LF."""
        self._counts.update(pieces_of(text))

    def alphabet(self) -> list[str]:
        """Return the characters that subwords are made of, sorted: the space, and the most frequent others.

        They make up a share of ``COVERAGE`` of the text; of equally frequent characters the lower code point comes
        first.
        """
        counts: Counter[str] = Counter()
        for piece, count in self._counts.items():
            for character in piece:
                counts[character] += count
        own = {c: count for c, count in counts.items() if not c.isspace() and c != SPACE_SYMBOL}
        total, covered = sum(own.values()), 0
        found = [" "]
        for character in sorted(own, key=lambda c: (-own[c], c)):
            if covered >= COVERAGE * total:
                break
            found.append(character)
            covered += own[character]
        return sorted(found)

    def words(self, alphabet: Iterable[str]) -> Mapping[str, int]:
        """Return the pieces by count, in their order, cut where a character is not in the alphabet."""
        known = frozenset(alphabet)
        found: Counter[str] = Counter()
        for piece, count in self._counts.items():
            if known.issuperset(piece):
                found[piece] += count
                continue
            part = ""
            for character in [*piece, "\n"]:
                if character in known:
                    part += character
                elif part:
                    found[part] += count
                    part = ""
        return {word: found[word] for word in sorted(found)}
