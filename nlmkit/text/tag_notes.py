"""Notes about suspicious tags and tokens: columns that are swapped, tags whose spelling hides their spans, odd words.

Words and tags are taken as they are written. These notes say where that gives a task that nobody wanted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.column import Column
from nlmkit.text.label_notes import BYTE_ORDER_MARK
from nlmkit.text.marks import NUL_SYMBOL
from nlmkit.text.tag_bounds import first_letters
from nlmkit.text.tag_schemes import OUTSIDE, PLAIN

_DOUBTED_TOKENS: Final = 50  # of fewer tokens much may be so by chance
_LONG: Final = 5_000  # tokens of a file that has no blank line
_MIXED_SHARE: Final = 10  # a tenth of the spans that begin in another way is no slip
_NAMED: Final = 3
_SHOWN: Final = 40
_OTHER_SPELLING: Final = re.compile(r"[bimeslu][-_/|:.].+|[BIMESLU][_/|:.].+|.+[-_/|:.][BIMES]")


def tag_notes(
    words: Column, offsets: NDArray[np.int64], tags: Column | None, scheme: str | None, source: str
) -> list[str]:
    """Return notes about sentences and their tags; arguments are as the attributes of ``TaggedSentences``."""
    notes = word_notes(words, source)
    if tags is None:
        return notes
    tags = tags.compact()
    if len(words) >= _DOUBTED_TOKENS:
        distinct = int(np.count_nonzero(words.counts()))
        if len(tags.types) > distinct:
            notes.append(
                f"{source}: {len(tags.types)} different tags, and {distinct} different words: are the columns of words "
                "and tags swapped?"
            )
        if len(tags.types) == 1:
            notes.append(f"{source}: every token has the tag {_shown(tags.types[0])}: is it the column of tags?")
    odd = [tag for tag in tags.types if tag != tag.strip()]
    if odd:
        notes.append(f"{source}: tags begin or end with a space, which makes them tags of their own: {_some(odd)}")
    if scheme == PLAIN:
        return [*notes, *_spelling_notes(tags.types, source)]
    return [*notes, *_iob_notes(tags, offsets, scheme, source)]


def length_note(tokens: int, source: str) -> str | None:
    """Return a note if a file of columns is a single sentence of many tokens."""
    if tokens <= _LONG:
        return None
    return f"{source}: one sentence of {tokens} tokens: a blank line must end each sentence"


def word_notes(words: Column, source: str) -> list[str]:
    """Return notes about characters in words that are there by accident."""
    notes = []
    for character, name, remedy in (
        (BYTE_ORDER_MARK, "a byte-order mark (U+FEFF)", "probably from concatenated files: remove it"),
        (NUL_SYMBOL, "NUL or its symbol ␀", "probably from a damaged file"),
    ):
        found = [number for number, word in enumerate(words.types) if character in word]
        if found:
            count = int(words.counts()[found].sum())
            verb = "token contains" if count == 1 else "tokens contain"
            notes.append(f"{source}: {count} {verb} {name}, {remedy}")
    return notes


def _spelling_notes(tags: Sequence[str], source: str) -> list[str]:
    """Return a note if tags read as plain look as if they were of spans."""
    alike = [tag for tag in tags if _OTHER_SPELLING.fullmatch(tag)]
    if len(alike) > len(tags) / 2:
        which = f"tags such as {_some(alike)} are read as plain tags, without spans"
        return [f"{source}: {which}: write spans as B-TYPE, I-TYPE and so on"]
    if OUTSIDE in tags:
        which = "the tags are read as plain tags, without spans, although O is one of them"
        return [f"{source}: {which}: write spans as B-TYPE, I-TYPE and so on, if O is the outside of spans"]
    return []


def _iob_notes(tags: Column, offsets: NDArray[np.int64], scheme: str | None, source: str) -> list[str]:
    """Return a note if spans begin as in IOB1 and as in IOB2, both often."""
    if scheme not in ("IOB1", "IOB2"):
        return []
    with_i, with_b = map(len, first_letters(tags.types, tags.ids, offsets))
    if min(with_i, with_b) * _MIXED_SHARE <= with_i + with_b or with_i + with_b < _MIXED_SHARE:
        return []
    return [
        f"{source}: {with_i} spans begin with I, as in IOB1, and {with_b} with B, as in IOB2: the tags are read as "
        f"{scheme}, but seem to be of both schemes"
    ]


def _some(tags: Sequence[str]) -> str:
    return ", ".join([*map(_shown, tags[:_NAMED]), *(["..."] if len(tags) > _NAMED else [])])


def _shown(tag: str) -> str:
    return repr(tag if len(tag) <= _SHOWN else tag[:_SHOWN] + "...")
