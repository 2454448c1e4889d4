"""Leave-one-out probabilities of the events of a training text under Kneser–Ney models of every order.

A model estimated on a text is too confident of that text: it has seen every event there. So each event is scored by
the counts without itself, at fixed discounts. Removing one occurrence of a word after its context changes

* the counts of the n-grams that end with it, by one at the longest length;
* at each shorter length the number of distinct words to the left, by one where the n-gram that is a word longer
  occurs only here;
* the sum of the counts after each of its contexts, and the mass that the discounts take from them, likewise.

Everything else stays, so that an event takes a few look-ups, in NumPy for all events of a block of text.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.hybrid.context_features import FEATURES, features_of
from nlmkit.language_models.ngram.counting import with_boundaries
from nlmkit.language_models.ngram.estimates import subtract, totals
from nlmkit.language_models.ngram.scoring import BATCH_EVENTS, batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nlmkit.language_models.ngram.counting import Ids, NGramCounts
    from nlmkit.language_models.ngram.estimates import Floats
    from nlmkit.language_models.ngram.table import BackoffTable

LEAST: Final = -80.0
"""Least log-probability, for words to which discounts of zero leave no probability."""


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Every event of a training text without itself.

    Attributes:
        log_probs: Natural log-probability of each event under the model of each order: float32 [events, orders].
        features: Features of the context of each event: float16 [events, orders − 1, FEATURES].
    """

    log_probs: NDArray[np.float32]
    features: NDArray[np.float16]


@dataclasses.dataclass(frozen=True)
class _Order:
    """Counts of one order k.

    Attributes:
        raw: Occurrences of each n-gram: int64 [n_k].
        adjusted: Counts that are discounted: int64 [n_k].
        history: Context of each n-gram: int32 [n_k]; zeros for unigrams, which have one context.
        discounts: Discount of the counts 0, 1, 2 and 3 or more: float64 [4].
        total: Sum of the adjusted counts after each context: float64 [contexts].
        gamma: What the discounts take from it: float64 [contexts].
        followers: Number of n-grams with each context and an adjusted count: int64 [contexts].
    """

    raw: NDArray[np.int64]
    adjusted: NDArray[np.int64]
    history: Ids
    discounts: Floats
    total: Floats
    gamma: Floats
    followers: NDArray[np.int64]

    @classmethod
    def of(cls, counts: NGramCounts, k: int, discounts: Sequence[float]) -> _Order:
        level = counts.levels[k - 1]
        padded = np.array([0.0, *discounts])
        keep = [np.ones(len(each), bool) for each in counts.levels]
        found = subtract(counts, k, level.adjusted, padded, keep)
        history = level.history if k > 1 else np.zeros(len(level), np.int32)
        counted = (level.adjusted > 0).astype(np.int64)
        followers = totals(counts, k, counted).astype(np.int64)
        return cls(level.raw, level.adjusted, history, padded, found.total, found.gamma, followers)

    def discount(self, values: NDArray[np.int64]) -> Floats:
        found: Floats = self.discounts[np.minimum(values, len(self.discounts) - 1)]
        return found


def left_out(
    event_ids: Ids,
    counts: NGramCounts,
    table: BackoffTable,
    discounts: Sequence[Sequence[float]],
    advance: Callable[[int], None] = lambda events: None,
    *,
    block: int = BATCH_EVENTS,
) -> LeftOut:
    """Return the leave-one-out log-probabilities of a training text.

    Args:
        event_ids: Ids of the text, each sentence closed by ``</s>``: int32 [events].
        counts: Counts of this text and no other, without pruning.
        table: Table of all its n-grams, in the order of ``counts``.
        discounts: Three discounts per order.
        advance: Called with the number of events done.
        block: Events at a time.
    """
    orders = [_Order.of(counts, k, values) for k, values in enumerate(discounts, 1)]
    found = LeftOut(
        np.empty((len(event_ids), len(orders)), np.float32),
        np.empty((len(event_ids), len(orders) - 1, FEATURES), np.float16),
    )
    for begin, end in batches(event_ids, block):
        probs, features = _block(event_ids[begin:end], orders, counts.uniform, table)
        with np.errstate(divide="ignore"):
            found.log_probs[begin:end] = np.maximum(np.log(probs), LEAST)
        found.features[begin:end] = features
        advance(end - begin)
    return found


def _block(
    event_ids: Ids, orders: Sequence[_Order], uniform: Floats, table: BackoffTable
) -> tuple[Floats, NDArray[np.float32]]:
    """Return probabilities [events, orders] and features [events, orders − 1, FEATURES] of whole sentences."""
    text = with_boundaries(event_ids)
    at = np.flatnonzero(text.depth)
    words, depth = text.words[at], text.depth[at]
    grams = [words]
    for k in range(2, len(orders) + 1):
        ids = np.full(len(at), -1, np.int32)
        inside = np.flatnonzero(depth >= k - 1)
        ids[inside] = table.find(k, grams[-1][inside], text.words[at[inside] - (k - 1)])
        grams.append(ids)
    probs = np.empty((len(at), len(orders)))
    features = np.zeros((len(at), len(orders) - 1, FEATURES), np.float32)
    below = uniform[words]
    for k, order in enumerate(orders, 1):
        rows = np.flatnonzero(grams[k - 1] >= 0)
        ids = grams[k - 1][rows]
        # 1 unless the n-gram with a further word to the left, of which there is one, occurs elsewhere, too
        longer = grams[k][rows] if k < len(orders) else np.full(len(rows), -1, np.int32)
        removed = np.ones(len(rows), np.int64)
        inner = np.flatnonzero(longer >= 0)
        if len(inner):
            removed[inner] = orders[k].raw[longer[inner]] == 1
        before = order.adjusted[ids]
        after, history = before - removed, order.history[ids]
        total = order.total[history] - removed
        freed = order.gamma[history] - order.discount(before) + order.discount(after)
        seen = np.flatnonzero(total > 0)
        share = np.maximum(freed[seen], 0) / total[seen]
        own = (after[seen] - order.discount(after[seen])) / total[seen]
        probs[:, k - 1] = below
        probs[rows[seen], k - 1] = own + share * below[rows[seen]]
        below = probs[:, k - 1]
        if k > 1:
            followers = order.followers[history[seen]] - ((before > 0) & (after == 0))[seen]
            with np.errstate(divide="ignore"):
                features[rows[seen], k - 2] = features_of(np.log(share), followers)
    return probs, features
