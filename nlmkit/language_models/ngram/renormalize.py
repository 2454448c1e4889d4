"""Backoff weights that normalise the probabilities of every context."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats, Keep
from nlmkit.text.vocabulary import BOS_ID

ADD_UP_BELOW = 1e-3
"""Remainder below which missing mass is summed directly, since one minus a sum is exact to about 1e-14."""

_PAIRS = 1 << 22
"""Pairs of context and word summed at a time; bounds the working memory."""


@dataclasses.dataclass
class BackoffWeights:
    """Back-off mass of the contexts of one length. All arrays are [n_(k−1)].

    Attributes:
        weights: ``left / unseen``, float64; 1 for ``complete`` contexts and n-grams that are not contexts.
        left: Probability left by the n-grams of a context, 1 − Σ p(w|h), float64; 1 for n-grams that are not contexts.
        unseen: Probability in the shorter context of the words not listed after h, Σ p(w|h′), float64; 1 for n-grams
            that are not contexts.
        complete: Contexts that list every word, bool. Their n-grams sum to 1 − ``left``; the caller must scale them to
            one.
    """

    weights: Floats
    left: Floats
    unseen: Floats
    complete: NDArray[np.bool_]


def backoff_weights(
    k: int,
    probs: Sequence[Floats],
    histories: Sequence[Ids],
    suffixes: Sequence[Ids],
    below: BackoffWeights | None,
    *,
    left: Floats | None = None,
    keep: Keep | None = None,
) -> BackoffWeights:
    """Return the backoff weights of contexts of length k − 1 that normalise the k-grams after them.

    List index j − 1 is order j, as in ``BackoffTable``; only orders k and k − 1 are used. The lists must contain the
    history and suffix of every n-gram, so that p(w|h′) of an n-gram hw is the probability of its suffix.

    Args:
        k: Order of the n-grams to normalise, at least 2.
        probs: Probabilities, float64 [n_j] (0 is used for ``<s>``).
        histories: Indices, at the order below, of the n-grams without their last word, int32 [n_j].
        suffixes: The same without their first word, int32 [n_j].
        below: The result for order k − 1; None if k is 2.
        left: 1 − Σ p(w|h) of each context, float64 [n_(k−1)], if the caller knows it without cancellation (after
            pruning: the probabilities of the pruned n-grams plus the mass left before); otherwise it is computed, and
            never negative.
        keep: N-grams to keep, bool [n_j] per order, closed under history and suffix; all by default.

    Returns:
        The weights and their components. With them (and after scaling, if ``complete``) the distribution of every
        context sums to one up to rounding (about 1e-12).
    """
    history, suffix, lower = histories[k - 1], suffixes[k - 1], probs[k - 2]
    prob, number = probs[k - 1], len(lower)
    if keep is not None:
        history, suffix, prob = history[keep[k - 1]], suffix[keep[k - 1]], prob[keep[k - 1]]
    is_context = np.bincount(history, minlength=number) > 0
    if left is None:
        left = np.maximum(1.0 - _sums(history, prob, number), 0.0)
    left = np.where(is_context, left, 1.0)
    unseen = 1.0 - _sums(history, lower[suffix], number)
    little = np.flatnonzero(is_context & (unseen < ADD_UP_BELOW)).astype(np.int32)
    if len(little):
        if k == 2:
            parents, shorter = np.zeros_like(little), _unigrams(lower)
        else:
            assert below is not None
            parents = suffixes[k - 2][little]
            shorter = _Followers(histories[k - 2], lower, np.where(below.complete, 0.0, below.left))
            if keep is not None:
                shorter.keep = keep[k - 2]
        unseen[little] = _added_up(little, parents, shorter, history=history, suffix=suffix)
    complete = is_context & (unseen <= 0.0)
    weights: Floats = np.where(complete, 1.0, left / np.where(complete, 1.0, unseen))
    return BackoffWeights(weights, left, unseen, complete)


def _sums(index: Ids, values: Floats, number: int) -> Floats:
    return np.bincount(index, weights=values, minlength=number).astype(np.float64, copy=False)


@dataclasses.dataclass
class _Followers:
    """N-grams of the order below: context and probability of each, and the mass left by each context."""

    history: Ids
    probs: Floats
    left: Floats
    keep: NDArray[np.bool_] | None = None


def _unigrams(probs: Floats) -> _Followers:
    probs = probs.copy()
    probs[BOS_ID] = 0.0
    return _Followers(np.zeros(len(probs), np.int32), probs, np.zeros(1))


def _added_up(contexts: Ids, parents: Ids, shorter: _Followers, *, history: Ids, suffix: Ids) -> Floats:
    """Return Σ p(w|h′) over the words not listed after h, without a subtraction: float64 [contexts].

    Words listed after h are listed after its parent h′ too, so the sum covers the words listed after h′ but not h, and
    the mass left by h′.
    """
    # the n-grams that follow the parents, by parent, and the place of each among its parent's
    is_parent = np.zeros(len(shorter.left), bool)
    is_parent[parents] = True
    wanted = is_parent[shorter.history] if shorter.keep is None else is_parent[shorter.history] & shorter.keep
    grams = np.flatnonzero(wanted)
    grams = grams[np.argsort(shorter.history[grams], kind="stable")]
    sizes = np.bincount(shorter.history[grams], minlength=len(is_parent))
    begins = np.cumsum(sizes) - sizes
    place = np.zeros(len(shorter.probs), np.int64)
    place[grams] = np.arange(len(grams)) - begins[shorter.history[grams]]
    # the n-grams that follow the contexts, by context
    row = np.full(len(shorter.probs), -1, np.int64)
    row[contexts] = np.arange(len(contexts))
    rows = row[history]
    followers = np.flatnonzero(rows >= 0)
    followers = followers[np.argsort(rows[followers], kind="stable")]
    rows, places = rows[followers], place[suffix[followers]]
    sums = shorter.left[parents]
    for begin, end in _portions(sizes[parents]):
        lengths = sizes[parents[begin:end]]
        starts = np.cumsum(lengths) - lengths
        firsts = begins[parents[begin:end]] - starts
        values = shorter.probs[grams[np.repeat(firsts, lengths) + np.arange(int(lengths.sum()))]]
        own = slice(*np.searchsorted(rows, [begin, end]))
        values[starts[rows[own] - begin] + places[own]] = 0.0
        sums[begin:end] += np.add.reduceat(values, starts)
    return sums


def _portions(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut a list of sizes into portions with sums of at most about ``_PAIRS``."""
    ends = np.cumsum(sizes)
    begin = 0
    while begin < len(sizes):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
        yield begin, end
        begin = end
