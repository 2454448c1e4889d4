"""Attention of a decoder on the vectors of a source: Luong et al. 2015 and Bahdanau et al. 2015.

With q a query (a state of the decoder) and s_j the vectors of the source, weights and context are::

    α_j = exp(score(q, s_j)) / Σ_k exp(score(q, s_k))        c = Σ_j α_j s_j

- ``luong-dot``: score = q · s_j
- ``luong-general``: score = q · W s_j
- ``luong-concat``: score = v · tanh(W q + U s_j), which is v · tanh([W U] [q; s_j])
- ``bahdanau``: the same score. The names differ in when a decoder attends: Luong's with its state after a step,
  Bahdanau's with the state before it, so that the context is an input of the step.

W s_j and U s_j, the *keys*, are computed once per source. Padding has weight 0.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

KINDS: Final = ("luong-dot", "luong-general", "luong-concat", "bahdanau")

_LARGEST: Final = 1 << 24
"""Entries of tanh(W q + U s_j) in memory at a time without a gradient."""


class SequenceAttention(nn.Module):
    """Attention on the vectors of a source.

    Args:
        kind: ``luong-dot``, ``luong-general``, ``luong-concat`` or ``bahdanau``.
        queries: Width h of the queries.
        outputs: Width m of the vectors of the source; for ``luong-dot`` equal to that of the queries.
        units: Width a of the hidden layer of ``luong-concat`` and ``bahdanau``.
        generator: Source of the initial weights.
    """

    def __init__(self, kind: str, queries: int, outputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"unknown attention {kind!r}")
        if kind == "luong-dot" and queries != outputs:
            raise ValueError(f"luong-dot needs queries as wide as the outputs: {queries} is not {outputs}")
        self.kind, self.additive = kind, kind in ("luong-concat", "bahdanau")
        self.weight_query = self.weight_key = self.vector = None
        if self.additive:
            self.weight_query = _matrix(units, queries, generator)
            self.weight_key = _matrix(units, outputs, generator)
            self.vector = nn.Parameter(torch.empty(units))
            nn.init.uniform_(self.vector, -1 / math.sqrt(units), 1 / math.sqrt(units), generator=generator)
        elif kind == "luong-general":
            self.weight_key = _matrix(queries, outputs, generator)

    def keys(self, outputs: Tensor) -> Tensor:
        """Return what queries are compared with, [B, S, k], from the vectors of the source, [B, S, m]."""
        return outputs if self.weight_key is None else functional.linear(outputs, self.weight_key)

    def forward(self, queries: Tensor, keys: Tensor, outputs: Tensor, is_word: Tensor) -> tuple[Tensor, Tensor]:
        """Return the contexts [B, T, m], and the weights [B, T, S], zero in the padding.

        Args:
            queries: States of the decoder: [B, T, h].
            keys: Result of ``keys``: [B, S, k].
            outputs: Vectors of the source: [B, S, m].
            is_word: Whether a place is not padding, at least one per row: bool [B, S].
        """
        scores = self._scores(queries, keys)
        # The lowest number, and not −∞: weights of padding are exactly 0 and have a gradient of exactly 0.
        weights = scores.masked_fill(~is_word.unsqueeze(1), torch.finfo(scores.dtype).min).softmax(dim=2)
        return torch.bmm(weights, outputs), weights

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the scores [B, T, S]."""
        if not self.additive:
            return torch.bmm(queries, keys.transpose(1, 2))
        assert self.weight_query is not None
        assert self.vector is not None
        asked = functional.linear(queries, self.weight_query)
        steps = asked.shape[1]
        if not torch.is_grad_enabled():
            steps = max(1, _LARGEST // keys.numel())
        pieces = torch.split(asked, steps, dim=1)
        parts = [torch.tanh(piece.unsqueeze(2) + keys.unsqueeze(1)) @ self.vector for piece in pieces]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return self.kind


def _matrix(rows: int, columns: int, generator: torch.Generator) -> nn.Parameter:
    weight = nn.Parameter(torch.empty(rows, columns))
    nn.init.xavier_uniform_(weight, generator=generator)
    return weight
