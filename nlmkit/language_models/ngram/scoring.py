"""Log-probabilities of texts by a table: in NumPy, by machine code, or word by word, with the same additions in order.

Short texts, such as single sentences, are scored word by word, since calls of NumPy cost more than their few events.

Machine code (``kernels``, extra ``fast``) is used for texts of ``COMPILED_EVENTS`` on, below which starting it takes
longer than it saves; in a process that has it already, for all but short texts.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids, with_boundaries
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.followers import Lookup
from nlmkit.language_models.ngram.steps import Steps
from nlmkit.text.vocabulary import EOS_ID

FEW_EVENTS: Final = 64
"""Events up to which a text is scored word by word."""

BATCH_EVENTS: Final = 1 << 17
"""Events scored at a time; bounds the working memory to about 10 MB."""

COMPILED_EVENTS: Final = 1 << 21
"""Events from which machine code is started for a text."""

_ONCE_STARTED: Final = 1 << 12
"""Events from which machine code is used that this process has started before."""

_KERNELS: Final = "nlmkit.language_models.ngram.kernels"

Scored = tuple[Floats, NDArray[np.int8]]


class Pass(NamedTuple):
    """Arguments of a kernel that are the same for every table: arrays of a text with its boundaries, [positions] each.

    Attributes:
        words: Ids, int32.
        depth: Number of words before each in its sentence, int32.
        ids: Index of the n-gram of the last order that ends at each position, −1 for none: int64.
        scores: Log-probabilities, float64.
        lengths: Lengths of the n-grams they are of, int8.
    """

    words: Ids
    depth: Ids
    ids: NDArray[np.int64]
    scores: Floats
    lengths: NDArray[np.int8]


class Scorable(Lookup, Protocol):
    """A table that machine code can score by."""

    @property
    def steps(self) -> Steps:
        """The table word by word."""
        ...

    def extend(self, kernels: Any, k: int, run: Pass) -> None:
        """Run the kernel of this form of table for order k."""
        ...


def score(table: Scorable, event_ids: Ids, threads: int = 1) -> Scored:
    """Return the log-probability of each event, float64 [events], and the length of its n-gram, int8 [events].

    Args:
        table: The model.
        event_ids: Ids of the events, each sentence closed by ``</s>``: int32 [events].
        threads: Number of threads; results do not depend on it.
    """
    if len(event_ids) <= FEW_EVENTS:
        return score_by_steps(table, event_ids)
    log_probs = np.empty(len(event_ids))
    lengths = np.empty(len(event_ids), np.int8)
    score_batch = _batch_scorer(len(event_ids))

    def work(bounds: tuple[int, int]) -> None:
        begin, end = bounds
        log_probs[begin:end], lengths[begin:end] = score_batch(table, event_ids[begin:end])

    size = min(BATCH_EVENTS, max(1 << 12, -(-len(event_ids) // threads)))
    if threads == 1 or len(event_ids) <= size:
        for bounds in batches(event_ids, size):
            work(bounds)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, batches(event_ids, size)):
                pass
    return log_probs, lengths


def batches(event_ids: Ids, size: int) -> Iterator[tuple[int, int]]:
    """Yield bounds of runs of whole sentences with at least ``size`` events each, as far as there are."""
    ends = np.flatnonzero(event_ids == EOS_ID) + 1
    begin = 0
    while begin < len(event_ids):
        end = int(ends[min(int(np.searchsorted(ends, begin + size)), len(ends) - 1)])
        yield begin, end
        begin = end


def _batch_scorer(events: int) -> Callable[[Scorable, Ids], Scored]:
    if events < (_ONCE_STARTED if _KERNELS in sys.modules else COMPILED_EVENTS):
        return score_by_arrays
    if importlib.util.find_spec("numba") is None:
        return score_by_arrays
    return score_by_kernels


def score_by_steps(table: Scorable, event_ids: Ids) -> Scored:
    """``score`` of a short text, word by word."""
    scores, lengths = table.steps.score(event_ids.tolist())
    return np.array(scores, np.float64), np.array(lengths, np.int8)


def score_by_kernels(table: Scorable, event_ids: Ids) -> Scored:
    """``score`` of one batch by machine code; requires numba."""
    from nlmkit.language_models.ngram import kernels

    text = with_boundaries(event_ids)
    ids = text.words.astype(np.int64)
    scores = table.log_probs_of(1, text.words).astype(np.float64)
    lengths = np.ones(len(ids), np.int8)
    run = Pass(text.words, text.depth, ids, scores, lengths)
    for k in range(2, table.order + 1):
        table.extend(kernels, k, run)
    events = text.depth > 0
    return scores[events], lengths[events]


def score_by_arrays(table: Lookup, event_ids: Ids) -> Scored:
    """``score`` of one batch by NumPy."""
    text = with_boundaries(event_ids)
    words, depth = text.words, text.depth
    # one position more than the text, to write the follower of position p at p + 1
    scores = np.empty(len(words) + 1)
    scores[:-1] = table.log_probs_of(1, words)
    lengths = np.ones(len(words), np.int8)
    at: Any = np.arange(len(words), dtype=np.int32)
    ids: Any = words
    for k in range(2, table.order + 1):
        _add_backoffs(table, scores, depth, k - 1, at, ids)
        inside = depth[at] >= k - 1
        at, ids = at[inside], ids[inside]
        ids = table.find(k, ids, words[at - (k - 1)])
        found = ids >= 0
        at, ids = at[found], ids[found]
        scores[at] = table.log_probs_of(k, ids)
        lengths[at] = k
    events = depth > 0
    return scores[:-1][events], lengths[events]


def _add_backoffs(  # noqa: PLR0917
    table: Lookup, scores: Floats, depth: Ids, k: int, at: Any, ids: Any
) -> None:
    """Add the backoff weights of the contexts of length k that end at ``at`` to the next scores."""
    if table.unseen_backoff == 0.0:
        scores[at + 1] += table.backoffs_of(k, ids)
        return
    weights = np.zeros(len(scores))
    weights[1:][depth >= k - 1] = table.unseen_backoff
    weights[at + 1] = table.backoffs_of(k, ids)
    scores += weights
