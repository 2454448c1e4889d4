"""Hypotheses of a mixture for search: ``MixtureRows``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows


class MixtureRows:
    """Hypotheses of several models, mixed.

    Args:
        parts: The same hypotheses of each model.
        ids: Id of each word of the mixture in the vocabulary of each model, int64 [V]; None if they are the same.
        log_weights: Logarithms of the weights: float64 [models].
    """

    def __init__(
        self, parts: Sequence[Rows], ids: Sequence[NDArray[np.int64] | None], log_weights: NDArray[np.float64]
    ) -> None:
        self._parts, self._ids, self._log_weights = parts, ids, log_weights

    def log_probs(self) -> NDArray[np.float64]:
        """ln Σ_k λ_k p_k of each id as the next event: float64 [rows, V]."""
        found: NDArray[np.float64] | None = None
        for part, ids, log_weight in zip(self._parts, self._ids, self._log_weights, strict=True):
            log_probs = part.log_probs() if ids is None else part.log_probs().take(ids, axis=1)
            weighted = log_probs + log_weight
            found = weighted if found is None else np.logaddexp(found, weighted)
        assert found is not None  # a mixture has models
        return found

    def attention(self) -> None:
        """None: there is nothing to look at."""
        return

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> MixtureRows:
        """Continue the hypotheses of each model."""
        parts = [
            part.take(rows, ids if of_part is None else of_part[ids])
            for part, of_part in zip(self._parts, self._ids, strict=True)
        ]
        return MixtureRows(parts, self._ids, self._log_weights)
