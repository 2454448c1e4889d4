"""Features of the next word from the output of a decoder's layers, and a context."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Readout(nn.Module):
    """f = tanh(W h + U c + b), or the same without tanh (Luong et al. 2015, their h̃).

    Args:
        hidden: Width of h.
        context: Width of c; 0 for none.
        width: Width of f.
        generator: Source of the initial weights.
        linear: Leave out tanh.
    """

    def __init__(self, hidden: int, context: int, width: int, generator: torch.Generator, *, linear: bool) -> None:
        super().__init__()
        self.width, self.linear = width, linear
        self.weight_hidden = nn.Parameter(torch.empty(width, hidden))
        nn.init.xavier_uniform_(self.weight_hidden, generator=generator)
        self.weight_context = None
        if context:
            self.weight_context = nn.Parameter(torch.empty(width, context))
            nn.init.xavier_uniform_(self.weight_context, generator=generator)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Return the features [..., f] from outputs [..., h] and contexts [..., m]."""
        found = functional.linear(hidden, self.weight_hidden, self.bias)
        if self.weight_context is not None and context is not None:
            found = found + functional.linear(context, self.weight_context)
        return found if self.linear else torch.tanh(found)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.width}, linear={self.linear}"
