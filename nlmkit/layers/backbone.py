"""Interface of the layers between word vectors and output layer: recurrent stack and feed-forward body."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlmkit.layers.recurrent_steps import Steps

State = tuple[Tensor, ...]
"""State of a body after the words read so far; batch is dimension 1 of each tensor.

Recurrent: the hidden state [1, B, h] of each layer (LSTM: hidden, then cell, layer by layer). Feed-forward: the last
order−1 ids, int64 [order−1, B]."""


class Body(nn.Module):
    """Network body: reads word vectors and returns one output per step.

    Attributes:
        width: Width h of the outputs.
    """

    width: int

    def initial_state(self, batch: int) -> State:
        """Return the state before the first word."""
        raise NotImplementedError

    def context(self, ids: Tensor, state: State) -> Tensor:
        """Return the ids whose vectors the body needs to read ``ids`` [T, B]: int64 [T', B]."""
        raise NotImplementedError

    def forward(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State]:
        """Return the outputs [T, B, h], and the state after the last step.

        Args:
            vectors: Vectors of the context: [T', B, e].
            context: Result of ``context``.
            state: State before the first step.
            generator: Source of masks.
        """
        raise NotImplementedError

    def trace(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State, tuple[Steps, ...]]:
        """Like ``forward``, but also return each layer's gates and states at each step, in the graph."""
        raise NotImplementedError

    def parameter_counts(self) -> dict[str, int]:
        """Return the parameters of each layer by its name."""
        raise NotImplementedError
