"""Distributions of every order of a backoff model, for the contexts of many events at once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.hybrid.context_features import FEATURES, features_of
from nlmkit.text.vocabulary import BOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.counting import Ids
    from nlmkit.language_models.ngram.estimates import Floats
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.language_models.ngram.table import BackoffTable

Contexts = NDArray[np.int32]
"""Last words of each context, the last one first, −1 where there is none: int32 [n, order − 1]."""


class Experts:
    """The models of order 1, 2, … that a backoff model consists of: that of order k reads k − 1 words.

    Args:
        model: A fitted n-gram model with a plain table.
    """

    def __init__(self, model: NGram) -> None:
        self.model = model

    def __deepcopy__(self, memo: dict[int, Any]) -> Experts:
        return self  # nothing here changes

    @property
    def order(self) -> int:
        """Highest order, the number of distributions."""
        return self._table.order

    @property
    def _table(self) -> BackoffTable:
        table: Any = self.model.table_
        return table  # type: ignore[no-any-return]

    @cached_property
    def _followers(self) -> list[Ids]:
        """Number of distinct words after each context of each length: int32 [n_k]."""
        lengths = zip(self._table.history[1:], self._table.first[:-1], strict=True)
        return [np.bincount(history, minlength=len(first)).astype(np.int32) for history, first in lengths]

    def found(self, contexts: Contexts) -> list[Ids]:
        """Return the place in the table of the last 1, 2, … words of each context, −1 where it has none: int32 [n]."""
        found: list[Ids] = []
        for k in range(1, self.order):
            words = contexts[:, k - 1]
            ids = np.full(len(words), -1, np.int32)
            at = np.flatnonzero(words >= 0) if k == 1 else np.flatnonzero((words >= 0) & (found[-1] >= 0))
            ids[at] = words[at] if k == 1 else self._table.find(k, found[-1][at], words[at])
            found.append(ids)
        return found

    def features(self, found: list[Ids]) -> NDArray[np.float32]:
        """Return the features of contexts, as those of training without the event: float32 [n, order − 1, FEATURES]."""
        features = np.zeros((len(found[0]), len(found), FEATURES), np.float32)
        for k, ids in enumerate(found, 1):
            at = np.flatnonzero(ids >= 0)
            followers = self._followers[k - 1][ids[at]]
            at, followers = at[followers > 0], followers[followers > 0]
            features[at, k - 1] = features_of(self._table.backoffs[k - 1][ids[at]], followers)
        return features

    def log_probs(self, contexts: Contexts, found: list[Ids], words: Ids) -> Floats:
        """Return the natural log-probability of a word after each context, by order: float64 [n, order].

        Args:
            contexts: The contexts.
            found: Their places.
            words: One word for each: int32 [n].
        """
        table = self._table
        scores = np.empty((len(words), self.order))
        scores[:, 0] = table.log_probs[0][words]
        grams = words
        for k in range(2, self.order + 1):
            scores[:, k - 1] = scores[:, k - 2] + self._backoffs(k - 1, found[k - 2])
            at = np.flatnonzero((grams >= 0) & (contexts[:, k - 2] >= 0))
            ids = np.full(len(words), -1, np.int32)
            ids[at] = table.find(k, grams[at], contexts[at, k - 2])
            at = np.flatnonzero(ids >= 0)
            scores[at, k - 1] = table.log_probs[k - 1][ids[at]]
            grams = ids
        return scores

    def mixed(self, found: list[Ids], weights: Floats) -> Floats:
        """Return Σ_k λ_k p_k of every vocabulary id after each context: float64 [n, V], 0 at ``<s>``.

        A word listed after the longest contexts has the sum of its probabilities in each order, all others shares that
        backoff weights pass on. So with a_k = λ_k + bow_k a_(k+1), the factor of what order k and those above take of
        its estimate, the sum is a_1 p_1 for all words, and more by a_k (p_k − bow p_(k−1)) for those listed in order k.

        Args:
            found: The places of the contexts.
            weights: λ: float64 [n, order].
        """
        table, order = self._table, self.order
        backoffs = [np.exp(self._backoffs(k, ids)) for k, ids in enumerate(found, 1)]
        factors = [weights[:, order - 1]]
        for k in range(order - 1, 0, -1):
            factors.insert(0, weights[:, k - 1] + backoffs[k - 1] * factors[0])
        single = np.exp(table.log_probs[0].astype(np.float64))
        single[BOS_ID] = 0.0
        total: Floats = factors[0][:, None] * single
        for k, ids in enumerate(found, 1):
            begins, by_context = table.successors[k - 1]
            at = np.flatnonzero(ids >= 0)
            counts = begins[ids[at] + 1] - begins[ids[at]]
            rows = np.repeat(at, counts)
            within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            grams = by_context[np.repeat(begins[ids[at]], counts) + within]
            longer = np.exp(table.log_probs[k][grams].astype(np.float64))
            shorter = np.exp(table.log_probs[k - 1][table.suffix[k][grams]].astype(np.float64))
            total[rows, table.last[k][grams]] += factors[k][rows] * (longer - backoffs[k - 1][rows] * shorter)
        return total

    def _backoffs(self, k: int, ids: Ids) -> Floats:
        """Return the logarithms of the backoff weights of contexts of length k, 0 of those the table lacks: [n]."""
        found = np.zeros(len(ids))
        at = np.flatnonzero(ids >= 0)
        found[at] = self._table.backoffs[k - 1][ids[at]]
        return found
