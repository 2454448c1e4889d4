"""Linear layer that can train in bfloat16 on CPUs."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGE: Final = 1 << 16
"""Weights from which bfloat16 is faster than float32."""


class Projection(nn.Linear):
    """torch's linear layer, with a matrix product in bfloat16 in training if so set.

    Attributes:
        trains_in_bfloat16: Whether training computes the products in bfloat16; inputs and outputs keep their type.
    """

    trains_in_bfloat16 = False

    @property
    def gains_from_bfloat16(self) -> bool:
        """Whether the layer is large enough to be faster in bfloat16."""
        return self.weight.numel() >= LARGE

    def forward(self, input: Tensor) -> Tensor:
        """Return W x + b of the vectors [..., n]: [..., m]."""
        if not (self.trains_in_bfloat16 and self.training):
            return super().forward(input)
        low = functional.linear(input.to(torch.bfloat16), self.weight.to(torch.bfloat16))
        return low.to(self.bias.dtype) + self.bias
