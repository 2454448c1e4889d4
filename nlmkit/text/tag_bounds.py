"""Spans of many sentences at once: what ``tag_schemes`` does tag by tag, with arrays.

Whether a tag begins a span depends on the tag before it alone: after B and I a span of their type is open, after E, S
and O none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.tag_schemes import OUTSIDE, role, tag_of

_CODES: Final = {letter: code for code, letter in enumerate("OBIES")}
_O, _B, _I, _E, _S = range(5)


class Bounds(NamedTuple):
    """Where spans begin and end.

    Attributes:
        inside: Whether each token is inside a span: bool [tokens].
        starts: Whether a span begins with it: bool [tokens].
        ends: Whether one ends with it: bool [tokens].
        kinds: Type of its span, as an index into ``types``; of no meaning outside: int32 [tokens].
        types: Types of spans, in order of their first appearance among the tags.
    """

    inside: NDArray[np.bool_]
    starts: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    kinds: NDArray[np.int32]
    types: tuple[str, ...]


def bounds(tags: Sequence[str], ids: NDArray[np.int32], offsets: NDArray[np.int64], scheme: str) -> Bounds:
    """Read the spans of sentences; see ``tag_schemes.read_spans``.

    Args:
        tags: The tag set; only those that occur must be of the scheme.
        ids: Tag of each token: int32 [tokens].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        scheme: One with spans.

    Raises:
        DataError: A tag is not of the scheme.
    """
    types: dict[str, int] = {}
    codes_of = np.zeros(len(tags), np.int8)
    kinds_of = np.zeros(len(tags), np.int32)
    for id_ in np.flatnonzero(np.bincount(ids, minlength=len(tags))).tolist():
        letter, type_ = role(tags[id_], scheme)
        codes_of[id_] = _CODES[letter]
        kinds_of[id_] = types.setdefault(type_, len(types)) if letter != OUTSIDE else 0
    codes, kinds = codes_of[ids], kinds_of[ids]
    continues = _after_open(codes, kinds, offsets) & ((codes == _I) | (codes == _E))
    inside = codes != _O
    starts = inside & ~continues
    ends = inside.copy()  # unless the next token of the sentence continues the span
    ends[:-1] &= ~continues[1:]
    return Bounds(inside, starts, ends, kinds, tuple(types))


def written(spans: Bounds, offsets: NDArray[np.int64], scheme: str) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Write spans as tags; see ``tag_schemes.write_spans``.

    Args:
        spans: What ``bounds`` returned.
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        scheme: One with spans.

    Returns:
        The tags that may occur, and the tag of each token: int32 [tokens].
    """
    inside, starts, ends, kinds, types = spans
    codes = np.full(len(inside), _O, np.int8)
    codes[inside] = _I
    if scheme == "IOB1":
        codes[starts & _after_open(np.where(inside, np.int8(_I), np.int8(_O)), kinds, offsets)] = _B
    elif scheme == "IOB2":
        codes[starts] = _B
    else:
        codes[ends] = _E
        codes[starts] = _B
        codes[starts & ends] = _S
    letters = "BI" if scheme in ("IOB1", "IOB2") else "BIES"
    tags = [OUTSIDE, *(tag_of(letter, type_, scheme) for type_ in types for letter in letters)]
    place = np.zeros(5, np.int32)
    for number, letter in enumerate(letters, start=1):
        place[_CODES[letter]] = number
    return tuple(tags), np.where(inside, place[codes] + kinds * np.int32(len(letters)), np.int32(0))


def first_letters(
    tags: Sequence[str], ids: NDArray[np.int32], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tokens at which ``I``, and those at which ``B``, does not follow a span of its own type: int64 [n].

    Args:
        tags: The tag set, of IOB1 or IOB2.
        ids: Tag of each token: int32 [tokens].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
    """
    parts = [role(tag, "IOB2") for tag in tags]
    types = {type_: number for number, type_ in enumerate(dict.fromkeys(type_ for _, type_ in parts))}
    codes = np.array([_CODES[letter] for letter, _ in parts], np.int8)[ids]
    kinds = np.array([types[type_] for _, type_ in parts], np.int32)[ids]
    alone = ~_after_open(codes, kinds, offsets)
    return np.flatnonzero(alone & (codes == _I)), np.flatnonzero(alone & (codes == _B))


def _after_open(codes: NDArray[np.int8], kinds: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether a span of its type is open before each token: bool [tokens]."""
    found = np.zeros(len(codes), np.bool_)
    is_open = (codes == _B) | (codes == _I)
    found[1:] = is_open[:-1] & (kinds[1:] == kinds[:-1])
    first = offsets[:-1]
    found[first[first < len(codes)]] = False
    return found
