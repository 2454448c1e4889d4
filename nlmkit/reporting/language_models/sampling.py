"""Choice of sentences of a large text, by seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlmkit.text import Corpus

SHORTEST, LONGEST = 5, 40
"""Words of a sentence that is shown as a whole, if the text has such sentences."""

MOST_WORDS = 60
"""Words that are shown of a longer one."""


def showable(corpus: Corpus) -> NDArray[np.int64]:
    """Return the numbers of the sentences of a length that is shown as a whole; of all that have words if none is."""
    lengths = np.diff(corpus.offsets)
    found = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST))
    return found if len(found) else np.flatnonzero(lengths > 0)


def drawn(numbers: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Return up to ``count`` of the sentences, drawn without replacement, in their order."""
    random = np.random.Generator(np.random.PCG64(seed))
    return np.sort(random.permutation(numbers)[:count])


def block(corpus: Corpus, events: int, seed: int) -> NDArray[np.int64]:
    """Return consecutive sentences of about that many events, from a drawn place."""
    offsets = corpus.event_offsets
    last = int(np.searchsorted(offsets, max(0, offsets[-1] - events), side="right")) - 1
    random = np.random.Generator(np.random.PCG64(seed))
    start = int(random.integers(0, max(1, last + 1)))
    stop = int(np.searchsorted(offsets, offsets[start] + events, side="left"))
    return np.arange(start, max(start + 1, min(stop, corpus.sentences)))


def scattered(corpus: Corpus, events: int, seed: int) -> NDArray[np.int64]:
    """Return drawn sentences of about that many events, in their order; at least one."""
    random = np.random.Generator(np.random.PCG64(seed))
    order = random.permutation(corpus.sentences)
    total = np.cumsum(np.diff(corpus.event_offsets)[order])
    return np.sort(order[: max(1, int(np.searchsorted(total, events, side="right")))])
