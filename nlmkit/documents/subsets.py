"""Parts of a corpus as corpora of their own."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.text import Corpus


def beginnings(corpus: Corpus, most: int | None) -> tuple[Corpus, int]:
    """The first tokens of each sentence, and how many sentences were cut; the corpus itself where none is.

    Args:
        corpus: The whole.
        most: Tokens that are left of a longer sentence; None: all.
    """
    lengths = np.diff(corpus.offsets)
    cut = 0 if most is None else int((lengths > most).sum())
    if most is None or not cut:
        return corpus, 0
    kept = np.minimum(lengths, most)
    return _compact(corpus, corpus.offsets[:-1], kept), cut


def subset(corpus: Corpus, chosen: NDArray[np.int64]) -> Corpus:
    """The sentences with these numbers, in that order, with no types but their own.

    Characters and bytes of the text are not known of a part.

    Args:
        corpus: The whole.
        chosen: Numbers of sentences: int64 [n].
    """
    begins = corpus.offsets[chosen]
    return _compact(corpus, begins, corpus.offsets[chosen + 1] - begins)


def _compact(corpus: Corpus, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Corpus:
    """A sentence for each stretch of tokens, by its begin and length: int64 [n] each."""
    offsets = np.append(0, np.cumsum(lengths))
    ids = corpus.ids[np.repeat(begins - offsets[:-1], lengths) + np.arange(offsets[-1])]
    used, first, numbers = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return dataclasses.replace(
        corpus,
        types=tuple(corpus.types[index] for index in used[order].tolist()),
        ids=rank[numbers],
        offsets=offsets,
        characters=None,
        bytes=None,
    )
