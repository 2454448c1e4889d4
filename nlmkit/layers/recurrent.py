"""Stacked recurrent layers: Elman network, LSTM and GRU, on torch's fused kernels where the options allow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from nlmkit.layers.backbone import Body, State
from nlmkit.layers.fused.windows import has_machine_code, is_faster, run_window
from nlmkit.layers.masks import Dropout, WeightDrop, Zoneout, keep_mask
from nlmkit.layers.recurrent_steps import CELLS, Steps, Weights, run_steps

WIDE, WIDE_IN_TORCH = 256, 768
"""Units of a layer from which bfloat16 is faster than float32: with gates as machine code, and without numba."""


class RecurrentLayer(nn.Module):
    """One recurrent layer; see ``nlmkit.layers.recurrent_steps`` for the equations.

    Parameters are ``weight_input`` [G·h, n], ``weight_recurrent`` [G·h, h] and one ``bias`` [G·h]: torch's kernels take
    two bias vectors, of which the second is a constant zero here. Each gate's initial input weights are Glorot-uniform
    (Glorot & Bengio 2010), its recurrent weights orthogonal (Saxe et al. 2014), biases zero except the LSTM's forget
    gate.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``.
        inputs: Width n of the input.
        hidden: Units h.
        generator: Source of the initial weights.
        layer_norm: Normalise only the output that goes to the layer above: the state is not
            normalised, and neither are the sums before the nonlinearities, as in Ba et al. 2016.
        weight_drop: Rate of DropConnect on the recurrent weights.
        dropout_recurrent: Rate of dropout on the hidden state from step to step.
        zoneout: Rate of zoneout.
        forget_bias: Initial bias of the LSTM's forget gate.

    Attributes:
        trains_in_bfloat16: Whether training on a CPU computes matrix products in bfloat16; see ``nlmkit.layers.fused``.
    """

    def __init__(
        self,
        kind: str,
        inputs: int,
        hidden: int,
        generator: torch.Generator,
        *,
        layer_norm: bool = False,
        weight_drop: float = 0.0,
        dropout_recurrent: float = 0.0,
        zoneout: float = 0.0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.kind, self.cell = kind, CELLS[kind]
        self.inputs, self.hidden = inputs, hidden
        gates = len(self.cell.gates)
        self.weight_input = nn.Parameter(torch.empty(gates * hidden, inputs))
        self.weight_recurrent = nn.Parameter(torch.empty(gates * hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(gates * hidden))
        self.stacked = {"weight_input": gates, "weight_recurrent": gates}
        self.register_buffer("second_bias", torch.zeros(gates * hidden), persistent=False)
        self.norm = nn.LayerNorm(hidden) if layer_norm else None
        self.weight_drop = WeightDrop(weight_drop)
        self.dropout_recurrent = dropout_recurrent
        self.zoneout = Zoneout(zoneout) if zoneout else None
        for gate in self.weight_input.data.chunk(gates):
            nn.init.xavier_uniform_(gate, generator=generator)
        for gate in self.weight_recurrent.data.chunk(gates):
            nn.init.orthogonal_(gate, generator=generator)
        if "forget" in self.cell.gates:
            self.bias.data.chunk(gates)[self.cell.gates.index("forget")].fill_(forget_bias)

    second_bias: Tensor
    trains_in_bfloat16 = False

    @property
    def gains_from_bfloat16(self) -> bool:
        """Whether the layer is wide enough to be faster in bfloat16, and trains over windows."""
        by_steps = self.zoneout is not None or self.dropout_recurrent
        return not by_steps and self.hidden >= (WIDE if has_machine_code() else WIDE_IN_TORCH)

    @property
    def fused(self) -> bool:
        """Whether the next call can use the fused kernel."""
        return self.zoneout is None and not (self.training and self.dropout_recurrent)

    def forward(self, inputs: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        """Return the outputs [T, B, h] and the state after the last step.

        Args:
            inputs: [T, B, n].
            state: [1, B, h] each; the LSTM's are hidden and cell state.
            generator: Source of the masks.
        """
        if self.fused and self._trains_by_windows(inputs):
            weights = self.weight_input, self.weight_drop(self.weight_recurrent, generator), self.bias
            dtype = torch.bfloat16 if self.trains_in_bfloat16 else self.bias.dtype
            outputs, state = run_window(self.kind, inputs, state, *weights, dtype=dtype)
        elif self.fused:
            outputs, state = self._run_fused(inputs, state, generator)
        else:
            outputs, state, _ = self.run_steps(inputs, state, generator)
        return (outputs if self.norm is None else self.norm(outputs)), state

    def _trains_by_windows(self, inputs: Tensor) -> bool:
        """Return whether the next call uses ``run_window``: in float32, where it is faster than torch's kernel."""
        if not (self.training and inputs.device.type == "cpu"):
            return False
        return self.trains_in_bfloat16 or (torch.is_grad_enabled() and is_faster(self.kind, inputs, self.hidden))

    def trace(self, inputs: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State, Steps]:
        """Like ``forward``, step by step, but also return the gates and states of each step, in the graph."""
        outputs, state, steps = self.run_steps(inputs, state, generator)
        return (outputs if self.norm is None else self.norm(outputs)), state, steps

    def run_steps(self, inputs: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State, Steps]:
        """Run the plain loop; its outputs are not normalised yet."""
        mask = None
        if self.training and self.dropout_recurrent:
            mask = keep_mask(state[0].shape[1:], self.dropout_recurrent, generator, inputs)
        weights = Weights(self.weight_input, self.weight_drop(self.weight_recurrent, generator), self.bias)
        steps = run_steps(
            self.cell,
            inputs,
            tuple(part[0] for part in state),
            weights,
            recurrent_mask=mask,
            zoneout=self.zoneout,
            generator=generator,
        )
        last = tuple(steps[name][-1].unsqueeze(0) for name in self.cell.states)
        return torch.stack(steps["hidden"]), last, steps

    def _run_fused(self, inputs: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        weights = [
            self.weight_input,
            self.weight_drop(self.weight_recurrent, generator),
            self.bias,
            self.second_bias,
        ]
        if inputs.is_cuda:
            weights = _in_one_block(weights)
        # `train` only tells cuDNN that a backward pass may follow; the kernel's own dropout is off.
        options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
        if self.kind == "lstm":
            outputs, hidden, cell = torch.lstm(inputs, state, weights, *options)
            return outputs, (hidden, cell)
        kernel = torch.gru if self.kind == "gru" else torch.rnn_tanh
        outputs, hidden = kernel(inputs, state[0], weights, *options)
        return outputs, (hidden,)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.kind}, {self.inputs}, {self.hidden}"


def _in_one_block(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the same weights contiguous in memory, as cuDNN requires; otherwise it copies them, with a warning."""
    block = torch.cat([weight.reshape(-1) for weight in weights])
    parts = torch.split(block, [weight.numel() for weight in weights])
    return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]


class RecurrentStack(Body):
    """Stacked recurrent layers with dropout between them.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``.
        widths: Width of the input, then of each layer.
        generator: Source of the initial weights.
        dropout_hidden: Rate of dropout between layers.
        locked: Use the same mask of that dropout at all steps.
        layer_norm: Normalise each layer's output; see ``RecurrentLayer``.
        weight_drop: Rate of DropConnect on each layer's recurrent weights.
        dropout_recurrent: Rate of dropout on each layer's hidden state from step to step.
        zoneout: Rate of zoneout in each layer.
        forget_bias: Initial bias of the LSTM's forget gates.
    """

    def __init__(
        self,
        kind: str,
        widths: Sequence[int],
        generator: torch.Generator,
        *,
        dropout_hidden: float = 0.0,
        locked: bool = True,
        layer_norm: bool = False,
        weight_drop: float = 0.0,
        dropout_recurrent: float = 0.0,
        zoneout: float = 0.0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.kind, self.width = kind, widths[-1]
        self.layers = nn.ModuleList(
            RecurrentLayer(
                kind,
                below,
                width,
                generator,
                layer_norm=layer_norm,
                weight_drop=weight_drop,
                dropout_recurrent=dropout_recurrent,
                zoneout=zoneout,
                forget_bias=forget_bias,
            )
            for below, width in itertools.pairwise(widths)
        )
        self.dropout_hidden = Dropout(dropout_hidden, locked=locked)

    def initial_state(self, batch: int) -> State:
        """Return zeros: for each layer its states, [1, B, h] each (LSTM: hidden, cell)."""
        return tuple(
            layer.weight_recurrent.new_zeros(1, batch, layer.hidden)
            for layer in self._layers()
            for _ in layer.cell.states
        )

    def context(self, ids: Tensor, state: State) -> Tensor:
        """Return the ids whose vectors ``forward`` needs: those read now."""
        return ids

    def forward(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State]:
        """Return the outputs of the last layer [T, B, h] and the state after the last step.

        Args:
            vectors: Word vectors [T, B, e].
            context: Their ids; unused here.
            state: State in the form of ``initial_state``.
            generator: Source of the masks.
        """
        return self._run(vectors, state, generator, None)

    def trace(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State, tuple[Steps, ...]]:
        """Like ``forward``, but also return each layer's gates and states at each step, in the graph."""
        steps: list[Steps] = []
        outputs, state = self._run(vectors, state, generator, steps)
        return outputs, state, tuple(steps)

    def parameter_counts(self) -> dict[str, int]:
        """Return the parameters of each layer: ``lstm 1``, ``lstm 2`` and so on."""
        return {
            f"{self.kind} {number}": sum(weight.numel() for weight in layer.parameters())
            for number, layer in enumerate(self.layers, start=1)
        }

    def _run(
        self, vectors: Tensor, state: State, generator: torch.Generator, steps: list[Steps] | None
    ) -> tuple[Tensor, State]:
        """Run layer by layer; append the steps of each to ``steps``, unless None."""
        states: list[Tensor] = []
        for layer, part in zip(self._layers(), self._by_layer(state), strict=True):
            below = vectors if layer is self.layers[0] else self.dropout_hidden(vectors, generator)
            if steps is None:
                vectors, after = layer(below, part, generator)
            else:
                vectors, after, found = layer.trace(below, part, generator)
                steps.append(found)
            states += after
        return vectors, tuple(states)

    def _layers(self) -> list[RecurrentLayer]:
        return cast("list[RecurrentLayer]", list(self.layers))

    def _by_layer(self, state: State) -> list[State]:
        each = len(CELLS[self.kind].states)
        return [state[begin : begin + each] for begin in range(0, len(state), each)]
