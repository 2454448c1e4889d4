"""Jelinek–Mercer smoothing: interpolation with weights fitted by EM (Jelinek & Mercer 1980)."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import Ids, NGramCounts, with_boundaries
from nlmkit.language_models.ngram.estimates import Discounted, Estimate, Floats, interpolate, totals
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts
from nlmkit.text.vocabulary import UNK_ID

_T = TypeVar("_T", np.float64, np.int64)

ITERATIONS = 500
"""Maximum number of EM iterations."""

TOLERANCE = 1e-6
"""Largest change of a weight at which EM stops."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate p(w|h) = λ(h) · c(hw) / c(h) + (1 − λ(h)) · p(w|h′), down to the uniform distribution.

    Contexts of one length with counts from 2^b to 2^(b+1) − 1 share a weight, ``weights[b]``; the unigrams have one
    weight. Weights maximise the probability of the validation text plus two pseudo-events per weight, one of either
    kind, which keep weights off 0 and 1 and leave unseen words a uniform share. An unseen context backs off fully to
    the shorter one; the mass of a pruned n-gram goes to the order below.

    Raises:
        HyperParameterError: The validation text is missing or empty.
    """
    if options.valid_event_ids is None:
        raise HyperParameterError("smoothing=jelinek-mercer requires validation text: add --valid FILE")
    if len(options.valid_event_ids) == 0:
        raise HyperParameterError("smoothing=jelinek-mercer requires validation text, but --valid is empty")
    if counts.closed and (options.valid_event_ids == UNK_ID).any():
        raise HyperParameterError(
            "the validation text of smoothing=jelinek-mercer has words outside the closed vocabulary, which have no "
            "probability: remove these words, or omit closed"
        )
    relative = [_relative(counts, k, options.keep[k - 1]) for k in range(1, counts.order + 1)]
    weights, notes = _fitted(_observed(counts, relative, options.valid_event_ids), relative, counts.predictable)
    orders = []
    for k, order in enumerate(relative, 1):
        weight = weights[k - 1][np.maximum(order.bucket, 0)]
        share = order.values * (weight if k == 1 else weight[counts.levels[k - 1].history])
        orders.append(Discounted(share, (1.0 - weight) * order.total + weight * order.pruned, order.total))
    probs, backoffs = interpolate(counts, orders, options.workers)
    return Estimate(probs, backoffs, weights=[[float(weight) for weight in row] for row in weights], notes=notes)


@dataclasses.dataclass
class _Relative:
    """Counts of one order: ``values`` [n_k] of the n-grams; per context, [n_(k−1)], their sum, the pruned part of the
    sum, and the bucket that shares a weight (−1 for n-grams that are not contexts).
    """

    values: NDArray[np.int64]
    total: Floats
    pruned: Floats
    bucket: NDArray[np.int64]
    keep: NDArray[np.bool_]

    @property
    def buckets(self) -> int:
        return int(self.bucket.max(initial=0)) + 1


def _relative(counts: NGramCounts, k: int, keep: NDArray[np.bool_]) -> _Relative:
    values = raw_counts(counts, k)
    total = totals(counts, k, values)
    # frexp puts a mantissa of at least one half before the power of two
    bucket = np.frexp(total)[1].astype(np.int64) - 1 if k > 1 else np.where(total > 0, 0, -1)
    return _Relative(values, total, totals(counts, k, np.where(keep, 0, values)), bucket, keep)


@dataclasses.dataclass
class _Observed:
    """Validation events as seen by one order, each [events].

    Attributes:
        frequency: c(hw) / c(h), float64; zero for an uncounted or pruned hw.
        pruned: Pruned share of the context's counts, float64.
        bucket: Bucket of the context, −1 for an uncounted context.
    """

    frequency: Floats
    pruned: Floats
    bucket: NDArray[np.int64]


def _observed(counts: NGramCounts, relative: list[_Relative], event_ids: Ids) -> list[_Observed]:
    text = with_boundaries(event_ids)
    events = np.flatnonzero(text.depth > 0)
    contexts = np.zeros(len(events), np.int64)
    grams = text.words.astype(np.int64)
    observed = []
    for k, order in enumerate(relative, 1):
        if k > 1:
            contexts = np.where(text.depth[events] >= k - 1, grams[events - 1], -1)
            grams = _longer(counts, k, grams, text.words, text.depth)
        total = _taken(order.total, contexts)
        safe_total = np.where(total > 0, total, 1.0)
        grams_here = grams[events]
        observed.append(
            _Observed(
                _taken(np.where(order.keep, order.values, 0).astype(np.float64), grams_here) / safe_total,
                _taken(order.pruned, contexts) / safe_total,
                np.where(total > 0, _taken(order.bucket, contexts), -1),
            )
        )
    return observed


def _taken(values: NDArray[_T], index: NDArray[np.int64]) -> NDArray[_T]:
    """Return ``values[index]``, with zero for index −1."""
    taken = np.zeros(len(index), values.dtype)
    known = index >= 0
    taken[known] = values[index[known]]
    return taken


def _longer(counts: NGramCounts, k: int, suffixes: NDArray[np.int64], words: Ids, depth: Ids) -> NDArray[np.int64]:
    """Return the index of the k-gram that ends at each position of a text, −1 for none or an uncounted one."""
    level = counts.levels[k - 1]
    keys = (level.suffix.astype(np.int64) << 32) | level.first
    at = np.flatnonzero((depth >= k - 1) & (suffixes >= 0))
    wanted = (suffixes[at] << 32) | words[at - (k - 1)]
    place = np.searchsorted(keys, wanted)
    found = keys.take(place, mode="clip") == wanted if len(keys) else np.zeros(len(at), bool)
    grams = np.full(len(words), -1, np.int64)
    grams[at[found]] = place[found]
    return grams


def _fitted(observed: list[_Observed], relative: list[_Relative], predictable: int) -> tuple[list[Floats], list[str]]:
    """Return the weights of each order, float64 [buckets], by EM from one half, and notes for the user."""
    weights: list[Floats] = [np.full(order.buckets, 0.5) for order in relative]
    change, iterations = 1.0, 0
    while change > TOLERANCE and iterations < ITERATIONS:
        updated = _maximised(observed, weights, 1.0 / predictable)
        change = max(float(np.abs(new - old).max()) for new, old in zip(updated, weights, strict=True))
        weights, iterations = updated, iterations + 1
    notes = []
    for k, (order, seen) in enumerate(zip(relative, observed, strict=True), 1):
        missing = _fill(weights[k - 1], np.bincount(seen.bucket[seen.bucket >= 0], minlength=order.buckets))
        used = set(order.bucket[order.bucket >= 0].tolist())
        spans = [f"{1 << b} to {(2 << b) - 1} times" if b else "once" for b in missing if b in used]
        if spans and k > 1:
            notes.append(
                f"order {k}: no validation event has a context counted {' or '.join(spans)};"
                " using the weight of the nearest smaller count that has, or else the nearest greater"
            )
    return weights, notes


def _maximised(observed: list[_Observed], weights: list[Floats], uniform: float) -> list[Floats]:
    """Return the expected event counts of an EM step: those of each weight's own order, and all."""
    lower = [np.full(len(observed[0].bucket), uniform)]
    rows = []
    for order, row in zip(observed, weights, strict=True):
        weight = np.where(order.bucket >= 0, row[np.maximum(order.bucket, 0)], 0.0)
        own = weight * (order.frequency + order.pruned * lower[-1])
        rows.append((weight, own))
        lower.append(own + (1.0 - weight) * lower[-1])
    updated: list[Floats] = []
    reached = np.ones(len(lower[0]))
    for k in range(len(observed), 0, -1):
        order, (weight, own) = observed[k - 1], rows[k - 1]
        counted = order.bucket >= 0
        bucket, number = order.bucket[counted], len(weights[k - 1])
        kept = np.bincount(bucket, weights=(reached * own / lower[k])[counted], minlength=number)
        every = np.bincount(bucket, weights=reached[counted], minlength=number)
        updated.insert(0, (kept + 1.0) / (every + 2.0))
        reached = reached * (1.0 - weight + weight * order.pruned) * lower[k - 1] / lower[k]
    return updated


def _fill(weights: Floats, events: NDArray[np.int64]) -> list[int]:
    """Copy the weight of the nearest bucket with events to empty ones, smaller counts first; return the empty ones."""
    have = np.flatnonzero(events)
    missing = np.flatnonzero(events == 0)
    if len(have):
        nearest = np.maximum(np.searchsorted(have, missing, side="right") - 1, 0)
        weights[missing] = weights[have[nearest]]
    return [int(bucket) for bucket in missing]
