"""Pruning of n-grams by count or by relative entropy.

Count pruning happens before estimation, by thresholds on the counts. Relative-entropy pruning (Stolcke 1998, "Entropy-
based pruning of backoff language models") removes n-grams from a finished table: those whose removal, with the backoff
weight of their context adjusted, changes the distribution of the model least.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Floats, Keep
from nlmkit.language_models.ngram.renormalize import BackoffWeights, backoff_weights
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.vocabulary import BOS_ID, EOS_ID


def count_keep(counts: NGramCounts, thresholds: Sequence[int] | None) -> Keep:
    """Return a mask of the n-grams to keep after count pruning, like ``--prune`` of lmplz.

    An n-gram of order k is dropped if it occurs at most ``thresholds[k − 1]`` times in the text; a threshold of 0
    keeps all. The last threshold applies to all higher orders. An n-gram never occurs more often than its history or
    suffix and thresholds do not decrease, so the history and suffix of every kept n-gram are kept too.

    Args:
        counts: Counts of the training text.
        thresholds: One per order, starting with 0, non-decreasing; None or an empty sequence keeps everything.

    Returns:
        For each order, bool [n_k].

    Raises:
        HyperParameterError: The thresholds are invalid.
    """
    keep = []
    for level, threshold in zip(counts.levels, thresholds_by_order(thresholds, counts.order), strict=True):
        keep.append(level.raw > threshold if threshold > 0 else np.ones(len(level), bool))
    return keep


def thresholds_by_order(thresholds: Sequence[int] | None, order: int) -> list[int]:
    """Return the threshold of each order up to ``order``; arguments and errors of ``count_keep``."""
    thresholds = tuple(thresholds or ())
    _check_thresholds(thresholds, order)
    return [int(thresholds[min(k, len(thresholds)) - 1]) if thresholds else 0 for k in range(1, order + 1)]


def _check_thresholds(thresholds: tuple[int, ...], order: int) -> None:
    shown = f"prune={list(thresholds)}"
    for threshold in thresholds:
        if isinstance(threshold, bool) or not isinstance(threshold, (int, np.integer)) or threshold < 0:
            raise HyperParameterError(f"{shown}: thresholds must be non-negative integers, not {threshold!r}")
    if len(thresholds) > order:
        raise HyperParameterError(f"{shown}: {len(thresholds)} thresholds for a model of order {order}")
    if thresholds and thresholds[0] != 0:
        raise HyperParameterError(
            f"{shown}: the first threshold must be 0; to drop rare words, limit the vocabulary (min_count)"
        )
    if any(upper < lower for lower, upper in itertools.pairwise(thresholds)):
        raise HyperParameterError(f"{shown}: thresholds must not decrease")


def history_log_probs_from_counts(counts: NGramCounts) -> list[Floats]:
    """Return the log-probability of every n-gram as a context, from its relative frequency in the text.

    Recommended for Kneser–Ney smoothing, whose lower orders are estimated for backing off and do not reflect the
    frequency of a context (Chelba, Brants, Neveitt & Xu 2010, "Study on interaction between entropy pruning and
    Kneser-Ney smoothing").

    Returns:
        For each order, float64 [n_k]; −inf for a count of 0.
    """
    words = counts.levels[0].raw
    events = int(words.sum() - words[BOS_ID])
    with np.errstate(divide="ignore"):
        return [np.log(level.raw) - math.log(max(events, 1)) for level in counts.levels]


def history_log_probs_from_model(table: BackoffTable) -> list[Floats]:
    """Return the log-probability of every n-gram as a context, from the model itself, as in Stolcke's paper.

    For models without counts. ``<s>`` is as probable as ``</s>``, as in SRILM. For Kneser–Ney models, prefer
    ``history_log_probs_from_counts``.

    Returns:
        For each order, float64 [n_k].
    """
    logs: list[Floats] = []
    for k in range(1, table.order + 1):
        log_probs = table.log_probs[k - 1].astype(np.float64)
        if k == 1:
            log_probs[BOS_ID] = log_probs[EOS_ID]
        else:
            log_probs += logs[-1][table.history[k - 1]]
        logs.append(log_probs)
    return logs


def entropy_prune(table: BackoffTable, threshold: float, history_log_probs: Sequence[Floats]) -> BackoffTable:
    """Remove the n-grams whose removal raises the model's perplexity by a factor of less than ``1 + threshold``.

    From the highest order down, each n-gram is evaluated on its own against the original table: after removal, its
    probability comes from backing off, with the backoff weight of its context adjusted to sum to one. The relative
    entropy D of the two models has a closed form, and the n-gram is removed if exp(D) − 1 < ``threshold``, as in SRILM.
    Histories and suffixes of kept n-grams are kept.

    Evaluated alone, an n-gram of a context that lists all words costs nothing, since the new weight restores its
    probability. With vocabularies of a few words, compare the perplexity before and after.

    Args:
        table: Normalised backoff model, interpolated or not.
        threshold: Relative rise in perplexity, typically 1e-9 to 1e-6; at 0 nothing is removed.
        history_log_probs: For each order, the log-probability of every n-gram of the table as a context, [n_k]; the
            highest order is ignored.

    Returns:
        The smaller table, of the same order, in float64. Contexts that lost n-grams have new backoff weights and sum
        to one; all other weights and all probabilities are unchanged.

    Raises:
        HyperParameterError: The threshold is negative or not finite, or the model is not a normalised backoff model.
    """
    if not (math.isfinite(threshold) and threshold >= 0.0):
        raise HyperParameterError(f"the pruning threshold must be a finite number of at least 0, not {threshold}")
    _check_prunable(table, history_log_probs)
    if threshold == 0.0 or table.order == 1:
        return table
    contexts = _Contexts.of(table)
    scores = contexts.scores(history_log_probs)
    return contexts.kept([np.ones(table.vocabulary_size, bool), *(score >= threshold for score in scores)])


def _check_prunable(table: BackoffTable, history_log_probs: Sequence[Floats]) -> None:
    if table.unseen_backoff != 0.0:
        raise HyperParameterError("entropy pruning requires a model that is normalised by backing off")
    if [len(logs) for logs in history_log_probs] != table.sizes:
        raise ValueError("history_log_probs must have one value per n-gram of the table")


@dataclasses.dataclass(frozen=True)
class Pruned:
    """Result of ``prune_to_size``, or of ``entropy_prune`` with its threshold.

    Attributes:
        table: The smaller table.
        threshold: Threshold at which ``entropy_prune`` removes no more than was removed, and which removes all if no
            two n-grams have it in common; None if nothing was removed.
    """

    table: BackoffTable
    threshold: float | None

    @property
    def facts(self) -> dict[str, Any]:
        """Entries of the fit report."""
        return {"ngrams": self.table.sizes, "pruned_at": self.threshold}


def prune_to_size(
    table: BackoffTable, budget: int, costs: Sequence[int], history_log_probs: Sequence[Floats], *, besides: int = 0
) -> Pruned:
    """Remove the n-grams that ``entropy_prune`` removes first until the others fit into a budget.

    Every n-gram has the lowest threshold at which it is removed: its own rise in perplexity, or that of an n-gram that
    needs it as history or suffix, if greater. Those with the highest are kept. Among equal ones, n-grams of lower
    orders, then those earlier in the table are kept, so that a smaller budget keeps a subset of a larger one.

    Args:
        table: Normalised backoff model, interpolated or not.
        budget: Largest sum of the costs of all n-grams.
        costs: Cost of an n-gram of each order, at least 1: ones for a number of n-grams, or bytes.
        history_log_probs: As for ``entropy_prune``.
        besides: Cost of the model besides its n-grams, added to the figures of the error message.

    Raises:
        HyperParameterError: The budget is too small for the unigrams and the n-grams that cannot be removed, or the
            model is not a normalised backoff model.
    """
    _check_prunable(table, history_log_probs)
    needed = costs[0] * table.vocabulary_size
    if needed <= budget >= sum(cost * size for cost, size in zip(costs, table.sizes, strict=True)):
        return Pruned(table, None)
    scores: list[Floats] = []
    if needed <= budget:
        contexts = _Contexts.of(table)
        scores = contexts.scores(history_log_probs)
        needed += sum(cost * int(np.isposinf(row).sum()) for cost, row in zip(costs[1:], scores, strict=True))
    if needed > budget:
        raise HyperParameterError(
            f"the model cannot be pruned to {budget + besides}: the {needed + besides} of its single words and of "
            "n-grams that nothing can replace always stay"
        )
    threshold, kept = _best(scores, budget - costs[0] * table.vocabulary_size, costs[1:])
    return Pruned(contexts.kept([np.ones(table.vocabulary_size, bool), *kept]), threshold)


def _best(scores: Sequence[Floats], budget: int, costs: Sequence[int]) -> tuple[float, Keep]:
    """Return the n-grams with the highest scores that fit into a budget, and the highest score of the others."""
    ranked = [np.sort(row) for row in scores]
    every = np.sort(np.concatenate(ranked))

    def cost_above(threshold: float, side: Literal["left", "right"]) -> int:
        return sum(
            cost * (len(row) - int(np.searchsorted(row, threshold, side=side)))
            for cost, row in zip(costs, ranked, strict=True)
        )

    low, high = 0, len(every) - 1  # the least score that does not fit with all that are at least as high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost_above(float(every[middle]), "left") > budget else (low, middle - 1)
    threshold = float(every[low])
    left = budget - cost_above(threshold, "right")
    keep = [row > threshold for row in scores]
    for cost, row, kept in zip(costs, scores, keep, strict=True):
        equal = np.flatnonzero(row == threshold)
        fitting = equal[: left // cost]
        kept[fitting] = True
        left -= cost * len(fitting)
        if len(fitting) < len(equal):
            break
    return threshold, keep


@dataclasses.dataclass
class _Contexts:
    """Quantities of a table used by pruning; list index k − 1 is order k, as in the table.

    Attributes:
        table: Table to prune.
        probs: Probabilities, float64 [n_k].
        weights: For contexts of length k: the mass left to unlisted words, and the probability of those words in the
            shorter context, computed without cancellation.
    """

    table: BackoffTable
    probs: list[Floats]
    weights: list[BackoffWeights]

    @classmethod
    def of(cls, table: BackoffTable) -> _Contexts:
        """Add up the probabilities of every context's n-grams."""
        probs: list[Floats] = [np.exp(logs.astype(np.float64)) for logs in table.log_probs]
        weights: list[BackoffWeights] = []
        for k in range(2, table.order + 1):
            below = weights[-1] if weights else None
            found = backoff_weights(k, probs, table.history, table.suffix, below)
            # from the weights of the table, which keeps all digits when little mass is left
            left = np.where(found.complete, 0.0, np.exp(table.backoffs[k - 2].astype(np.float64)) * found.unseen)
            unseen = np.where(found.complete, 0.0, found.unseen)
            weights.append(dataclasses.replace(found, left=left, unseen=unseen))
        return cls(table, probs, weights)

    def _ngrams(self, k: int, rows: NDArray[Any] | slice) -> tuple[NDArray[np.int32], Floats, Floats]:
        """Return the contexts of k-grams, their probabilities, and their probabilities in the shorter context."""
        table = self.table
        return table.history[k - 1][rows], self.probs[k - 1][rows], self.probs[k - 2][table.suffix[k - 1][rows]]

    def scores(self, history_log_probs: Sequence[Floats]) -> list[Floats]:
        """Return the lowest threshold at which each n-gram stays, per order from 2 up: float64 [n_k].

        No n-gram has more than its history or suffix: they stay as long as it does.
        """
        table, scores = self.table, [np.zeros(size) for size in self.table.sizes[1:]]
        needed = np.full(table.sizes[-1], -np.inf)
        for k in range(table.order, 1, -1):
            own = np.expm1(self.relative_entropies(k, history_log_probs[k - 2]))
            scores[k - 2] = np.maximum(np.where(np.isnan(own), np.inf, own), needed)
            needed = np.full(table.sizes[k - 2], -np.inf)
            np.maximum.at(needed, table.history[k - 1], scores[k - 2])
            np.maximum.at(needed, table.suffix[k - 1], scores[k - 2])
        return scores

    def kept(self, keep: Keep) -> BackoffTable:
        """Return the table of the n-grams to keep, normalised again."""
        order = self.table.order
        backoffs = [self.backoffs_without(k, ~keep[k - 1])[keep[k - 2]] for k in range(2, order + 1)]
        smaller = self.table.filtered(keep)
        return dataclasses.replace(
            smaller, log_probs=[logs.astype(np.float64) for logs in smaller.log_probs], backoffs=[*backoffs]
        )

    def relative_entropies(self, k: int, history_log_probs: Floats) -> Floats:
        """Return the relative entropy D in nats of removing each k-gram alone: float64 [n_k]."""
        history, prob, lower = self._ngrams(k, slice(None))
        weights = self.weights[k - 2]
        left, unseen = weights.left[history], weights.unseen[history]
        with np.errstate(divide="ignore", invalid="ignore"):
            new_weight = np.log((left + prob) / (unseen + lower))
            own = prob * (np.log(lower) + new_weight - self.table.log_probs[k - 1])
            others = left * (new_weight - self.table.backoffs[k - 2][history])
            loss = np.where(prob > 0.0, own, 0.0) + np.where(left > 0.0, others, 0.0)
            entropies = -np.exp(history_log_probs[history]) * loss
        # an n-gram with zero back-off probability must stay, however rare its context
        return np.where((prob > 0.0) & (lower == 0.0), np.inf, entropies)

    def backoffs_without(self, k: int, removed: NDArray[np.bool_]) -> Floats:
        """Return the log backoff weights of contexts of length k − 1 without some k-grams: float64 [n_(k−1)]."""
        history, prob, lower = self._ngrams(k, removed)
        weights, number = self.weights[k - 2], self.table.sizes[k - 2]
        left = weights.left + np.bincount(history, prob, minlength=number)
        unseen = weights.unseen + np.bincount(history, lower, minlength=number)
        followers = np.bincount(self.table.history[k - 1], minlength=number)
        lost = np.bincount(history, minlength=number)
        backoffs = self.table.backoffs[k - 2].astype(np.float64)
        changed = (lost > 0) & (unseen > 0.0)
        with np.errstate(divide="ignore"):
            backoffs[changed] = np.log(left[changed] / unseen[changed])
        backoffs[(lost > 0) & (lost == followers)] = 0.0
        return backoffs
