"""Vectors as a conditional network reads them: scaled, some entries dropped, projected."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.masks import Dropout

_LEAST_SCALE: Final = 1e-6
"""Standard deviation below which a component counts as constant; it is centered, but not scaled."""


class VectorInput(nn.Module):
    """Scaling, dropout and a projection tanh(W v + b), in that order; each may be left out.

    Args:
        dimension: Width d of the vectors.
        generator: Source of the initial weights.
        scaling: ``none``; ``standardize``: each component has mean 0 and standard deviation 1 on the training vectors,
            see ``measure``; ``unit``: each vector has length 1, except that of zeros.
        projection: Width of the projection; None for none.
        dropout: Rate of dropout on the scaled vectors.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, dimension: int, generator: torch.Generator, *, scaling: str, projection: int | None, dropout: float
    ) -> None:
        super().__init__()
        self.dimension, self.scaling = dimension, scaling
        self.width = dimension if projection is None else projection
        if scaling == "standardize":
            self.register_buffer("mean", torch.zeros(dimension))
            self.register_buffer("scale", torch.ones(dimension))
        self.dropout = Dropout(dropout, locked=False)
        self.weight: nn.Parameter | None = None
        self.bias: nn.Parameter | None = None
        if projection is not None:
            self.weight = nn.Parameter(torch.empty(projection, dimension))
            nn.init.xavier_uniform_(self.weight, generator=generator)
            self.bias = nn.Parameter(torch.zeros(projection))

    def measure(self, vectors: NDArray[np.float32]) -> None:
        """Set mean and standard deviation of ``standardize`` from the training vectors: [n, d]."""
        if self.scaling != "standardize":
            return
        exact = vectors.astype(np.float64)
        spread = exact.std(axis=0)
        self.mean.copy_(torch.from_numpy(exact.mean(axis=0)))
        self.scale.copy_(torch.from_numpy(np.where(spread < _LEAST_SCALE, 1.0, spread)))

    def forward(self, vectors: Tensor, generator: torch.Generator) -> Tensor:
        """Return the vectors [B, width] from [B, d]."""
        found = self.dropout(self.scaled(vectors), generator)
        return found if self.weight is None else torch.tanh(functional.linear(found, self.weight, self.bias))

    def scaled(self, vectors: Tensor) -> Tensor:
        """Return the scaled vectors: [B, d]."""
        if self.scaling == "standardize":
            return (vectors - self.mean) / self.scale
        return functional.normalize(vectors, dim=1) if self.scaling == "unit" else vectors

    def largest(self, vectors: NDArray[np.float32]) -> float:
        """Return a bound of the length of any of these vectors as the network reads it, without dropout: [n, d]."""
        if self.weight is not None:
            return math.sqrt(self.width)  # of tanh
        with torch.no_grad():
            return float(torch.linalg.vector_norm(self.scaled(torch.tensor(vectors)), dim=1).max())

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.dimension}, {self.width}, scaling={self.scaling}"
