"""Hypotheses of an n-gram model for search: ``NGramRows``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.text.vocabulary import BOS_ID, EOS_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.ngram.counting import Ids
    from nlmkit.language_models.ngram.table import BackoffTable

_NOTHING: Final = -1
"""What a context holds before its first word, and the index of an n-gram that the table lacks."""


class NGramRows:
    """Hypotheses of a backoff model, all looked up at once.

    Log-probabilities are those of ``BackoffTable.distribution`` up to rounding to float32.

    Args:
        table: The model.
        contexts: Last words of each hypothesis, the last one first, −1 where there is none: int32 [rows, order − 1].
    """

    def __init__(self, table: BackoffTable, contexts: Ids) -> None:
        self._table, self._contexts = table, contexts

    @classmethod
    def start(cls, table: BackoffTable, count: int) -> NGramRows:
        """Return the beginnings of texts."""
        contexts = np.full((count, table.order - 1), _NOTHING, np.int32)
        contexts[:, :1] = BOS_ID
        return cls(table, contexts)

    def log_probs(self) -> NDArray[np.float32]:
        """Natural log-probabilities of the next event: float32 [rows, V]."""
        table = self._table
        found = self._found()
        weights = self._backoffs(found)
        scores = table.log_probs[0].astype(np.float32) + weights[0][:, None]
        for k, ids in enumerate(found, 1):
            begins, by_context = table.successors[k - 1]
            at = np.flatnonzero(ids >= 0)
            first = begins[ids[at]]
            counts = begins[ids[at] + 1] - first
            rows = np.repeat(at, counts)
            places = np.arange(len(rows)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
            grams = by_context[places]
            scores[rows, table.last[k][grams]] = table.log_probs[k][grams] + weights[k][rows]
        scores[:, BOS_ID] = -np.inf
        return scores

    def attention(self) -> None:
        """None: there is nothing to look at."""
        return

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> NGramRows:
        """Continue the contexts of ``rows`` by ``ids``; ``</s>`` begins a text."""
        before = self._contexts[rows]
        contexts = np.concatenate([ids.astype(np.int32)[:, None], before], axis=1)[:, : before.shape[1]]
        ended = ids == EOS_ID
        contexts[ended] = _NOTHING
        contexts[ended, :1] = BOS_ID
        return NGramRows(self._table, contexts)

    def _found(self) -> list[Ids]:
        """Index at orders 1, 2, … of the contexts of each hypothesis, −1 where the table has none: int32 [rows]."""
        found: list[Ids] = []
        for k in range(1, self._table.order):
            words = self._contexts[:, k - 1]
            if k == 1:
                found.append(words)
                continue
            ids = np.full(len(words), _NOTHING, np.int32)
            at = np.flatnonzero((found[-1] >= 0) & (words >= 0))
            ids[at] = self._table.find(k, found[-1][at], words[at])
            found.append(ids)
        return found

    def _backoffs(self, found: list[Ids]) -> list[NDArray[np.float32]]:
        """Sum of the backoff weights of the contexts of k + 1 words or more, from k = 0 to order − 1: [rows] each."""
        table = self._table
        sums: list[NDArray[Any]] = [np.zeros(len(self._contexts))]
        for k in range(table.order - 1, 0, -1):
            ids = found[k - 1]
            unseen = np.where(self._contexts[:, k - 1] >= 0, table.unseen_backoff, 0.0)
            sums.append(sums[-1] + np.where(ids >= 0, table.backoffs[k - 1][ids], unseen))
        return [total.astype(np.float32) for total in reversed(sums)]
