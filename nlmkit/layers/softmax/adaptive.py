"""Adaptive softmax."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax.base import OutputLayer, initial_rows, log_shares, refuse_smoothing
from nlmkit.layers.softmax.cross_entropy import (
    CHUNK,
    linear_cross_entropy,
    mixture_cross_entropy,
    picked_log_probs,
)

GROWTH = 10
"""Ratio of the last ranks of a cluster and of the one before it."""

NARROWING = 4
"""Ratio of the widths of a cluster and of the next tail, if untied, as in the paper."""


def adaptive_cutoffs(words: int, head: int) -> NDArray[np.int64]:
    """Return the first row of each cluster, then the end: 0, head, 10·head, 100·head … words, int64.

    Args:
        words: Number of words that can be predicted.
        head: Number of words in the first cluster.

    Raises:
        HyperParameterError: The first cluster would contain all words.
    """
    if head >= words:
        raise HyperParameterError(
            f"softmax_head={head} leaves no rarer words in a vocabulary of {words}: lower it, or use softmax=full"
        )
    ends = [0, head]
    while ends[-1] * GROWTH < words:
        ends.append(ends[-1] * GROWTH)
    return np.array([*ends, words])


class AdaptiveSoftmax(OutputLayer):
    """Adaptive softmax: frequent words in a head, rarer ones in tails computed only when needed (Grave et al. 2017).

    The head is a softmax over its words and one entry per tail; p(w) of a word in a tail is the tail's share of that
    times a softmax within the tail. It is a distribution over all words by construction, but a training step computes
    a tail only for positions whose target is in it.

    Untied, the i-th tail has vectors of width d / 4^i after a linear map, as in the paper. Tied, every word has the
    full width, since its output weights are its vector.

    Args:
        words: Input layer; the cutoffs of its order are the starts of head and tails.
        width: Width d of the features.
        counts: Training counts by row: int64 [V − 1].
        generator: Source of the initial weights.
        tied: Use the word vectors as weights of the words.
    """

    def __init__(
        self, words: WordVectors, width: int, counts: NDArray[np.int64], generator: torch.Generator, *, tied: bool
    ) -> None:
        super().__init__(words, width, tied=tied)
        self.cutoffs: list[int] = words.cutoffs.tolist()
        self.sizes = np.diff(self.cutoffs).tolist()
        tails = len(self.sizes) - 1
        masses = np.add.reduceat(counts, self.cutoffs[1:-1])
        self.cluster_weight = initial_rows(tails, width, generator)
        shares = log_shares(np.concatenate([counts, masses])).data
        self.bias, self.cluster_bias = nn.Parameter(shares[:-tails].clone()), nn.Parameter(shares[-tails:].clone())
        if not tied:
            self.head_weight = initial_rows(self.sizes[0], width, generator)
            narrow = [max(1, width // NARROWING**tail) for tail in range(1, tails + 1)]
            self.maps = nn.ParameterList(nn.Parameter(torch.empty(size, width)) for size in narrow)
            self.tail_weights = nn.ParameterList(
                initial_rows(rows, size, generator) for rows, size in zip(self.sizes[1:], narrow, strict=True)
            )
            for weight in self.maps:
                nn.init.xavier_uniform_(weight, generator=generator)

    def check_cutoffs(self, cutoffs: NDArray[np.int64]) -> None:
        """Check that saved cutoffs match the weights."""
        if cutoffs.tolist() != self.cutoffs:
            raise SavedModelError("the saved model is damaged: its clusters of words contradict its options")

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int = CHUNK, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy; tails are computed only for their targets."""
        refuse_smoothing(label_smoothing, "adaptive")
        rows = self.words.rank[targets]
        clusters = self._clusters(rows)
        weights, biases = self._weights(), torch.split(self.bias, self.sizes)
        total = linear_cross_entropy(
            features,
            *self._head(weights[0], biases[0]),
            self._head_targets(rows, clusters),
            chunk=chunk,
            bfloat16=self._lowered,
        )
        for tail in range(1, len(weights)):
            # Also without targets: every weight needs a gradient at each step in distributed training.
            places = (clusters == tail).nonzero()[:, 0]
            total = total + linear_cross_entropy(
                self._mapped(features.index_select(0, places), tail),
                weights[tail],
                biases[tail],
                rows[places] - self.cutoffs[tail],
                chunk=chunk,
                bfloat16=self._lowered,
            )
        return total / len(rows)

    def mixture_loss(
        self, features: Tensor, targets: Tensor, log_weights: Tensor, log_rest: Tensor, *, chunk: int, alone: float
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a mixture, with logits of the head in memory for one chunk only.

        A tail's ln p of a word within it is a factor of the weight of the head: λ p = (λ p(word | tail)) p(tail).
        """
        rows = self.words.rank[targets]
        clusters = self._clusters(rows)
        weights, biases = self._weights(), torch.split(self.bias, self.sizes)
        within = self._add_within_tails(torch.zeros_like(log_weights), features, rows, clusters)
        total, found = mixture_cross_entropy(
            features,
            *self._head(weights[0], biases[0]),
            self._head_targets(rows, clusters),
            log_weights + within,
            log_rest,
            chunk=chunk,
            alone=alone,
            bfloat16=self._lowered,
        )
        return (total - alone * within.sum()) / len(rows), found + within.detach()

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return ln p(target): [N]."""
        rows, never = self._rows(targets)
        clusters = self._clusters(rows)
        weights, biases = self._weights(), torch.split(self.bias, self.sizes)
        weight, bias = self._head(weights[0], biases[0])
        found = picked_log_probs(features, weight, bias, self._head_targets(rows, clusters))
        return self._add_within_tails(found, features, rows, clusters).masked_fill(never, -torch.inf)

    def _add_within_tails(self, found: Tensor, features: Tensor, rows: Tensor, clusters: Tensor) -> Tensor:
        """Add ln p(target | its tail) of targets in tails: [N]."""
        weights, biases = self._weights(), torch.split(self.bias, self.sizes)
        for tail in range(1, len(weights)):
            places = (clusters == tail).nonzero()[:, 0]
            inner = self._mapped(features[places], tail)
            within = picked_log_probs(inner, weights[tail], biases[tail], rows[places] - self.cutoffs[tail])
            found = found.index_add(0, places, within)
        return found

    def _log_probs_by_row(self, features: Tensor) -> Tensor:
        weights, biases = self._weights(), torch.split(self.bias, self.sizes)
        weight, bias = self._head(weights[0], biases[0])
        head = functional.linear(features, weight, bias).log_softmax(dim=1)
        parts = [head[:, : self.sizes[0]]]
        for tail in range(1, len(weights)):
            inner = self._mapped(features, tail)
            within = functional.linear(inner, weights[tail], biases[tail]).log_softmax(dim=1)
            parts.append(within + head[:, self.sizes[0] + tail - 1, None])
        return torch.cat(parts, dim=1)

    def _weights(self) -> list[Tensor]:
        """Return the weights of the words of each cluster."""
        if self.tied:
            return list(torch.split(self.words.weight, [*self.sizes, 1])[:-1])
        return [self.head_weight, *self.tail_weights]

    def _head(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights and biases of the head: its words, then the tails."""
        return torch.cat([weight, self.cluster_weight]), torch.cat([bias, self.cluster_bias])

    def _mapped(self, features: Tensor, tail: int) -> Tensor:
        """Return the features mapped to the width of a tail."""
        return features if self.tied else functional.linear(features, self.maps[tail - 1])

    def _clusters(self, rows: Tensor) -> Tensor:
        """Return the cluster of each row: 0 is the head."""
        return torch.bucketize(rows, self.words.cutoffs[1:-1], right=True)

    def _head_targets(self, rows: Tensor, clusters: Tensor) -> Tensor:
        """Return the targets of the head: the word itself, or its tail."""
        return torch.where(clusters == 0, rows, self.sizes[0] - 1 + clusters)
