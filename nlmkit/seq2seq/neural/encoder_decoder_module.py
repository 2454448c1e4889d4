"""Network of the encoder-decoder: recurrent layers read a source, others write the target with attention on it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.masks import Dropout
from nlmkit.layers.recurrent_encoder import RecurrentEncoder
from nlmkit.layers.recurrent_steps import CELLS
from nlmkit.layers.softmax import OutputLayer
from nlmkit.seq2seq.neural.attentive_decoder import AttentiveDecoder, Decoded
from nlmkit.seq2seq.neural.module import ConditionalModule, Memory, Parts, SourceBatch, State, StepOutput


class Bridge(nn.Module):
    """First state of a decoder from a vector: tanh(W v + b), for each state of each layer.

    Args:
        inputs: Width of v.
        hidden: Units h of a layer.
        states: Number of states.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, hidden: int, states: int, generator: torch.Generator) -> None:
        super().__init__()
        self.states = states
        self.weight = nn.Parameter(torch.empty(states * hidden, inputs))
        self.bias = nn.Parameter(torch.zeros(states * hidden))
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(self, vectors: Tensor) -> list[Tensor]:
        """Return the states, [1, B, h] each, from vectors [B, n]."""
        found = torch.tanh(functional.linear(vectors, self.weight, self.bias))
        return [part.unsqueeze(0).contiguous() for part in found.chunk(self.states, dim=1)]


class EncoderDecoderModule(ConditionalModule):
    """Recurrent encoder, bridge, and recurrent decoder with attention::

        source ids ─► vectors ─ encoder ─► outputs [B, S, m] ─ keys of the attention
                                  └ last states ─ bridge ─► first state
        target ids ─► vectors ─ decoder, attending to outputs ─► features [T, B, f] ─ output

    Args:
        source_words: Vectors of source words; the same object as ``words`` if both sides share them.
        words: Vectors of target words.
        encoder: Layers that read the source.
        bridge: First state of the decoder.
        decoder: Layers that write the target.
        output: Output layer.
        generator: Source of masks until another is set.
        dropout_source: Dropout on the vectors of source words.
        dropout_encoder: Dropout on the outputs of the encoder.
        dropout_input: Dropout on the vectors of target words.
        dropout_output: Dropout on the features.
    """

    def __init__(  # noqa: PLR0917
        self,
        source_words: WordVectors,
        words: WordVectors,
        encoder: RecurrentEncoder,
        bridge: Bridge,
        decoder: AttentiveDecoder,
        output: OutputLayer,
        generator: torch.Generator,
        *,
        dropout_source: Dropout,
        dropout_encoder: Dropout,
        dropout_input: Dropout,
        dropout_output: Dropout,
    ) -> None:
        super().__init__(words, output, generator)
        # Shared vectors are registered, counted and saved once.
        self.source_words = None if source_words is words else source_words
        self.encoder, self.bridge, self.decoder = encoder, bridge, decoder
        self.dropout_source, self.dropout_encoder = dropout_source, dropout_encoder
        self.dropout_input, self.dropout_output = dropout_input, dropout_output

    def encode(self, sources: SourceBatch) -> Memory:
        """Return the outputs of the encoder, the keys, and the last states of the encoder's last layer."""
        ids, lengths = sources.ids, sources.lengths
        assert ids is not None
        assert lengths is not None
        words = self.words if self.source_words is None else self.source_words
        vectors = self.dropout_source(words(ids, self.generator), self.generator)
        outputs: Tensor = self.encoder(vectors.transpose(0, 1), lengths, self.generator)
        places = torch.arange(outputs.shape[1], device=outputs.device)
        is_word = places < lengths.unsqueeze(1)
        # The states after the last word of a row, read forward, and after the first, read backward.
        half = self.encoder.layers[-1].hidden
        last = outputs[torch.arange(len(outputs), device=outputs.device), lengths - 1]
        states = last if outputs.shape[2] == half else torch.cat([last[:, :half], outputs[:, 0, half:]], dim=1)
        attention = self.decoder.attention
        if attention is None:
            return Memory(states)
        if self.training and self.dropout_encoder.rate:
            outputs = self.dropout_encoder(outputs.transpose(0, 1), self.generator).transpose(0, 1)
        return Memory(states, outputs, attention.keys(outputs), is_word)

    def initial_state(self, memory: Memory) -> State:
        """Return the state before the first ``</s>``."""
        return self.decoder.initial_state(self.bridge(memory.vectors))

    def forward(self, memory: Memory, ids: Tensor) -> Tensor:
        """Return the features [T, B, f]; see ``ConditionalModule``."""
        return self.decoded(memory, self.initial_state(memory), ids).features

    def step(self, memory: Memory, state: State, ids: Tensor) -> StepOutput:
        """Read one id per row; see ``ConditionalModule``."""
        found = self.decoded(memory, state, ids.unsqueeze(0))
        return StepOutput(found.features[0], found.state, None if found.attention is None else found.attention[:, 0])

    def decoded(self, memory: Memory, state: State, ids: Tensor) -> Decoded:
        """Return features, state and attention of ids [T, B]."""
        vectors = self.dropout_input(self.words(ids, self.generator), self.generator)
        found: Decoded = self.decoder(vectors, state, memory, self.generator)
        return found._replace(features=self.dropout_output(found.features, self.generator))

    @property
    def has_attention(self) -> bool:
        """Whether ``step`` returns attention."""
        return self.decoder.attention is not None

    def parts(self) -> Parts:
        """Return the parts with their trained parameters, from input to output."""
        shared = self.source_words is None
        named: list[tuple[str, nn.Module | None]] = [
            ("words of both sides" if shared else "source words", self.words if shared else self.source_words),
            ("encoder", self.encoder),
            ("bridge", self.bridge),
            ("target words", None if shared else self.words),
            ("decoder", self.decoder.stack),
            ("attention", self.decoder.attention),
            ("readout", self.decoder.readout),
            ("output", self.output),
        ]
        found = [
            (name, [weight for weight in module.parameters() if weight.requires_grad])
            for name, module in named
            if module is not None
        ]
        return [(name, weights) for name, weights in found if weights]


def number_of_states(kind: str, layers: int) -> int:
    """Return the number of states of a stack of layers."""
    return len(CELLS[kind].states) * layers


def stack_widths(embedding: int, hidden: int, layers: int) -> Sequence[int]:
    """Return the widths of a stack: that of its input, then of each layer."""
    return [embedding, *[hidden] * layers]
