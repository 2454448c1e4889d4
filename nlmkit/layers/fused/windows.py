"""Recurrent layers over a whole window, with gradients by hand.

Only U h_{t−1} depends on the step before. So W x_t of all steps is one matrix product, and so is the gradient by each
weight; per step there remain one product each way and the gates, which are one pass over memory as machine code
(``gate_kernels``) where numba is installed and the layer is large enough to be worth compiling.

Matrix products, and what is kept for the way back, are in the chosen type; sums over steps (the LSTM's cell state, the
GRU's hidden state, gradients by both) and the gates' arithmetic are float32.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nlmkit.layers.fused import gates as plain_gates
from nlmkit.layers.fused.products import StepProduct

COMPILED_UNITS: Final = 2048
"""Rows times units of a step from which machine code computes the gates: below, compiling it would not pay."""

_STATES: Final = {"rnn": 1, "lstm": 2, "gru": 1}


def run_window(  # noqa: PLR0917
    kind: str,
    inputs: Tensor,
    state: tuple[Tensor, ...],
    weight_input: Tensor,
    weight_recurrent: Tensor,
    bias: Tensor,
    *,
    dtype: torch.dtype,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrent layer over a window.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``.
        inputs: [T, B, n], T ≥ 1.
        state: States before the first step, [1, B, h] each; the LSTM's are hidden and cell state.
        weight_input: [G·h, n].
        weight_recurrent: [G·h, h].
        bias: [G·h].
        dtype: Type of the matrix products: that of the weights, or bfloat16.

    Returns:
        Outputs [T, B, h] and the states after the last step, in the type of the weights. They can be differentiated
        once, with respect to all tensors.
    """
    found = _Window.apply(kind, dtype, inputs, weight_input, weight_recurrent, bias, *(part[0] for part in state))  # type: ignore[no-untyped-call]
    outputs, *last = found
    return outputs, tuple(part.unsqueeze(0) for part in last)


def is_faster(kind: str, inputs: Tensor, hidden: int) -> bool:
    """Return whether ``run_window`` is faster than torch's kernel on a CPU, in the type of the inputs.

    It is for Elman networks and GRUs with machine code; torch's LSTM is one of oneDNN's operations.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``.
        inputs: [T, B, n].
        hidden: Units h.
    """
    return kind != "lstm" and _code(inputs.shape[1] * hidden, inputs.dtype) is not None


def has_machine_code() -> bool:
    """Return whether gates can be computed by machine code: with numba."""
    return importlib.util.find_spec("numba") is not None


def _code(units: int, dtype: torch.dtype) -> ModuleType | None:
    """Return the machine code for gates of so many rows times units, or None."""
    if units < COMPILED_UNITS or dtype not in (torch.float32, torch.bfloat16):
        return None
    if not has_machine_code():
        return None
    from nlmkit.layers.fused import gate_kernels

    return gate_kernels


def _step(name: str, units: int, dtype: torch.dtype, arrays: list[Tensor]) -> Callable[..., None]:
    """Return a function of gates that takes the step, then further tensors, with ``arrays`` before them."""
    code = _code(units, dtype)
    if code is None:
        function = getattr(plain_gates, name)
        return lambda t, *more: function(t, *arrays, *more)
    kernel, views = getattr(code, name), [memory_of(array) for array in arrays]
    return lambda t, *more: kernel(t, *views, *map(memory_of, more))


def memory_of(tensor: Tensor) -> Any:
    """Return the memory of a tensor as a NumPy array, of int16 for bfloat16."""
    tensor = tensor.detach()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


class _Window(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917  (autograd calls it by position)
        ctx: Any,
        kind: str,
        dtype: torch.dtype,
        inputs: Tensor,
        weight_input: Tensor,
        weight_recurrent: Tensor,
        bias: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        steps, rows, _ = inputs.shape
        units = weight_recurrent.shape[1]
        x = inputs.reshape(steps * rows, -1).to(dtype)
        by_input, by_recurrent = weight_input.to(dtype), weight_recurrent.to(dtype)
        gates = torch.mm(x, by_input.t()).view(steps, rows, -1)
        hidden = x.new_empty(steps + 1, rows, units)
        hidden[0] = state[0]
        wide = bias.new_empty(0 if kind == "rnn" else steps + 1, rows, units)
        if kind != "rnn":
            wide[0] = state[-1]
        fed = torch.empty_like(gates) if kind == "gru" else gates[:0]
        arrays = {"rnn": [gates, bias, hidden], "lstm": [gates, bias, wide, hidden]}.get(
            kind, [gates, fed, bias, wide, hidden]
        )
        step, product = _step(f"{kind}_forward", rows * units, dtype, arrays), StepProduct(by_recurrent, rows, steps)
        for t in range(steps):
            recurrent = product(hidden[t])
            if kind == "gru":
                fed[t] = recurrent
                step(t)
            else:
                step(t, recurrent)
        ctx.save_for_backward(x, by_input, by_recurrent, gates, fed, wide, hidden)
        ctx.kind, ctx.dtypes = kind, (inputs.dtype, bias.dtype)
        if kind == "gru":
            return wide[1:], wide[-1].clone()
        outputs = hidden[1:].to(bias.dtype)
        return outputs, outputs[-1].clone(), *([wide[-1].clone()] if kind == "lstm" else [])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_outputs: Tensor, *by_last: Tensor) -> tuple[Tensor | None, ...]:
        kind: str = ctx.kind
        x, by_input, by_recurrent, gates, fed, wide, hidden = ctx.saved_tensors
        steps, rows, width = gates.shape
        of_inputs, of_weights = ctx.dtypes
        wanted = ctx.needs_input_grad[2:]
        by_outputs = by_outputs.contiguous()
        by_bias = by_outputs.new_zeros(width)
        by_hidden = by_last[0].to(x.dtype, copy=True, memory_format=torch.contiguous_format)
        by_wide = by_last[-1].clone(memory_format=torch.contiguous_format)
        if kind == "gru":
            by_hidden.zero_()
        arrays = {
            "rnn": [gates, hidden, by_outputs, by_bias],
            "lstm": [gates, wide, by_outputs, by_wide, by_bias],
        }.get(kind, [gates, fed, wide, by_outputs, by_wide, by_bias])
        step = _step(f"{kind}_backward", rows * hidden.shape[2], x.dtype, arrays)
        product = StepProduct(by_recurrent.t().contiguous(), rows, steps)
        by_sums = fed if kind == "gru" else gates
        for t in reversed(range(steps)):
            step(t, by_hidden)
            if t or any(wanted[4:]):
                by_hidden = product(by_sums[t])
        torch.autograd.graph.increment_version([gates, fed])  # replaced by gradients: no second way back
        by_driven, by_fed = gates.view(-1, width), by_sums.view(-1, width)
        by_hidden = by_hidden.to(of_weights)
        by_states = [by_hidden + by_wide] if kind == "gru" else [by_hidden, by_wide][: _STATES[kind]]
        return (
            None,
            None,
            torch.mm(by_driven, by_input).view(steps, rows, -1).to(of_inputs) if wanted[0] else None,
            torch.mm(by_driven.t(), x).to(of_weights) if wanted[1] else None,
            torch.mm(by_fed.t(), hidden[:-1].view(steps * rows, -1)).to(of_weights) if wanted[2] else None,
            by_bias if wanted[3] else None,
            *by_states,
        )
