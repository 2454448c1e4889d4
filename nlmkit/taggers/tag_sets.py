"""Inner tags, of which a tagger is made: ids of training tags, and tags of other schemes written from ids.

Taggers of spans are trained on BIOES tags, whatever the scheme of the file; others on the tags as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.text import tag_bounds
from nlmkit.text.tag_schemes import PLAIN
from nlmkit.text.tagged import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text.tagged import TaggedSentences


def inner_tags(data: TaggedSentences, inner: str) -> tuple[str, ...]:
    """Return the tags that occur, by first appearance, and those without which some sentence could have none.

    These are ``S`` tags where neither ``O`` nor any ``S`` occurs: one token between two spans, or alone, has no
    tag otherwise.

    Args:
        data: Sentences with inner tags.
        inner: Their scheme.
    """
    assert data.tags is not None
    ids, first = np.unique(data.tags.ids, return_index=True)
    tags = [data.tags.types[each] for each in ids[np.argsort(first)].tolist()]
    if inner != PLAIN and not any(tag == "O" or tag[:1] == "S" for tag in tags):
        tags += [f"S{tag[1:]}" for tag in tags if tag[:1] == "B"]
    return tuple(tags)


def numbered(data: TaggedSentences, tags: Sequence[str], inner: str) -> TaggedSentences:
    """Return the sentences with the ids of their tags as indices into ``tags``; further tags follow those.

    Args:
        data: Sentences with inner tags.
        tags: The tags of a tagger.
        inner: Their scheme.
    """
    assert data.tags is not None
    places = {tag: place for place, tag in enumerate(tags)}
    for each in np.unique(data.tags.ids).tolist():
        places.setdefault(data.tags.types[each], len(places))
    ids = np.array([places.get(tag, -1) for tag in data.tags.types], np.int32)[data.tags.ids]
    return data.with_tags(Column(tuple(places), ids), inner)


def is_segmentation(tags: Sequence[str], inner: str) -> bool:
    """Return whether each token is in a span and no span has a type, as in word segmentation."""
    return inner != PLAIN and all(tag in ("B", "I", "E", "S") for tag in tags)


def written(
    ids: NDArray[Any], offsets: NDArray[np.int64], tags: Sequence[str], inner: str, scheme: str
) -> list[list[str]]:
    """Return the tags of each sentence in a scheme.

    Args:
        ids: Legal tags as indices into ``tags``: [tokens].
        offsets: Where each sentence begins and the last one ends: int64 [sentences + 1].
        tags: Inner tags.
        inner: Scheme of ``tags``.
        scheme: Scheme in which to write them.
    """
    names = tags
    if inner != PLAIN:
        names, ids = tag_bounds.written(tag_bounds.bounds(tags, ids, offsets, inner), offsets, scheme)
    flat = [names[each] for each in ids.tolist()]
    ends = offsets.tolist()
    return [flat[start:end] for start, end in pairwise(ends)]
