"""Sampled softmax."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax.base import refuse_smoothing
from nlmkit.layers.softmax.cross_entropy import CHUNK
from nlmkit.layers.softmax.full import FullSoftmax
from nlmkit.layers.softmax.sampled_cross_entropy import (
    Sample,
    sampled_cross_entropy,
    sampled_mixture_cross_entropy,
)

POWER = 0.75
"""Power of the counts to which chances are proportional.

With 500 to 3,000 words drawn, the variance of Σ exp(s) under the bigrams of Penn Treebank is lowest there.
"""


def inclusion_chances(counts: NDArray[np.int64], samples: int) -> NDArray[np.float64]:
    """Return the chance of each word to be in the sample: min(1, c · count^0.75), float64 [words].

    They sum to ``samples`` (to the number of words where that is less). Each count is taken plus one, so that every
    word can be drawn. Without counts, that is if all are zero, ln((r + 2) / (r + 1)) of the word of rank r takes the
    place of the count: Zipf's law, known as the log-uniform distribution.

    Args:
        counts: Training counts by row, falling: int64 [words].
        samples: Mean size of the sample.
    """
    words = len(counts)
    if samples >= words:
        return np.ones(words)
    ranks = np.arange(words)
    weights = (counts + 1.0 if counts.any() else np.log((ranks + 2.0) / (ranks + 1.0))) ** POWER
    order = np.argsort(-weights, kind="stable")
    falling = weights[order]
    # With the first k words certain, the others share samples − k. The first k is right at which none exceeds one.
    rest = falling[::-1].cumsum()[::-1]
    factor = (samples - ranks[:samples]) / rest[:samples]
    certain = int(np.argmax(factor * falling[:samples] <= 1))
    chances = np.empty(words)
    chances[order] = np.where(ranks < certain, 1.0, np.minimum(1.0, factor[certain] * falling))
    return chances


class SampledSoftmax(FullSoftmax):
    """Trains on the target and a sample of words, with corrected scores; scores with all words.

    Each step draws one sample S for all positions: word w is in it with chance π_w, independently (see
    ``inclusion_chances``). The loss at a position with the target t is the cross-entropy of a softmax over S and t,
    with s_w − ln π_w as the score of each other word:

        −ln [ exp(s_t) / (exp(s_t) + Σ_{w ∈ S, w ≠ t} exp(s_w) / π_w) ]

    The denominator is an unbiased estimate of the sum over all words; its logarithm is too low by half its relative
    variance, which is below 1 % with 2,000 words of Penn Treebank's 10,000 and about 3 % with 512. With all words
    sampled the loss is the full cross-entropy. Bengio & Senécal (2008) and Jean et al. (2015) have the idea and the
    correction. It is *not* noise-contrastive estimation (Gutmann & Hyvärinen 2010; Mnih & Teh 2012), which decides for
    each word apart whether it is data or noise, by logistic regression, and lets the model's normaliser be one: here
    words compete in one softmax, and scores are normalised.

    Args:
        words: The input layer.
        width: Width d of the features.
        counts: Training counts by row: int64 [V − 1].
        generator: Source of the initial weights, and of the samples until another is set.
        tied: Use the word vectors as weights.
        samples: Words drawn a step, on average.

    Attributes:
        is_full: Whether training computes all words, too, as it does late in a run with ``full_after``.
    """

    is_full = False
    chances: Tensor

    def __init__(
        self,
        words: WordVectors,
        width: int,
        counts: NDArray[np.int64],
        generator: torch.Generator,
        *,
        tied: bool,
        samples: int,
    ) -> None:
        super().__init__(words, width, counts, generator, tied=tied)
        chances = torch.tensor(inclusion_chances(counts, samples), dtype=torch.float32)
        self.register_buffer("chances", chances)
        self.generator = generator

    def reorder(self, rows: Tensor) -> None:
        """Take chances along with biases."""
        super().reorder(rows)
        self.chances[rows] = self.chances.clone()

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int = CHUNK, label_smoothing: float = 0.0) -> Tensor:
        """Mean cross-entropy among the sampled words in training mode, among all words in evaluation mode."""
        refuse_smoothing(label_smoothing, "sampled")
        if self.is_full or not self.training:
            return super().loss(features, targets, chunk=chunk)
        rows = self.words.rank[targets]
        total = sampled_cross_entropy(
            features, self.weights(), self.bias, rows, self._sample(), chunk=chunk, bfloat16=self._lowered
        )
        return total / len(rows)

    def mixture_loss(
        self, features: Tensor, targets: Tensor, log_weights: Tensor, log_rest: Tensor, *, chunk: int, alone: float
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a mixture, in training mode with p(target) estimated from the sampled words."""
        if self.is_full or not self.training:
            return super().mixture_loss(features, targets, log_weights, log_rest, chunk=chunk, alone=alone)
        rows = self.words.rank[targets]
        total, found = sampled_mixture_cross_entropy(
            features,
            self.weights(),
            self.bias,
            rows,
            self._sample(),
            log_weights,
            log_rest,
            chunk=chunk,
            alone=alone,
            bfloat16=self._lowered,
        )
        return total / len(rows), found

    def _sample(self) -> Sample:
        """Draw words."""
        drawn = self.sample()
        return Sample(drawn, self.chances[drawn].log())

    def sample(self) -> Tensor:
        """Return the rows of the words drawn for a step: int64 [samples], rising."""
        if self.generator is None:
            raise ValueError("a sampled softmax needs a generator: call set_generator")
        drawn = torch.rand(len(self.chances), generator=self.generator, device=self.generator.device)
        return (drawn.to(self.chances.device) < self.chances).nonzero()[:, 0]
