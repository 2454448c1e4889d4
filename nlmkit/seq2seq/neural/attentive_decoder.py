"""Recurrent decoder with attention on the vectors of a source, or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlmkit.layers.backbone import State
from nlmkit.layers.fed_recurrence import FedRecurrence
from nlmkit.layers.recurrent import RecurrentStack
from nlmkit.layers.sequence_attention import SequenceAttention
from nlmkit.seq2seq.neural.module import Memory
from nlmkit.seq2seq.neural.readout import Readout


class Decoded(NamedTuple):
    """Result of reading a sequence.

    Attributes:
        features: [T, B, f].
        state: State after the last step: tensors [1, B, n].
        attention: Weights [B, T, S]; None without attention.
    """

    features: Tensor
    state: State
    attention: Tensor | None


class AttentiveDecoder(nn.Module):
    """Recurrent layers, attention and readout; three orders of computation::

        Luong                    h_t = RNN(x_t, h_{t−1})         c_t = attend(h_t)         f_t = readout(h_t, c_t)
        Luong, input feeding     h_t = RNN([x_t; f_{t−1}], …)    c_t = attend(h_t)         f_t = readout(h_t, c_t)
        Bahdanau                 h_t = RNN([x_t; c_t], …)        c_t = attend(h_{t−1})     f_t = readout(h_t, c_t)

    The first reads whole sequences by the fused kernels, and attends for all steps by one product; so does a decoder
    without attention. The state has, after those of the layers, with input feeding f_{t−1}.

    Args:
        kind: ``lstm`` or ``gru``.
        widths: Width of the words' vectors, then of each layer.
        attention: Attention; None for none.
        outputs: Width m of the vectors of the source.
        readout: Features from the output of the layers and the context.
        input_feeding: Whether features are fed to the next step.
        generator: Source of the initial weights.
        dropout_hidden: Rate of dropout between layers.
        locked: Whether that dropout has one mask for all steps.
    """

    def __init__(  # noqa: PLR0917
        self,
        kind: str,
        widths: Sequence[int],
        attention: SequenceAttention | None,
        outputs: int,
        readout: Readout,
        generator: torch.Generator,
        *,
        input_feeding: bool,
        dropout_hidden: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.attends_before = attention is not None and attention.kind == "bahdanau"
        self.input_feeding = input_feeding
        self.stack: RecurrentStack
        if input_feeding or self.attends_before:
            fed = readout.width if input_feeding else outputs
            self.stack = FedRecurrence(kind, widths, fed, generator, dropout_hidden=dropout_hidden, locked=locked)
        else:
            self.stack = RecurrentStack(kind, widths, generator, dropout_hidden=dropout_hidden, locked=locked)
        self.attention, self.readout = attention, readout

    def initial_state(self, states: Sequence[Tensor]) -> State:
        """Return the state before the first step from those of the layers: [1, B, h] each."""
        if not self.input_feeding:
            return tuple(states)
        return (*states, states[0].new_zeros(1, states[0].shape[1], self.readout.width))

    def forward(self, vectors: Tensor, state: State, memory: Memory, generator: torch.Generator) -> Decoded:
        """Read a sequence.

        Args:
            vectors: Vectors of the words: [T, B, e].
            state: State before the first step.
            memory: The sources.
            generator: Source of masks.
        """
        if isinstance(self.stack, FedRecurrence):
            return self._step_by_step(self.stack, vectors, state, memory, generator)
        # The second argument is for bodies that read ids.
        outputs, state = self.stack(vectors, vectors, state, generator)
        if self.attention is None:
            return Decoded(self.readout(outputs, None), state, None)
        contexts, weights = self._attend(outputs.transpose(0, 1), memory)
        return Decoded(self.readout(outputs, contexts.transpose(0, 1)), state, weights)

    def _step_by_step(
        self, stack: FedRecurrence, vectors: Tensor, state: State, memory: Memory, generator: torch.Generator
    ) -> Decoded:
        states = tuple(part[0] for part in state)
        fed = states[-1]
        if self.input_feeding:
            states = states[:-1]
        hidden = states[-len(stack.layers[-1].cell.states)]  # type: ignore[arg-type, union-attr]
        masks = stack.masks(hidden, len(vectors), generator)
        outputs: list[Tensor] = []
        contexts: list[Tensor] = []
        weights: list[Tensor] = []
        features: list[Tensor] = []
        for driven, mask in zip(stack.driven(vectors), masks, strict=True):
            if self.attends_before:
                fed = self._attend_once(hidden, memory, contexts, weights)
            hidden, states = stack.advance(driven, fed, states, mask)
            outputs.append(hidden)
            if self.input_feeding:
                context = None if self.attention is None else self._attend_once(hidden, memory, contexts, weights)
                fed = self.readout(hidden, context)
                features.append(fed)
        if self.input_feeding:
            states = (*states, fed)
            found = torch.stack(features)
        else:
            found = self.readout(torch.stack(outputs), torch.stack(contexts))
        attention = torch.stack(weights, dim=1) if weights else None
        return Decoded(found, tuple(part.unsqueeze(0) for part in states), attention)

    def _attend_once(self, hidden: Tensor, memory: Memory, contexts: list[Tensor], weights: list[Tensor]) -> Tensor:
        """Attend with one state per row; append the context [B, m] and the weights [B, S], and return the context."""
        context, found = self._attend(hidden.unsqueeze(1), memory)
        contexts.append(context[:, 0])
        weights.append(found[:, 0])
        return contexts[-1]

    def _attend(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        assert self.attention is not None
        assert memory.keys is not None
        assert memory.outputs is not None
        assert memory.is_word is not None
        found: tuple[Tensor, Tensor] = self.attention(queries, memory.keys, memory.outputs, memory.is_word)
        return found
