"""Sampled softmax."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax.base import refuse_smoothing
from nlmkit.layers.softmax.cross_entropy import CHUNK
from nlmkit.layers.softmax.full import FullSoftmax


def inclusion_chances(counts: NDArray[np.int64], samples: int) -> NDArray[np.float64]:
    """Return the chance of each word to be in the sample, about its unigram share: min(1, c · share), float64 [words].

    They sum to ``samples`` (to the number of words where that is less). Each count is taken plus one, so that every
    word can be drawn. Without counts, that is if all are zero, shares follow Zipf's law instead: ln((r + 2) / (r + 1))
    for the word of rank r, known as the log-uniform distribution.

    Args:
        counts: Training counts by row, falling: int64 [words].
        samples: Mean size of the sample.
    """
    words = len(counts)
    if samples >= words:
        return np.ones(words)
    ranks = np.arange(words)
    weights = counts + 1.0 if counts.any() else np.log((ranks + 2.0) / (ranks + 1.0))
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
    ``inclusion_chances``). The loss at a position is the cross-entropy of a softmax over S and the target t, with
    scores s_w − ln π_w:

        −ln [ exp(s_t − ln π_t) / Σ_{w ∈ S ∪ {t}} exp(s_w − ln π_w) ]

    It is exactly the negative log-probability that t is the target, given S ∪ {t}, if the model is right (so it is
    consistent: Ma & Collins 2018). With all words sampled it is the full cross-entropy. Jean et al. (2015) and
    Bengio & Senécal (2008) have the idea and the correction. It is *not* noise-contrastive estimation (Gutmann &
    Hyvärinen 2010; Mnih & Teh 2012), which decides for each word apart whether it is data or noise, by logistic
    regression, and lets the model's normaliser be one: here words compete in one softmax, and scores are normalised.

    Args:
        words: The input layer.
        width: Width d of the features.
        counts: Training counts by row: int64 [V − 1].
        generator: Source of the initial weights, and of the samples until another is set.
        tied: Use the word vectors as weights.
        samples: Words drawn a step, on average.
    """

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
        if not self.training:
            return super().loss(features, targets, chunk=chunk)
        rows = self.words.rank[targets]
        sample = self.sample()
        used, sizes = torch.cat([sample, rows]), [len(sample), len(rows)]
        weight, target_weight = torch.split(functional.embedding(used, self.weights()), sizes)
        bias, target_bias = torch.split((self.bias - self.chances.log())[used], sizes)
        scores = (features * target_weight).sum(dim=1) + target_bias
        losses = [
            # The logits of a chunk are computed again in the backward pass instead of being kept.
            checkpoint(
                _sampled_cross_entropy,
                features[part],
                scores[part],
                weight,
                bias,
                rows[part, None] == sample,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            for part in (slice(begin, begin + chunk) for begin in range(0, len(rows), chunk))
        ]
        return torch.cat(losses).mean()

    def sample(self) -> Tensor:
        """Return the rows of the words drawn for a step: int64 [samples], rising."""
        if self.generator is None:
            raise ValueError("a sampled softmax needs a generator: call set_generator")
        drawn = torch.rand(len(self.chances), generator=self.generator, device=self.generator.device)
        return (drawn.to(self.chances.device) < self.chances).nonzero()[:, 0]


def _sampled_cross_entropy(features: Tensor, scores: Tensor, weight: Tensor, bias: Tensor, hits: Tensor) -> Tensor:
    """Return the cross-entropy of the targets among themselves and the sampled words: [N].

    Args:
        features: [N, d].
        scores: Corrected score of each row's target: [N].
        weight: Weights of the sampled words: [S, d].
        bias: Biases of the sampled words, corrected: [S].
        hits: Where a sampled word is the row's target, which is counted already: bool [N, S].
    """
    others = functional.linear(features, weight, bias).masked_fill(hits, -torch.inf)
    return torch.cat([scores[:, None], others], dim=1).logsumexp(dim=1) - scores
