"""LSTM with a semantic vector that a gate reads word by word: SC-LSTM (Wen et al. 2015).

With x_t the layer's input, h_t its hidden state, d_t what is left of the semantic vector d_0 after t words, W the input
weights, U the recurrent weights and b one bias vector per gate; σ is the logistic function, ∘ multiplies entry by
entry::

    i_t, f_t, o_t, r_t = σ(W x_t + U h_{t−1} + b)    each with its own weights; r_t is as wide as d_t
    g_t = tanh(W x_t + U h_{t−1} + b)
    d_t = r_t ∘ d_{t−1}
    c_t = f_t ∘ c_{t−1} + i_t ∘ g_t + tanh(V d_t)
    h_t = o_t ∘ tanh(c_t)

The paper's constant α on the recurrent weights of the reading gate is part of these weights here, and it has no biases.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

FORGET_BIAS: Final = 1.0
"""Initial bias of the forget gate, so that the cell keeps its content at first (Jozefowicz et al. 2015)."""

READING_BIAS: Final = 2.0
"""Initial bias of the reading gate, so that it keeps the semantic vector at first: σ(2) ≈ 0.88 of it per word."""


class SemanticState(NamedTuple):
    """State after some words.

    Attributes:
        hidden: Hidden state h: [B, h].
        cell: Cell state c: [B, h].
        remaining: What is left of the semantic vector, d: [B, s].
    """

    hidden: Tensor
    cell: Tensor
    remaining: Tensor


class SemanticLSTM(nn.Module):
    """One SC-LSTM layer; see the module's equations.

    Parameters are ``weight_input`` [4h + s, n], ``weight_recurrent`` [4h + s, h] and ``bias`` [4h + s], with rows for
    the input, forget and output gate, the reading gate, and the candidate, in that order, and ``weight_semantic``
    [h, s]. Each gate's initial input weights are Glorot-uniform, its recurrent weights orthogonal, and so are those of
    ``RecurrentLayer``; biases are zero except for the forget and the reading gate.

    Args:
        inputs: Width n of the input.
        hidden: Units h.
        semantic: Width s of the semantic vector.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, hidden: int, semantic: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inputs, self.hidden, self.semantic = inputs, hidden, semantic
        rows = [hidden, hidden, hidden, semantic, hidden]
        self.weight_input = nn.Parameter(torch.empty(sum(rows), inputs))
        self.weight_recurrent = nn.Parameter(torch.empty(sum(rows), hidden))
        self.bias = nn.Parameter(torch.zeros(sum(rows)))
        self.weight_semantic = nn.Parameter(torch.empty(hidden, semantic))
        for gate in torch.split(self.weight_input.data, rows):
            nn.init.xavier_uniform_(gate, generator=generator)
        for gate in torch.split(self.weight_recurrent.data, rows):
            nn.init.orthogonal_(gate, generator=generator)
        nn.init.xavier_uniform_(self.weight_semantic, generator=generator)
        _, forget, _, reading, _ = torch.split(self.bias.data, rows)
        forget.fill_(FORGET_BIAS)
        reading.fill_(READING_BIAS)

    def initial_state(self, semantic: Tensor) -> SemanticState:
        """Return the state before the first word, from the semantic vectors d_0: [B, s]."""
        zeros = semantic.new_zeros(len(semantic), self.hidden)
        return SemanticState(zeros, zeros, semantic)

    def forward(self, inputs: Tensor, state: SemanticState) -> tuple[Tensor, Tensor, SemanticState]:
        """Read a sequence.

        Args:
            inputs: [T, B, n], T ≥ 1.
            state: State before the first step.

        Returns:
            The hidden states [T, B, h], what is left of the semantic vectors after each step [T, B, s], and the state
            after the last step.
        """
        sigmoids = 3 * self.hidden + self.semantic
        driven = torch.addmm(self.bias, inputs.reshape(-1, self.inputs), self.weight_input.t())
        recurrent, semantic = self.weight_recurrent.t(), self.weight_semantic.t()
        hidden, cell, remaining = state
        outputs, left = [], []
        for step in driven.view(*inputs.shape[:2], -1).unbind():
            sums = torch.addmm(step, hidden, recurrent)
            gates, candidate = sums[:, :sigmoids].sigmoid(), sums[:, sigmoids:].tanh()
            enter, forget, leave, read = torch.split(gates, [self.hidden] * 3 + [self.semantic], dim=1)
            remaining = read * remaining
            cell = torch.addcmul(torch.mm(remaining, semantic).tanh(), forget, cell).addcmul(enter, candidate)
            hidden = leave * cell.tanh()
            outputs.append(hidden)
            left.append(remaining)
        return torch.stack(outputs), torch.stack(left), SemanticState(hidden, cell, remaining)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.inputs}, {self.hidden}, semantic={self.semantic}"


def reading_losses(semantic: Tensor, left: Tensor, lengths: Tensor, xi: float) -> tuple[Tensor, Tensor]:
    """Return the two terms that Wen et al. (2015) add to a sequence's loss, before their weights.

    The first, ‖d_T‖, is what the last step has left unread: content that was not spoken. The second,
    Σ_t ξ^‖d_t − d_{t−1}‖ over t = 1 … T, grows steeply where one step reads much at once: content lost unspoken.
    Norms are Euclidean.

    Args:
        semantic: Semantic vectors d_0: [B, s].
        left: What is left of them after each step, as from ``SemanticLSTM``: [T, B, s].
        lengths: Steps of each sequence, from 1 to T; further steps do not count: int64 [B].
        xi: Base ξ; the paper has 100.

    Returns:
        Both for each sequence: [B] and [B].
    """
    at = torch.arange(left.shape[1], device=left.device)
    unread = torch.linalg.vector_norm(left[lengths - 1, at], dim=1)
    before = torch.cat([semantic.unsqueeze(0), left[:-1]])
    change = torch.linalg.vector_norm(left - before, dim=2)
    inside = torch.arange(len(left), device=left.device).unsqueeze(1) < lengths
    return unread, ((xi**change) * inside).sum(dim=0)
