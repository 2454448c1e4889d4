"""Attention with a learned context vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.pooling import word_mask


class Attention(nn.Module):
    """Attention with a context vector (Yang et al. 2016).

    ::

        u_t = tanh(W h_t + b)      α_t = exp(u_t · u_w) / Σ_t' exp(u_t' · u_w)      s = Σ_t α_t h_t

    Args:
        inputs: Width n of the vectors h.
        units: Width of u.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(units, inputs))
        self.bias = nn.Parameter(torch.zeros(units))
        self.context = nn.Parameter(torch.empty(units))
        nn.init.xavier_uniform_(self.weight, generator=generator)
        nn.init.uniform_(self.context, -1 / math.sqrt(units), 1 / math.sqrt(units), generator=generator)

    def forward(self, outputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sums s [R, n], and the weights α [R, T], zero for padding; all zero for an empty row.

        Args:
            outputs: Vectors h, zero after the end of each row: [R, T, n].
            lengths: Number of vectors of each row: int64 [R].
        """
        scores = torch.tanh(functional.linear(outputs, self.weight, self.bias)) @ self.context
        is_word = word_mask(lengths, outputs.shape[1])
        # Finite scores for an empty row, whose weights are set to zero afterwards.
        weights = scores.masked_fill(~is_word, torch.finfo(scores.dtype).min).softmax(dim=1) * is_word
        return (weights.unsqueeze(1) @ outputs).squeeze(1), weights

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}"
