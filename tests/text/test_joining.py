"""Blocks put together again equal the text read at once."""

from __future__ import annotations

import numpy as np

from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.joining import joined, line_lengths, whole


def test_joined_blocks_are_the_whole_text() -> None:
    random = np.random.default_rng(3)
    lines = [" ".join(f"w{n}" for n in random.integers(0, 400, length)) for length in random.integers(0, 9, 2500)]
    corpus, raw = joined(whole(iter(lines), TextPipeline()))
    assert corpus.events_digest == Corpus.read(iter(lines)).events_digest
    assert raw == lines
    assert line_lengths(raw).tolist() == [len(line) + 1 for line in lines]
    assert joined([])[0].sentences == 0
