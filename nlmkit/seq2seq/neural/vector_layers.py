"""Recurrent layers that are told a vector: at the start, at each step, or through a reading gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn

from nlmkit.layers.recurrent import RecurrentStack
from nlmkit.layers.semantic_lstm import SemanticLSTM, SemanticState
from nlmkit.seq2seq.neural.encoder_decoder_module import Bridge, number_of_states
from nlmkit.seq2seq.neural.module import Parts, State

_ONE_LAYER: Final = 2
"""Number of widths of one layer: those of its input and its output."""


class VectorLayers(nn.Module):
    """Base class of recurrent layers between the vectors of words and the features.

    Attributes:
        width: Width h of the outputs.
    """

    width: int

    def initial_state(self, vectors: Tensor) -> State:
        """Return the state before the first word from the condition's vectors [B, s]: tensors [1, B, n]."""
        raise NotImplementedError

    def forward(self, words: Tensor, vectors: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        """Read words.

        Args:
            words: Vectors of the words: [T, B, e].
            vectors: The condition's vectors: [B, s].
            state: State before the first word.
            generator: Source of masks.

        Returns:
            The outputs [T, B, h] and the state after the last word.
        """
        raise NotImplementedError

    def parts(self) -> Parts:
        """Return the parts with their parameters."""
        return [("decoder", list(self.parameters()))]


class StartedLayers(VectorLayers):
    """Layers whose first state is computed from the vector: tanh(W v + b), for each state of each layer.

    Args:
        stack: The layers.
        bridge: Their first state.
    """

    def __init__(self, stack: RecurrentStack, bridge: Bridge) -> None:
        super().__init__()
        self.stack, self.bridge, self.width = stack, bridge, stack.width

    def initial_state(self, vectors: Tensor) -> State:
        """Return the bridge's states."""
        return tuple(self.bridge(vectors))

    def forward(self, words: Tensor, vectors: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        """Read words; see ``VectorLayers``."""
        return cast("tuple[Tensor, State]", self.stack(words, words, state, generator))

    def parts(self) -> Parts:
        """Return the bridge and the layers."""
        return [("bridge", list(self.bridge.parameters())), ("decoder", list(self.stack.parameters()))]


class FedLayers(VectorLayers):
    """Layers that read the vector beside each word's: [x_t; v]. Their first state is zero.

    Args:
        stack: The layers; their input is as wide as both vectors together.
    """

    def __init__(self, stack: RecurrentStack) -> None:
        super().__init__()
        self.stack, self.width = stack, stack.width

    def initial_state(self, vectors: Tensor) -> State:
        """Return zeros."""
        return self.stack.initial_state(len(vectors))

    def forward(self, words: Tensor, vectors: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        """Read words; see ``VectorLayers``."""
        both = torch.cat([words, vectors.expand(len(words), -1, -1)], dim=2)
        return cast("tuple[Tensor, State]", self.stack(both, both, state, generator))


class SemanticLayers(VectorLayers):
    """An SC-LSTM layer, whose gate reads the vector word by word, and perhaps further LSTM layers above it.

    Args:
        semantic: The first layer.
        above: The further layers; None for none.
    """

    def __init__(self, semantic: SemanticLSTM, above: RecurrentStack | None) -> None:
        super().__init__()
        self.semantic, self.above, self.width = semantic, above, semantic.hidden

    def initial_state(self, vectors: Tensor) -> State:
        """Return zeros, and the vectors as what is left of them."""
        own = tuple(part.unsqueeze(0) for part in self.semantic.initial_state(vectors))
        return own if self.above is None else (*own, *self.above.initial_state(len(vectors)))

    def forward(self, words: Tensor, vectors: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, State]:
        """Read words; see ``VectorLayers``."""
        outputs, _, after = self.read(words, state, generator)
        return outputs, after

    def read(self, words: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, Tensor, State]:
        """Read words; return also what is left of the vectors after each of them: [T, B, s]."""
        own = SemanticState(*(part[0] for part in state[:3]))
        outputs, left, after = self.semantic(words, own)
        states: State = tuple(part.unsqueeze(0) for part in after)
        if self.above is not None:
            below = self.above.dropout_hidden(outputs, generator)
            outputs, rest = self.above(below, below, state[3:], generator)
            states = (*states, *rest)
        return outputs, left, states


def told_layers(
    condition: str,
    kind: str,
    widths: Sequence[int],
    vector: int,
    generator: torch.Generator,
    *,
    dropout_hidden: float,
    locked: bool,
) -> VectorLayers:
    """Build layers with initial weights.

    Args:
        condition: How they are told the vector: ``initial``, ``every-step`` or ``sc-gate``.
        kind: ``lstm`` or ``gru``; ``sc-gate`` is an LSTM.
        widths: Width of the words' vectors, then of each layer.
        vector: Width s of the vector.
        generator: Source of the initial weights.
        dropout_hidden: Rate of dropout between layers.
        locked: Whether that dropout has one mask for all steps.
    """

    def stack(of_stack: Sequence[int]) -> RecurrentStack:
        return RecurrentStack(kind, of_stack, generator, dropout_hidden=dropout_hidden, locked=locked)

    if condition == "initial":
        started, states = stack(widths), number_of_states(kind, len(widths) - 1)
        return StartedLayers(started, Bridge(vector, widths[-1], states, generator))
    if condition == "every-step":
        return FedLayers(stack([widths[0] + vector, *widths[1:]]))
    semantic = SemanticLSTM(widths[0], widths[1], vector, generator)
    above = stack(widths[1:]) if len(widths) > _ONE_LAYER else None
    return SemanticLayers(semantic, above)
