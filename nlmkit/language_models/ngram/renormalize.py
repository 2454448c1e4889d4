"""Backoff weights that make every context's probabilities sum to one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats, Keep
from nlmkit.text.vocabulary import BOS_ID

ADD_UP_BELOW = 1e-3
"""One minus a sum is exact to about 1e-14; where less than this is left of it, what is missing is added up instead."""

_PAIRS = 1 << 22
"""Pairs of a context and a word looked at together when missing words are added up; bounds the working memory."""


@dataclasses.dataclass
class BackoffWeights:
    """What the contexts of one length give to the words that do not follow them. All arrays are [n_(k−1)].

    Attributes:
        weights: ``left / unseen``, float64; 1 where ``complete`` and for an n-gram that is no context.
        left: Probability that a context's own n-grams leave, 1 − Σ p(w|h), float64; 1 for what is no context.
        unseen: Probability of the words without an n-gram after h in the shorter context, Σ p(w|h′), float64; 1 for
            what is no context.
        complete: Contexts after which no word is left to back off to, bool. Their n-grams sum to 1 − ``left``, and
            the caller has to scale them to one.
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
    """Return the backoff weights of the contexts of length k − 1, which normalise the k-grams that follow them.

    List index j − 1 holds order j, as in ``BackoffTable``; only orders k and k − 1 are
    looked at. History and suffix of every n-gram must be in the lists too, so that p(w|h′) of an n-gram hw is the
    probability listed for its suffix.

    Args:
        k: Order of the n-grams to normalise, at least 2.
        probs: Probabilities, float64 [n_j] (that of ``<s>`` is taken to be 0).
        histories: Indices, at the order below, of the n-grams without their last word, int32 [n_j].
        suffixes: The same without their first word, int32 [n_j].
        below: The result for order k − 1; None if k is 2.
        left: 1 − Σ p(w|h) of each context, float64 [n_(k−1)], where the caller knows it without cancellation (what
            pruned n-grams leave is the sum of their probabilities and of what was left before); otherwise it is
            calculated, and never negative.
        keep: N-grams to leave in, bool [n_j] for each order; history and suffix of each are left in too. Without it,
            all of them.

    Returns:
        The weights and what they are made of. With them, and where ``complete`` after scaling, the distribution of
        every context sums to one up to rounding (about 1e-12).
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
    """N-grams of the order below: each one's context and probability, and what each context leaves."""

    history: Ids
    probs: Floats
    left: Floats
    keep: NDArray[np.bool_] | None = None


def _unigrams(probs: Floats) -> _Followers:
    probs = probs.copy()
    probs[BOS_ID] = 0.0
    return _Followers(np.zeros(len(probs), np.int32), probs, np.zeros(1))


def _added_up(contexts: Ids, parents: Ids, shorter: _Followers, *, history: Ids, suffix: Ids) -> Floats:
    """Σ p(w|h′) over the words that do not follow h, without a subtraction: float64 [contexts].

    What follows h follows h′, its parent, too; so the sum is over the words that follow h′ and not h, and what h′
    leaves.
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
    """Cut a list of sizes into portions that add up to about ``_PAIRS`` at most."""
    ends = np.cumsum(sizes)
    begin = 0
    while begin < len(sizes):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
        yield begin, end
        begin = end
