"""Base class of the output layers."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.layers.embeddings import RANGE, WordVectors
from nlmkit.layers.softmax.cross_entropy import CHUNK

LARGE: Final = 1 << 17
"""Weights of a layer from which bfloat16 is faster than float32."""


class OutputLayer(nn.Module):
    """Base class of distributions over the next word.

    Words that can be predicted are the rows 0 … V − 2 of the word order; ``<s>`` has the last row and is excluded.

    Args:
        words: Input layer, with the order of words, and the weights if tied.
        width: Width d of the features; if tied, that of the word vectors.
        tied: Use the word vectors as output weights (Press & Wolf 2017; Inan et al. 2017).

    Attributes:
        generator: Source of samples, if any are drawn.
        bias: One bias per word, by row: [V − 1].
        trains_in_bfloat16: Whether losses in training compute matrix products in bfloat16; the loss itself is float32.
    """

    generator: torch.Generator | None = None
    trains_in_bfloat16 = False
    bias: nn.Parameter

    def __init__(self, words: WordVectors, width: int, *, tied: bool) -> None:
        super().__init__()
        if tied and width != words.width:
            raise ValueError(f"tied weights need features as wide as the word vectors: {width} is not {words.width}")
        self.width, self.tied = width, tied
        # In a tuple, so that shared weights are not registered, counted and saved twice.
        self._words = (words,)

    @property
    def words(self) -> WordVectors:
        """Input layer."""
        return self._words[0]

    @property
    def gains_from_bfloat16(self) -> bool:
        """Whether the layer is large enough to be faster in bfloat16."""
        return self.width * self.predictable >= LARGE

    @property
    def _lowered(self) -> bool:
        """Whether the next loss computes in bfloat16."""
        return self.trains_in_bfloat16 and self.training

    @property
    def predictable(self) -> int:
        """Number of words that can be predicted: V − 1."""
        return len(self.words.weight) - 1

    def grown_cutoffs(self, old: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the cutoffs of an extended vocabulary, given those of the old one: int64."""
        return self.words.order.cutoffs

    def check_cutoffs(self, cutoffs: NDArray[np.int64]) -> None:
        """Check that saved cutoffs match the weights: by default all words are one cluster.

        Raises:
            SavedModelError: They do not.
        """
        if len(cutoffs) != 2:
            raise SavedModelError(
                f"the saved model is damaged: its words are in {len(cutoffs) - 1} clusters, not in one"
            )

    def reorder(self, rows: Tensor) -> None:
        """Move the values of words to their new rows, before weights are copied there.

        Args:
            rows: New row of each row: int64 [V − 1].
        """
        self.bias.data[rows] = self.bias.data.clone()

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int = CHUNK, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean of −ln p(target), or its training surrogate: scalar.

        Args:
            features: [N, d], N ≥ 1.
            targets: Vocabulary ids, int64 [N]; never ``<s>``.
            chunk: Rows whose logits are in memory at a time; it does not change the result.
            label_smoothing: Share of the target spread evenly over all words that can be predicted.

        Raises:
            HyperParameterError: The output layer does not support label smoothing.
        """
        raise NotImplementedError

    def mixture_loss(
        self, features: Tensor, targets: Tensor, log_weights: Tensor, log_rest: Tensor, *, chunk: int, alone: float
    ) -> tuple[Tensor, Tensor]:
        """Return the mean of −(1 − ε) ln(λ p(target) + r) − ε ln p(target), and ln p(target) without gradient.

        Args:
            features: [N, d], N ≥ 1.
            targets: Vocabulary ids, int64 [N]; never ``<s>``.
            log_weights: ln λ, the weight of this distribution in a mixture: [N].
            log_rest: ln r, the weighted probability of the target under the others of the mixture: [N].
            chunk: Rows whose logits are in memory at a time; it does not change the result.
            alone: ε, share of the loss of this distribution alone.

        Returns:
            A scalar, and [N].
        """
        found = self.log_probs(features, targets)
        mixed = torch.logaddexp(log_weights + found, log_rest)
        return -((1 - alone) * mixed + alone * found).mean(), found.detach()

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return ln p(target), exactly normalised over all words except ``<s>``: [N].

        Args:
            features: [N, d].
            targets: Vocabulary ids, int64 [N]; ``<s>`` has −inf.
        """
        raise NotImplementedError

    def all_log_probs(self, features: Tensor) -> Tensor:
        """Return ln p of every vocabulary id: [N, V], −inf at ``<s>``."""
        by_row = self._log_probs_by_row(features)
        never = by_row.new_full((len(by_row), 1), -torch.inf)
        return torch.cat([by_row, never], dim=1)[:, self.words.rank]

    def _log_probs_by_row(self, features: Tensor) -> Tensor:
        """Return ln p of every row except the last: [N, V − 1]."""
        raise NotImplementedError

    def _rows(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of the targets, with row 0 for ``<s>``, and the mask of ``<s>``."""
        rows = self.words.rank[targets]
        never = rows == self.predictable
        return rows.masked_fill(never, 0), never

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.width}, {self.predictable}, tied={self.tied}"


def initial_rows(rows: int, width: int, generator: torch.Generator) -> nn.Parameter:
    """Return the output weights [rows, width], uniform like the word vectors."""
    return nn.Parameter(torch.empty(rows, width).uniform_(-RANGE, RANGE, generator=generator))


def log_shares(counts: NDArray[np.int64]) -> nn.Parameter:
    """Return biases initialized with log relative frequencies, each count plus one: float32 [rows].

    The first steps then need not learn the unigram distribution; without counts it is uniform.
    """
    smoothed = counts.astype(np.float64) + 1
    return nn.Parameter(torch.tensor(np.log(smoothed / smoothed.sum()), dtype=torch.float32))


def refuse_smoothing(label_smoothing: float, softmax: str) -> None:
    """Refuse label smoothing if a training step does not compute every word's probability.

    Raises:
        HyperParameterError: ``label_smoothing`` is not zero.
    """
    if label_smoothing:
        raise HyperParameterError(
            f"label_smoothing needs every word's probability, which softmax={softmax} does not compute in training"
        )
