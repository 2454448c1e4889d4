"""Network of the vector-decoder: recurrent layers that are told a vector write the target."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.masks import Dropout
from nlmkit.layers.semantic_lstm import reading_losses
from nlmkit.layers.softmax import OutputLayer
from nlmkit.seq2seq.neural.module import ConditionalModule, Memory, Parts, SourceBatch, State, StepOutput
from nlmkit.seq2seq.neural.readout import Readout
from nlmkit.seq2seq.neural.vector_input import VectorInput
from nlmkit.seq2seq.neural.vector_layers import SemanticLayers, VectorLayers


class ReadingWeights(NamedTuple):
    """Weights of the terms of ``reading_losses``, per target.

    Attributes:
        unread: Weight of ‖d_T‖.
        eta: Weight η of Σ_t ξ^‖d_t − d_{t−1}‖.
        xi: Base ξ.
    """

    unread: float
    eta: float
    xi: float


class VectorModule(ConditionalModule):
    """Vector, word vectors, recurrent layers, readout, output layer::

        vector [B, d] ─ inputs ─► v [B, s] ─ layers.initial_state ─► first state
        ids [T, B] ─ words ─ dropout ─ layers, told v ─ readout ─ dropout ─► features [T, B, f] ─ output

    Args:
        inputs: Scaling, dropout and projection of the vector.
        words: Vectors of target words.
        layers: Recurrent layers.
        readout: Features from their outputs.
        output: Output layer.
        generator: Source of masks until another is set.
        dropout_input: Dropout on the vectors of words.
        dropout_output: Dropout on the features.
        reading: Weights of what is added to the loss with ``SemanticLayers``; None for nothing.
    """

    def __init__(
        self,
        inputs: VectorInput,
        words: WordVectors,
        layers: VectorLayers,
        readout: Readout,
        output: OutputLayer,
        *,
        generator: torch.Generator,
        dropout_input: Dropout,
        dropout_output: Dropout,
        reading: ReadingWeights | None,
    ) -> None:
        super().__init__(words, output, generator)
        self.inputs, self.layers, self.readout = inputs, layers, readout
        self.dropout_input, self.dropout_output = dropout_input, dropout_output
        self.reading = reading

    def encode(self, sources: SourceBatch) -> Memory:
        """Return the vectors as the layers are told them: [B, s]."""
        assert sources.vectors is not None
        return Memory(self.inputs(sources.vectors, self.generator))

    def initial_state(self, memory: Memory) -> State:
        """Return the state before the first ``</s>``."""
        return self.layers.initial_state(memory.vectors)

    def forward(self, memory: Memory, ids: Tensor) -> Tensor:
        """Return the features [T, B, f]; see ``ConditionalModule``."""
        outputs, _ = self.layers(self._words(ids), memory.vectors, self.initial_state(memory), self.generator)
        return self._features(outputs)

    def step(self, memory: Memory, state: State, ids: Tensor) -> StepOutput:
        """Read one id per row; see ``ConditionalModule``."""
        outputs, state = self.layers(self._words(ids.unsqueeze(0)), memory.vectors, state, self.generator)
        return StepOutput(self._features(outputs)[0], state, None)

    def training_features(self, memory: Memory, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the features, and the terms of ``reading_losses`` per event, where they have weights."""
        if self.reading is None or not isinstance(self.layers, SemanticLayers):
            return self(memory, ids), None
        outputs, left, _ = self.layers.read(self._words(ids), self.initial_state(memory), self.generator)
        unread, changes = reading_losses(memory.vectors, left, lengths, self.reading.xi)
        penalty = (self.reading.unread * unread + self.reading.eta * changes).sum() / lengths.sum()
        return self._features(outputs), penalty

    def parts(self) -> Parts:
        """Return the parts with their trained parameters, from input to output."""
        named: Parts = [
            ("projection", list(self.inputs.parameters())),
            ("target words", list(self.words.parameters())),
            *self.layers.parts(),
            ("readout", list(self.readout.parameters())),
            ("output", list(self.output.parameters())),
        ]
        trained = [(name, [weight for weight in weights if weight.requires_grad]) for name, weights in named]
        return [(name, weights) for name, weights in trained if weights]

    def _words(self, ids: Tensor) -> Tensor:
        return self.dropout_input(self.words(ids, self.generator), self.generator)  # type: ignore[no-any-return]

    def _features(self, outputs: Tensor) -> Tensor:
        return self.dropout_output(self.readout(outputs, None), self.generator)  # type: ignore[no-any-return]
