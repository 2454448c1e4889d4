"""Subsets of a corpus."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.text import Corpus


def beginnings(corpus: Corpus, most: int | None) -> tuple[Corpus, int]:
    """Truncate sentences; return the corpus, unchanged if none is too long, and the number truncated.

    Args:
        corpus: The whole corpus.
        most: Maximum tokens per sentence; None for no limit.
    """
    lengths = np.diff(corpus.offsets)
    cut = 0 if most is None else int((lengths > most).sum())
    if most is None or not cut:
        return corpus, 0
    kept = np.minimum(lengths, most)
    return _compact(corpus, corpus.offsets[:-1], kept), cut


def subset(corpus: Corpus, chosen: NDArray[np.int64]) -> Corpus:
    """Return the sentences with these indices, in that order, with only their own types.

    The number of characters and bytes is unknown for a subset.

    Args:
        corpus: The whole corpus.
        chosen: Indices of sentences: int64 [n].
    """
    begins = corpus.offsets[chosen]
    return _compact(corpus, begins, corpus.offsets[chosen + 1] - begins)


def _compact(corpus: Corpus, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Corpus:
    """Return one sentence per span of tokens, given its start and length: int64 [n] each."""
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
