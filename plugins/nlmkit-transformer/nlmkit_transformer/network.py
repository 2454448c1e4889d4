"""The body of the transformer: pre-norm blocks of windowed self-attention with rotary positions.

::

    vectors [T, B, d] ─ ·√d ─► block ─ … ─► block ─ layer norm ─► outputs [T, B, d]

    block:  x + W_o attention(norm(x)),  then  x + W_2 gelu(W_1 norm(x))

A step attends, in every block, to itself and the ``window`` − 1 steps before it. What those left behind, their keys and
values, is the body's state: text can be read in pieces of any length, or word by word, with the same result (as in
Transformer-XL, Dai et al. 2019; but keys and values are kept instead of hidden states). Positions are relative, by
rotating queries and keys (Su et al. 2021), so that nothing depends on where in a text a step is.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from nlmkit.plugin import Body, Dropout, State, Steps
from torch import Tensor, nn
from torch.nn import functional

_BASE = 10000.0


class Block(nn.Module):
    """One block: attention, then a feed-forward layer, each on the normalised input and added to it.

    Matrices start Glorot-uniform, those that write to the sum smaller by √(2·layers) (Radford et al. 2019).

    Args:
        width: Width d.
        heads: Heads of attention, each of d / heads.
        hidden: Width of the feed-forward layer.
        layers: Blocks of the whole body.
        dropout: Dropout on what is added.
        generator: Source of the initial weights.
    """

    def __init__(
        self, width: int, heads: int, hidden: int, layers: int, dropout: Dropout, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout = dropout
        small = 1 / math.sqrt(2 * layers)
        for linear, gain in ((self.query_key_value, 1.0), (self.mix, small), (self.widen, 1.0), (self.narrow, small)):
            nn.init.xavier_uniform_(linear.weight, gain, generator=generator)
            nn.init.zeros_(linear.bias)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor, turns: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the block's output [T, B, d], and the steps' keys and values [T, B, 2·d].

        Args:
            x: [T, B, d].
            memory: Keys and values of earlier steps: [M, B, 2·d].
            mask: True where a step may look: bool [T, M + T] or [B, 1, T, M + T].
            turns: Cosine and sine of each position's angles: [M + T, d / heads / 2] each.
            generator: Source of the masks.
        """
        steps, batch, width = x.shape
        query, kept = torch.split(self.query_key_value(self.norm_attention(x)), [width, 2 * width], dim=-1)
        key, value = torch.cat([memory.to(kept.dtype), kept]).chunk(2, dim=-1)
        cosine, sine = turns
        found = functional.scaled_dot_product_attention(
            _turned(self._by_head(query), cosine[-steps:], sine[-steps:]),
            _turned(self._by_head(key), cosine, sine),
            self._by_head(value),
            attn_mask=mask,
        )
        mixed = self.mix(found.permute(2, 0, 1, 3).reshape(steps, batch, width))
        x = x + self.dropout(mixed, generator)
        wide = functional.gelu(self.widen(self.norm_forward(x)))
        return x + self.dropout(self.narrow(wide), generator), kept

    def _by_head(self, rows: Tensor) -> Tensor:
        """[L, B, d] → [B, heads, L, d / heads]."""
        return rows.view(*rows.shape[:2], self.heads, -1).permute(1, 2, 0, 3)


def _turned(rows: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each pair of values (one of the first half, one of the second) turned by its position's angle."""
    one, two = rows.chunk(2, dim=-1)
    cosine, sine = cosine.to(rows.dtype), sine.to(rows.dtype)
    return torch.cat([one * cosine - two * sine, two * cosine + one * sine], dim=-1)


class TransformerBody(Body):
    """Blocks, one above the other.

    The state is, for each block, keys and values of the last window−1 steps, [window−1, B, 2·d], the newest last, and
    how many of them there have been: int64 [1, B].

    Args:
        width: Width d of vectors and outputs.
        layers: Blocks.
        heads: Heads of attention.
        hidden: Width of the feed-forward layers.
        window: Steps that a step attends to, itself included.
        dropout: Rate of dropout on what blocks add.
        locked: Hold that dropout's mask over time.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        width: int,
        *,
        layers: int,
        heads: int,
        hidden: int,
        window: int,
        dropout: float,
        locked: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.width, self.heads, self.window = width, heads, window
        drop = Dropout(dropout, locked=locked)
        self.blocks = nn.ModuleList(Block(width, heads, hidden, layers, drop, generator) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def initial_state(self, batch: int) -> State:
        """Nothing to look back at."""
        like = self.norm.weight
        empty = like.new_zeros(self.window - 1, batch, 2 * self.width)
        return (*[empty] * len(self.blocks), torch.zeros(1, batch, dtype=torch.int64, device=like.device))

    def context(self, ids: Tensor, state: State) -> Tensor:
        """Ids whose vectors ``forward`` wants: those read now."""
        return ids

    def forward(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State]:
        """Outputs [T, B, d], and the state after the last step; arguments as of ``Body``."""
        return self._run(vectors, state, generator, None)

    def trace(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State, tuple[Steps, ...]]:
        """As ``forward``, with each block's output at each step, in the graph."""
        steps: list[Steps] = []
        outputs, state = self._run(vectors, state, generator, steps)
        return outputs, state, tuple(steps)

    def parameter_counts(self) -> dict[str, int]:
        """Parameters of each block, and of the layer norm after the last."""
        parts = {f"block {number}": block for number, block in enumerate(self.blocks, start=1)} | {"norm": self.norm}
        return {name: sum(weight.numel() for weight in part.parameters()) for name, part in parts.items()}

    def _run(
        self, vectors: Tensor, state: State, generator: torch.Generator, steps: list[Steps] | None
    ) -> tuple[Tensor, State]:
        *memories, filled = state
        reach = int(filled.max())  # the rest of the memory is empty in every column
        mask, turns = self._mask(len(vectors), reach, filled), self._turns(reach + len(vectors), vectors.device)
        x = vectors * math.sqrt(self.width)
        after = []
        for block, memory in zip(self._blocks(), memories, strict=True):
            x, kept = block(x, memory[len(memory) - reach :], mask, turns, generator)
            after.append(torch.cat([memory[len(vectors) :], kept[-len(memory) :].to(memory.dtype)]))
            if steps is not None:
                hidden = x.unbind()
                steps.append({"hidden": hidden})
                x = torch.stack(hidden)
        return self.norm(x), (*after, (filled + len(vectors)).clamp(max=self.window - 1))

    def _mask(self, steps: int, reach: int, filled: Tensor) -> Tensor:
        """Where steps may look: not ahead, not further back than the window, and not at empty memory."""
        key = torch.arange(reach + steps, device=filled.device)
        distance = key[reach:, None] - key
        band = (distance >= 0) & (distance < self.window)
        empty = reach - filled[0]
        if not bool(empty.any()):
            return band
        return band & (key >= empty[:, None])[:, None, None]

    def _turns(self, positions: int, device: torch.device) -> tuple[Tensor, Tensor]:
        half = self.width // self.heads // 2
        speed = _BASE ** -(torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(positions, dtype=torch.float64)[:, None] * speed
        return angles.cos().float().to(device), angles.sin().float().to(device)

    def _blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))
