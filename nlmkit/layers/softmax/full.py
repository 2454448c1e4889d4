"""Softmax over all words."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax.base import OutputLayer, initial_rows, log_shares
from nlmkit.layers.softmax.cross_entropy import (
    CHUNK,
    linear_cross_entropy,
    mixture_cross_entropy,
    picked_log_probs,
)


class FullSoftmax(OutputLayer):
    """p(w) ∝ exp(W_w f + b_w).

    Args:
        words: The input layer.
        width: Width d of the features.
        counts: Training counts by row: int64 [V − 1].
        generator: Source of the initial weights.
        tied: Use the word vectors as weights.
    """

    def __init__(
        self, words: WordVectors, width: int, counts: NDArray[np.int64], generator: torch.Generator, *, tied: bool
    ) -> None:
        super().__init__(words, width, tied=tied)
        if not tied:
            self.weight = initial_rows(self.predictable, width, generator)
        self.bias = log_shares(counts)

    def weights(self) -> Tensor:
        """Return the output weights [V − 1, d]."""
        return self.words.weight[:-1] if self.tied else self.weight

    def _all_weights(self) -> Tensor:
        """Return the output weights, and if tied ``<s>`` after them: [V − 1 or V, d]."""
        return self.words.weight if self.tied else self.weight

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int = CHUNK, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy."""
        rows = self.words.rank[targets]
        total = linear_cross_entropy(
            features,
            self._all_weights(),
            self.bias,
            rows,
            chunk=chunk,
            label_smoothing=label_smoothing,
            bfloat16=self._lowered,
        )
        return total / len(rows)

    def mixture_loss(
        self, features: Tensor, targets: Tensor, log_weights: Tensor, log_rest: Tensor, *, chunk: int, alone: float
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a mixture, with logits in memory for one chunk only."""
        rows = self.words.rank[targets]
        total, found = mixture_cross_entropy(
            features,
            self._all_weights(),
            self.bias,
            rows,
            log_weights,
            log_rest,
            chunk=chunk,
            alone=alone,
            bfloat16=self._lowered,
        )
        return total / len(rows), found

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """ln p(target): [N]."""
        rows, never = self._rows(targets)
        return picked_log_probs(features, self.weights(), self.bias, rows).masked_fill(never, -torch.inf)

    def _log_probs_by_row(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weights(), self.bias).log_softmax(dim=1)
