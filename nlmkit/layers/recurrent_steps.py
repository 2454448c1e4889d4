"""Recurrent cells step by step: with access to every step, and the reference for the fused kernels.

With x_t the layer's input and h_t its hidden state, W the input weights, U the recurrent weights and b one bias vector
per gate (torch's kernels have two, of which the second is zero here); σ is the logistic function, ∘ multiplies entry by
entry. Gates are stacked along the first dimension of W, U and b in the order in which they are listed.

- ``rnn`` (Elman 1990; Mikolov et al. 2010): h_t = tanh(W x_t + U h_{t−1} + b)
- ``lstm`` (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000):
  input i_t, forget f_t, candidate g_t and output gate o_t

      i_t, f_t, o_t = σ(W x_t + U h_{t−1} + b)    each with its own weights
      g_t = tanh(W x_t + U h_{t−1} + b)
      c_t = f_t ∘ c_{t−1} + i_t ∘ g_t
      h_t = o_t ∘ tanh(c_t)

- ``gru`` (Cho et al. 2014), reset r_t, update z_t and candidate n_t, with the reset gate applied after the matrix
  product as in cuDNN:

      r_t, z_t = σ(W x_t + U h_{t−1} + b)    each with its own weights
      n_t = tanh(W x_t + b + r_t ∘ (U h_{t−1}))
      h_t = (1 − z_t) ∘ n_t + z_t ∘ h_{t−1}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nlmkit.layers.masks import Zoneout

Steps = dict[str, tuple[Tensor, ...]]
"""Gates and states by name, one tensor [B, h] per step."""


class Weights(NamedTuple):
    """Weights of one layer: input [G·h, n], recurrent [G·h, h], bias [G·h]; G gates of h units, n inputs."""

    input: Tensor
    recurrent: Tensor
    bias: Tensor


class Cell(NamedTuple):
    """Type of recurrent layer.

    Attributes:
        gates: Names of the gates, in the order of their weights.
        states: Names of the states, the output first.
        step: Function from W x_t + b [B, G·h], U h_{t−1} [B, G·h] and the last states to gates and new states [B, h].
    """

    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Callable[[Tensor, Tensor, tuple[Tensor, ...]], dict[str, Tensor]]


def _rnn(driven: Tensor, recurrent: Tensor, last: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return {"hidden": torch.tanh(driven + recurrent)}


def _lstm(driven: Tensor, recurrent: Tensor, last: tuple[Tensor, ...]) -> dict[str, Tensor]:
    i, f, g, o = (driven + recurrent).chunk(4, dim=1)
    gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "candidate": g.tanh(), "output": o.sigmoid()}
    cell = gates["forget"] * last[1] + gates["input"] * gates["candidate"]
    return {**gates, "cell": cell, "hidden": gates["output"] * cell.tanh()}


def _gru(driven: Tensor, recurrent: Tensor, last: tuple[Tensor, ...]) -> dict[str, Tensor]:
    r, z, n = driven.chunk(3, dim=1)
    to_r, to_z, to_n = recurrent.chunk(3, dim=1)
    gates = {"reset": (r + to_r).sigmoid(), "update": (z + to_z).sigmoid()}
    gates["candidate"] = (n + gates["reset"] * to_n).tanh()
    return {**gates, "hidden": torch.lerp(gates["candidate"], last[0].to(driven.dtype), gates["update"])}


CELLS = {
    "rnn": Cell(("hidden",), ("hidden",), _rnn),
    "lstm": Cell(("input", "forget", "candidate", "output"), ("hidden", "cell"), _lstm),
    "gru": Cell(("reset", "update", "candidate"), ("hidden",), _gru),
}


def run_steps(
    cell: Cell,
    inputs: Tensor,
    state: tuple[Tensor, ...],
    weights: Weights,
    *,
    recurrent_mask: Tensor | None = None,
    zoneout: Zoneout | None = None,
    generator: torch.Generator | None = None,
) -> Steps:
    """Run a layer over a sequence.

    Args:
        cell: Definition of a step.
        inputs: [T, B, n].
        state: States before the first step, in the order of ``cell.states``: [B, h] each.
        weights: Weights of the layer.
        recurrent_mask: Factors [B, h] on h_{t−1} where it enters U h_{t−1}, the same at each step (Gal & Ghahramani
            2016); the state itself is not masked.
        zoneout: Zoneout of the states. The LSTM's hidden state is computed from the new cell state before
            zoneout, as in the paper.
        generator: Source of zoneout's randomness, needed in training.

    Returns:
        Gates and states by name; the last entries of ``cell.states`` are the state after the last step.
    """
    driven = functional.linear(inputs, weights.input, weights.bias)
    kept: list[Tensor | None] = [None] * len(state)
    if zoneout is not None and generator is not None:
        kept = [zoneout.masks(len(inputs), part, generator) for part in state]
    steps: dict[str, list[Tensor]] = {}
    for t in range(len(inputs)):
        hidden = state[0] if recurrent_mask is None else state[0] * recurrent_mask
        found = cell.step(driven[t], functional.linear(hidden, weights.recurrent), state)
        if zoneout is not None:
            for name, last, masks in zip(cell.states, state, kept, strict=True):
                found[name] = zoneout(last, found[name], None if masks is None else masks[t])
        state = tuple(found[name] for name in cell.states)
        for name, value in found.items():
            steps.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in steps.items()}
