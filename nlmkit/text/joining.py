"""Joined blocks of a text, for callers that need all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.corpus import Corpus, stream_blocks
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import TextSource

Part = tuple[Corpus, list[str]]
"""A corpus and its raw lines."""


def whole(source: TextSource, pipeline: TextPipeline) -> Iterator[Part]:
    """Return the parts of a source, each with its raw lines.

    Raises:
        DataError: The source cannot be read.
    """
    return ((block.corpus, block.lines) for block in stream_blocks(source, pipeline))


def joined(parts: Iterable[Part]) -> Part:
    """All parts as one, with no more memory than corpus and lines take."""
    numbers: dict[str, int] = {}
    ids: list[NDArray[np.int32]] = []
    ends: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    lines: list[str] = []
    pipeline: TextPipeline | None = None
    for corpus, part in parts:
        numbering = [numbers.setdefault(word, len(numbers)) for word in corpus.types]
        ids.append(np.array(numbering, np.int32)[corpus.ids])
        ends.append(ends[-1][-1] + corpus.offsets[1:])
        lines += part
        pipeline = corpus.pipeline
    corpus = Corpus(
        tuple(numbers),
        np.concatenate(ids) if ids else np.empty(0, np.int32),
        np.concatenate(ends),
        pipeline=pipeline,
    )
    return corpus, lines


def line_lengths(lines: Sequence[str] | Sequence[bytes]) -> NDArray[np.int64]:
    """Characters (or bytes) of each raw line, its line feed included: int64 [lines]."""
    return np.fromiter(map(len, lines), np.int64, len(lines)) + 1
