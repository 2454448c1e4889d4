"""Spans of many sentences as arrays, and which of them agree."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.text.tag_bounds import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class SpanTable:
    """Spans in the order of the text; none overlap, and none crosses the end of a sentence.

    Attributes:
        starts: First token of each, among all tokens of the text: int64 [spans].
        ends: Token after its last one: int64 [spans].
        types: Its type, as an index into ``names``: int64 [spans].
        names: Names of types.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    types: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts)


def span_table(tags: Sequence[str], ids: NDArray[Any], offsets: NDArray[np.int64], scheme: str) -> SpanTable:
    """Read the spans of sentences, malformed sequences as conlleval does.

    Args:
        tags: The tag set.
        ids: Tag of each token: [tokens].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        scheme: One with spans.

    Raises:
        DataError: A tag is not of the scheme.
    """
    found = bounds(tags, ids.astype(np.int32), offsets, scheme)
    starts = np.flatnonzero(found.starts)
    return SpanTable(starts, np.flatnonzero(found.ends) + 1, found.kinds[starts].astype(np.int64), found.types)


def aligned(one: SpanTable, two: SpanTable) -> tuple[SpanTable, SpanTable]:
    """Return both tables with the same names of types: those of the first, then further ones of the second."""
    places = {name: place for place, name in enumerate(one.names)}
    mapped = np.array([places.setdefault(name, len(places)) for name in two.names], np.int64)
    names = tuple(places)
    types = mapped[two.types] if len(two) else two.types
    return dataclasses.replace(one, names=names), dataclasses.replace(two, types=types, names=names)


def is_in(one: SpanTable, two: SpanTable, *, tokens: int) -> NDArray[np.bool_]:
    """Return whether each span of the first is in the second, with its type and bounds: bool [spans of the first].

    Args:
        one: A table.
        two: Another one, with the same names.
        tokens: Number of tokens of the text.
    """
    ends, types = np.full(tokens, -1, np.int64), np.full(tokens, -1, np.int64)
    ends[two.starts], types[two.starts] = two.ends, two.types
    found: NDArray[np.bool_] = (ends[one.starts] == one.ends) & (types[one.starts] == one.types)
    return found
