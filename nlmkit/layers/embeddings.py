"""Input layer: one vector per word."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.masks import WordDropout
from nlmkit.layers.row_order import WordOrder

RANGE = 0.1
"""Word vectors and the output layer's rows are initially uniform in ±0.1 (Zaremba et al. 2014; Merity et al. 2018)."""


class WordVectors(nn.Module):
    """Word vectors in rows by frequency, looked up by vocabulary id.

    ``weight`` is [V, e]; the buffers ``rank`` and ``cutoffs`` are those of ``WordOrder``.

    Args:
        order: Row of each word.
        width: Width e of the vectors.
        generator: Source of the initial vectors.
        dropout: Rate of dropping whole words.
    """

    rank: Tensor
    cutoffs: Tensor

    def __init__(self, order: WordOrder, width: int, generator: torch.Generator, dropout: float = 0.0) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(len(order), width).uniform_(-RANGE, RANGE, generator=generator))
        self.register_buffer("rank", torch.tensor(order.rank))
        self.register_buffer("cutoffs", torch.tensor(order.cutoffs))
        self.dropout = WordDropout(dropout)

    def forward(self, ids: Tensor, generator: torch.Generator) -> Tensor:
        """Return the vectors [T, B, e] of the ids [T, B]."""
        rows = self.rank[ids]
        vectors: Tensor = self.dropout(functional.embedding(rows, self.weight), rows, len(self.weight), generator)
        return vectors

    @property
    def order(self) -> WordOrder:
        """Row of each word."""
        return WordOrder(self.rank.cpu().numpy(), self.cutoffs.cpu().numpy())

    @order.setter
    def order(self, order: WordOrder) -> None:
        self.rank.copy_(torch.tensor(order.rank))
        self.cutoffs.copy_(torch.tensor(order.cutoffs))

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{len(self.weight)}, {self.width}"
