"""Gates of recurrent layers: what lies between two matrix products, for one step of all rows, in place.

Arrays are those of a window of T steps and B rows, in a layer with h units and G gates; see
``nlmkit.layers.recurrent_steps`` for the equations.

- gates: [T, B, G·h]. Before the step W x_t, after it the gates' values; after the step back the gradient by the sum of
  which the gate is a function.
- recurrent: U h_{t−1}: [B, G·h], for the GRU [T, B, G·h].
- bias: [G·h].
- hidden: States that enter matrix products: [T + 1, B, h], from that before the first step on.
- cells, states: The LSTM's cell state, the GRU's hidden state, wide: the same shape.
- by_outputs: Gradient by the layer's outputs, wide: [T, B, h].
- by_hidden: Gradient by h_t through the product of the step after: [B, h].
- by_cell, by_state: The same through the state, wide, replaced by that of h_{t−1} or c_{t−1}: [B, h].
- by_bias: Gradient by the bias, added to: [G·h].

Wide tensors and the bias are float32, or float64 where all are; the others may be bfloat16, which is computed with in
float32. ``gate_kernels`` has the same functions as machine code.
"""

# ruff: noqa: PLR0917  (functions of arrays, called by position)

from __future__ import annotations

import torch
from torch import Tensor


def lstm_forward(t: int, gates: Tensor, bias: Tensor, cells: Tensor, hidden: Tensor, recurrent: Tensor) -> None:
    """Step of an LSTM."""
    i, f, g, o = (gates[t] + recurrent.to(bias.dtype) + bias).chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    torch.addcmul(f * cells[t], i, g, out=cells[t + 1])
    hidden[t + 1] = o * cells[t + 1].tanh()
    gates[t] = torch.cat([i, f, g, o], dim=1)


def lstm_backward(
    t: int, gates: Tensor, cells: Tensor, by_outputs: Tensor, by_cell: Tensor, by_bias: Tensor, by_hidden: Tensor
) -> None:
    """Step of an LSTM back."""
    i, f, g, o = gates[t].to(by_cell.dtype).chunk(4, dim=1)
    bent = cells[t + 1].tanh()
    by_h = by_outputs[t] + by_hidden
    by_cell.add_(by_h * o * (1 - bent * bent))
    found = torch.cat(
        [
            by_cell * g * i * (1 - i),
            by_cell * cells[t] * f * (1 - f),
            by_cell * i * (1 - g * g),
            by_h * bent * o * (1 - o),
        ],
        dim=1,
    )
    by_cell.mul_(f)
    gates[t] = found
    by_bias.add_(found.sum(dim=0))


def gru_forward(t: int, gates: Tensor, recurrent: Tensor, bias: Tensor, states: Tensor, hidden: Tensor) -> None:
    """Step of a GRU."""
    r, z, n = (gates[t] + bias).chunk(3, dim=1)
    to_r, to_z, to_n = recurrent[t].chunk(3, dim=1)
    r, z = (r + to_r).sigmoid(), (z + to_z).sigmoid()
    n = (n + r * to_n).tanh()
    states[t + 1] = torch.lerp(n, states[t], z)
    hidden[t + 1] = states[t + 1]
    gates[t] = torch.cat([r, z, n], dim=1)


def gru_backward(
    t: int,
    gates: Tensor,
    recurrent: Tensor,
    states: Tensor,
    by_outputs: Tensor,
    by_state: Tensor,
    by_bias: Tensor,
    by_hidden: Tensor,
) -> None:
    """Step of a GRU back; ``recurrent`` is replaced by the gradient by it."""
    r, z, n = gates[t].to(by_state.dtype).chunk(3, dim=1)
    to_n = recurrent[t].chunk(3, dim=1)[2]
    by_h = by_outputs[t] + by_hidden + by_state
    torch.mul(by_h, z, out=by_state)
    by_z = by_h * (states[t] - n) * z * (1 - z)
    by_n = by_h * (1 - z) * (1 - n * n)
    by_r = by_n * to_n * r * (1 - r)
    recurrent[t] = torch.cat([by_r, by_z, by_n * r], dim=1)
    found = torch.cat([by_r, by_z, by_n], dim=1)
    gates[t] = found
    by_bias.add_(found.sum(dim=0))


def rnn_forward(t: int, gates: Tensor, bias: Tensor, hidden: Tensor, recurrent: Tensor) -> None:
    """Step of an Elman network."""
    hidden[t + 1] = (gates[t] + recurrent.to(bias.dtype) + bias).tanh()


def rnn_backward(t: int, gates: Tensor, hidden: Tensor, by_outputs: Tensor, by_bias: Tensor, by_hidden: Tensor) -> None:
    """Step of an Elman network back."""
    state = hidden[t + 1].to(by_outputs.dtype)
    found = (by_outputs[t] + by_hidden) * (1 - state * state)
    gates[t] = found
    by_bias.add_(found.sum(dim=0))
