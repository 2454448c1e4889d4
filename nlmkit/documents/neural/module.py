"""Network of the neural models of texts: word vectors, document encoder, and a last linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.documents.neural.batching import Batch
from nlmkit.layers.batch_norm import BatchNorm
from nlmkit.layers.masks import Dropout
from nlmkit.layers.recurrent import RecurrentLayer
from nlmkit.layers.word_input import WordInput

_FLOATS_PER_INPUT: Final = 4
_FLOATS_PER_UNIT: Final = 16
"""Activations kept per word and component of its vector, and per recurrent unit, as measured."""

Parts = list[tuple[str, list[nn.Parameter]]]
"""Parts of a network with their parameters, from input to output."""


class DocumentEncoder(nn.Module):
    """Base class of the layers between the input layer and the last layer.

    Attributes:
        width: Width F of the features.
    """

    width: int

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features of each document [B, F].

        Args:
            words: Input layer; returns the vectors of the batch's words, zero for padding: [R, T, n], or per group.
            batch: The batch.
            generator: Source of masks.
        """
        raise NotImplementedError

    @property
    def floats_per_word(self) -> int:
        """Return the approximate number of activations kept per word of a batch, for the gradient."""
        return _FLOATS_PER_UNIT * sum(layer.hidden for layer in self.modules() if isinstance(layer, RecurrentLayer))

    def parts(self) -> Parts:
        """Return the parts to unfreeze one after another, lowest first; one unless overridden."""
        return [("encoder", list(self.parameters()))]

    def head(self) -> Parts:
        """Return the new layers above ``parts``, which are always trained together with the last layer, at its rate."""
        return []


class TextModule(nn.Module):
    """Word vectors, encoder, dropout, last layer::

        ids [R, T] ─ words ─► vectors [R, T, n] ─ encoder ─► features [B, F] ─ dropout ─ output ─► [B, O]

    Args:
        words: The input layer.
        encoder: Encoder from vectors to features.
        outputs: Number of outputs O: one per class, or one for a number.
        generator: Source of the initial weights, and of masks until another is set.
        dropout: Rate of dropout before the last layer.
        zero_output: Initialize the last layer with zeros, as in Kim's code, instead of Glorot-uniform.
    """

    def __init__(
        self,
        words: WordInput,
        encoder: DocumentEncoder,
        outputs: int,
        generator: torch.Generator,
        *,
        dropout: float,
        zero_output: bool = False,
    ) -> None:
        super().__init__()
        self.words, self.encoder, self.outputs = words, encoder, outputs
        self.dropout = Dropout(dropout, locked=False)
        self.weight = nn.Parameter(torch.zeros(outputs, encoder.width))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if not zero_output:
            nn.init.xavier_uniform_(self.weight, generator=generator)
        self.generator = generator

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.bias.device

    def forward(self, batch: Batch) -> Tensor:
        """Return the outputs [B, O] of a batch; for a classifier these are logits."""
        features = self.features(batch)
        return functional.linear(self.dropout(features, self.generator), self.weight, self.bias)

    def features(self, batch: Batch) -> Tensor:
        """Return the input of the last layer: [B, F]."""
        return cast("Tensor", self.encoder(self.words, batch, self.generator))

    @property
    def floats_per_word(self) -> int:
        """Return the approximate number of activations kept per word of a batch, or padding, for the gradient."""
        return _FLOATS_PER_INPUT * self.words.width + self.encoder.floats_per_word

    def statistics(self) -> list[Tensor]:
        """Return the running statistics of batch normalization, which are averaged together with the weights."""
        return [found for layer in self.modules() if isinstance(layer, BatchNorm) for found in layer.statistics()]

    def parts(self) -> Parts:
        """Return the trained parts from input to output, which are unfrozen, or have a learning rate, one by one."""
        return [*self._below(), ("output", [*weights_of(self.encoder.head()), self.weight, self.bias])]

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of parameters of each part by name, frozen word vectors included."""
        layers = [*self._below(), *self.encoder.head(), ("output", [self.weight, self.bias])]
        counts = {name: sum(weight.numel() for weight in parameters) for name, parameters in layers}
        if self.words.frozen is not None:
            counts = {"words (frozen)": self.words.frozen.numel(), **counts}
        return counts

    def _below(self) -> Parts:
        below = [("words", list(self.words.parameters())), *self.encoder.parts()]
        return [(name, parameters) for name, parameters in below if parameters]


def train_only(parts: Parts, count: int) -> None:
    """Enable gradients for the last ``count`` parts only."""
    for number, (_, parameters) in enumerate(parts):
        for parameter in parameters:
            parameter.requires_grad_(number >= len(parts) - count)


def weights_of(parts: Sequence[tuple[str, Sequence[nn.Parameter]]]) -> list[nn.Parameter]:
    """Return all parameters of the parts."""
    return [parameter for _, parameters in parts for parameter in parameters]
