"""Weights of the distributions that are mixed: a small network over the hidden state and the n-gram context."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """Log weights ln λ = log softmax(C r + c) with r = ReLU(A h + B f + a); without hidden units, of A h + B f + a.

    Args:
        hidden: Width of the hidden state h.
        features: Number of features f of the context.
        weights: Number of weights.
        units: Width of r; 0 for a linear layer alone.
        generator: Source of the initial weights.

    Attributes:
        width: Width of A h + B f + a.
    """

    def __init__(self, hidden: int, features: int, weights: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = units or weights
        self.by_hidden = nn.Linear(hidden, self.width)
        self.by_features = nn.Linear(features, self.width, bias=False)
        self.out = nn.Linear(units, weights) if units else None
        for layer in (self.by_hidden, self.by_features):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(self.by_hidden.bias)
        last = self.by_hidden if self.out is None else self.out
        # At first all distributions have equal weights.
        for weight in last.parameters():
            nn.init.zeros_(weight)

    def forward(self, read: Tensor, features: Tensor) -> Tensor:
        """Return ln λ: [N, weights].

        Args:
            read: A h + a, from ``by_hidden``: [N, width].
            features: Features f: [N, features].
        """
        found = read + self.by_features(features)
        if self.out is not None:
            found = self.out(torch.relu(found))
        return torch.log_softmax(found.float(), dim=1)
