"""Checks that a backoff table contains probabilities: at most one each, with a sum of one after every context.

The contexts of length k are the n-grams of order k. Words that the table lists after the context h are listed after
the shorter context h′ too; every other word w has p(w|h) = weight(h) · p(w|h′).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.vocabulary import EOS_ID

SAMPLE = 1024
"""Contexts per length that ``sampled_sums`` checks; all of them in a small table."""

FOREIGN_TOLERANCE = 1e-3
"""Difference from one that the sums of models which other programs wrote may have."""

_BATCH = 1 << 22
"""N-grams whose probabilities are summed at a time; bounds the memory."""

_ROUNDING = 200.0
"""Tolerance of a probability in units in the last place: its logarithm is below about 100."""


@dataclasses.dataclass(frozen=True)
class Shorter:
    """Results for the contexts one word shorter, [n_(k−1)]; for the empty context before contexts of length 1.

    Attributes:
        largest: Largest log-probability of a word that is not listed after the context, float64; −inf if all are.
        sums: Sum of the probabilities of all words, float64.
    """

    largest: Floats
    sums: Floats


def empty_context(table: BackoffTable) -> Shorter:
    """Return the results for the empty context, which lists every word."""
    return Shorter(np.array([-np.inf]), np.array([np.exp(table.log_probs[0].astype(np.float64)).sum()]))


def largest_unlisted(table: BackoffTable, k: int, shorter: Shorter) -> Floats:
    """Return the largest back-off log-probability after each context of length k.

    Args:
        table: Table whose contexts shorter than k are checked.
        k: Length of the contexts, at least 1 and below the order.
        shorter: Results for the contexts of length k − 1.

    Returns:
        float64 [n_k]; −inf for contexts that list every word, and for ``</s>``, which ends a sentence.
    """
    log_probs = table.log_probs[k - 1].astype(np.float64)
    number = len(log_probs)
    parent, group = _parents(table, k)
    # the followers of each shorter context, the most probable first
    order = np.lexsort((-log_probs, group))
    sizes = np.bincount(group, minlength=len(shorter.largest))
    begins = np.cumsum(sizes) - sizes
    rank = np.empty(number, np.int64)
    rank[order] = np.arange(number) - begins[group[order]]
    # the first of them that the context itself does not list
    keys = np.sort(table.history[k].astype(np.int64) << 32 | rank[table.suffix[k]])
    context = keys >> 32
    listed = np.bincount(context, minlength=number)
    firsts = np.cumsum(listed) - listed
    in_a_row = (keys & 0xFFFFFFFF) == np.arange(len(keys)) - firsts[context]
    missing = np.bincount(context[in_a_row], minlength=number)
    is_left = missing < sizes[parent]
    found = shorter.largest[parent].copy()
    at = order[(begins[parent] + missing)[is_left]]
    found[is_left] = np.maximum(found[is_left], log_probs[at])
    found += np.where(np.isneginf(found), 0.0, table.backoffs[k - 1])
    found[table.last[k - 1] == EOS_ID] = -np.inf
    return found


def bound_unlisted(table: BackoffTable, k: int, shorter: Shorter) -> Floats:
    """Return an upper bound of ``largest_unlisted`` where no backoff weight is above one: 0, or −inf as there.

    It needs no sorting.
    """
    listed = np.bincount(table.history[k], minlength=table.sizes[k - 1])
    bound = np.where(listed >= table.vocabulary_size - 1, -np.inf, 0.0)  # all but <s>
    bound[_ends(table, k)] = -np.inf
    return bound


def sums(table: BackoffTable, k: int, shorter: Shorter, largest: Floats) -> tuple[Floats, Floats]:
    """Sum the probabilities of all words after each context of length k.

    Args:
        table: Table to check.
        k: Length of the contexts.
        shorter: Results for the contexts of length k − 1.
        largest: Result of ``largest_unlisted``.

    Returns:
        The sum over backed-off words, and the sum over all words: float64 [n_k].
    """
    number = len(largest)
    lower, children = np.exp(table.log_probs[k - 1].astype(np.float64)), table.children[k - 1]
    listed, below = np.zeros(number), np.zeros(number)
    for begin in range(0, len(table.history[k]), _BATCH):
        end = min(begin + _BATCH, len(table.history[k]))
        history = table.history[k][begin:end]
        listed += np.bincount(history, np.exp(table.log_probs[k][begin:end].astype(np.float64)), number)
        low = int(np.searchsorted(children, np.int32(begin), side="right")) - 1
        high = int(np.searchsorted(children, np.int32(end), side="left"))
        bounds = np.clip(children[low : high + 1], begin, end)
        below += np.bincount(history, np.repeat(lower[low:high], bounds[1:] - bounds[:-1]), number)
    del lower
    # in place: these are large
    np.subtract(shorter.sums if k == 1 else np.repeat(shorter.sums, np.diff(table.children[k - 2])), below, out=below)
    backed_off = np.maximum(below, 0.0, out=below)
    weights = np.exp(np.where(np.isneginf(largest), -np.inf, table.backoffs[k - 1]))
    with np.errstate(invalid="ignore"):
        backed_off *= weights
    backed_off[weights == 0.0] = 0.0
    whole = np.add(listed, backed_off, out=listed)
    whole[_ends(table, k)] = 1.0  # nothing follows
    return backed_off, whole


def _ends(table: BackoffTable, k: int) -> slice:
    """Return which n-grams of order k end with ``</s>``: they are neighbors in suffix order."""
    begin, end = EOS_ID, EOS_ID + 1
    for children in table.children[: k - 1]:
        begin, end = int(children[begin]), int(children[end])
    return slice(begin, end)


def _parents(table: BackoffTable, k: int) -> tuple[Ids, Ids]:
    """Return the shorter context of each context of length k, and the context of each n-gram of order k."""
    if k == 1:
        everything = np.zeros(table.vocabulary_size, np.int32)
        return everything, everything
    return table.suffix[k - 1], table.history[k - 1]


# ------------------------------------------------------------------------------------------------------ a sample


@dataclasses.dataclass(frozen=True)
class SampledSums:
    """Sample of the contexts of one length.

    Attributes:
        length: Length of the contexts.
        ids: Indices of the contexts, int32 [n]; 0 for the empty context.
        sums: Sum of the probabilities of all words after each context, float64 [n].
        slack: Rounding tolerance of each sum, float64 [n].
        agree: Whether the n-grams of each context start with its first word and, without it, follow the shorter
            context, bool [n].
    """

    length: int
    ids: Ids
    sums: Floats
    slack: Floats
    agree: NDArray[np.bool_]


def sampled_sums(table: BackoffTable, number: int = SAMPLE) -> Iterator[SampledSums]:
    """Yield exact sums of the probabilities after a sample of contexts of each length, the empty context first.

    Contexts are sampled at equal distances, hence deterministically, each with its shorter contexts. The time is that
    of one pass over ``history``.
    """
    chosen = _chosen(table, number)
    shorter_ids, shorter_sums = np.zeros(1, np.int32), empty_context(table).sums
    slack = _ROUNDING * np.array([float(np.finfo(table.log_probs[0].dtype).eps)])
    yield SampledSums(0, shorter_ids, shorter_sums, slack, np.ones(1, np.bool_))
    for k, ids in enumerate(chosen, 1):
        is_chosen, place = np.zeros(table.sizes[k - 1], np.bool_), np.empty(table.sizes[k - 1], np.int32)
        is_chosen[ids], place[ids] = True, np.arange(len(ids))
        grams = np.flatnonzero(is_chosen.take(table.history[k])).astype(np.int32)
        own = place[table.history[k][grams]]
        listed = np.bincount(own, np.exp(table.log_probs[k][grams].astype(np.float64)), len(ids))
        suffixes = suffixes_of(table, k + 1, grams)
        below = np.bincount(own, np.exp(table.log_probs[k - 1][suffixes].astype(np.float64)), len(ids))
        weights = np.exp(table.backoffs[k - 1][ids].astype(np.float64))
        parents = suffixes_of(table, k, ids)
        agree = np.ones(len(ids), np.bool_)
        agree[own[table.first[k][grams] != table.first[k - 1][ids][own]]] = False
        if k > 1:
            agree[own[table.history[k - 1][suffixes] != parents[own]]] = False
        parent_sums = shorter_sums[np.searchsorted(shorter_ids, parents)]
        # what is taken away is off by a rounding error, which the weight multiplies
        precision = max(np.finfo(values.dtype).eps for values in (table.log_probs[k], table.log_probs[k - 1]))
        slack = _ROUNDING * float(precision) * (1.0 + weights)
        whole = listed + weights * np.maximum(parent_sums - below, 0.0)
        whole[_last_words(table, k, ids) == EOS_ID] = 1.0  # nothing follows
        yield SampledSums(k, ids, whole, slack, agree)
        shorter_ids, shorter_sums = ids, whole


def _chosen(table: BackoffTable, number: int) -> list[Ids]:
    """Return the sampled contexts of each length, sorted: int32."""
    chosen: list[Ids] = []
    longer = np.empty(0, np.int32)
    for k in range(table.order - 1, 0, -1):
        size = table.sizes[k - 1]
        evenly = np.linspace(0, size - 1, min(number, size)).astype(np.int32)
        both = np.sort(np.concatenate([evenly, longer]))
        ids = both[np.diff(both, prepend=np.int32(-1)) > 0]
        chosen.insert(0, ids)
        longer = suffixes_of(table, k, ids)
    return chosen


def suffixes_of(table: BackoffTable, k: int, ids: NDArray[np.integer]) -> Ids:
    """Return the suffixes of some n-grams of order k; 0, the empty context, for unigrams.

    ``BackoffTable.suffix`` covers all n-grams, at a cost in time and memory.
    """
    if k == 1:
        return np.zeros(len(ids), np.int32)
    # in the type of the children, which are all converted to another one otherwise
    return (np.searchsorted(table.children[k - 2], ids.astype(np.int32), side="right") - 1).astype(np.int32)


def _last_words(table: BackoffTable, k: int, ids: Ids) -> Ids:
    for order in range(k, 1, -1):
        ids = suffixes_of(table, order, ids)
    return ids


def gram_of(table: BackoffTable, words: Sequence[str], k: int, index: int) -> str:
    """Format an n-gram as text."""
    ids = np.array([index])
    found = []
    for order in range(k, 0, -1):
        found.append(words[int(table.first[order - 1][ids[0]])])
        ids = suffixes_of(table, order, ids)
    return " ".join(found)
