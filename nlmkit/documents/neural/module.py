"""The network of a neural model of texts: word vectors, an encoder of documents, and a last linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.documents.neural.batching import Batch
from nlmkit.documents.neural.input import WordInput
from nlmkit.layers.masks import Dropout
from nlmkit.layers.recurrent import RecurrentLayer

_FLOATS_PER_INPUT: Final = 4
_FLOATS_PER_UNIT: Final = 16
"""Numbers that a word leaves in memory for each place of its vector and each recurrent unit, as measured."""

Parts = list[tuple[str, list[nn.Parameter]]]
"""Parts of a network with their parameters, from the input to the output."""


class DocumentEncoder(nn.Module):
    """What lies between the input layer and the last layer.

    Attributes:
        width: Width F of the features.
    """

    width: int

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Features of each document [B, F].

        Args:
            words: The input layer, for vectors of the batch's words, zero in the padding: [R, T, n], or group by group.
            batch: The batch.
            generator: Source of masks.
        """
        raise NotImplementedError

    def parts(self) -> Parts:
        """The layers that are unfrozen one after another, from below; one unless a subclass says otherwise."""
        return [("encoder", list(self.parameters()))]

    def head(self) -> Parts:
        """New layers on top of :meth:`parts`, which are trained whenever the last layer is, at its rate."""
        return []


class TextModule(nn.Module):
    """Word vectors, encoder, dropout, last layer::

        ids [R, T] ─ words ─► vectors [R, T, n] ─ encoder ─► features [B, F] ─ dropout ─ output ─► [B, O]

    Args:
        words: Input layer.
        encoder: From vectors to features.
        outputs: Number of outputs O: one per class, or one for a number.
        generator: Source of the initial weights, and of masks until another is set.
        dropout: Rate of dropout before the last layer.
        zero_output: Let the last layer begin with zeros, as Kim's code does; else Glorot-uniform.
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
        """Where the weights are."""
        return self.bias.device

    def forward(self, batch: Batch) -> Tensor:
        """Outputs [B, O] of a batch; a classifier's are logits."""
        features = self.features(batch)
        return functional.linear(self.dropout(features, self.generator), self.weight, self.bias)

    def features(self, batch: Batch) -> Tensor:
        """What the last layer sees: [B, F]."""
        return cast("Tensor", self.encoder(self.words, batch, self.generator))

    @property
    def floats_per_word(self) -> int:
        """About how many numbers a word of a batch, or padding, leaves in memory until the gradient is there."""
        units = sum(layer.hidden for layer in self.encoder.modules() if isinstance(layer, RecurrentLayer))
        return _FLOATS_PER_INPUT * self.words.width + _FLOATS_PER_UNIT * units

    def parts(self) -> Parts:
        """What is trained, from the input to the output: the parts that are unfrozen, or have a rate, one by one."""
        return [*self._below(), ("output", [*weights_of(self.encoder.head()), self.weight, self.bias])]

    def parameter_counts(self) -> dict[str, int]:
        """Parameters of each layer or part by its name, frozen word vectors included."""
        layers = [*self._below(), *self.encoder.head(), ("output", [self.weight, self.bias])]
        counts = {name: sum(weight.numel() for weight in parameters) for name, parameters in layers}
        if self.words.frozen is not None:
            counts = {"words (frozen)": self.words.frozen.numel(), **counts}
        return counts

    def _below(self) -> Parts:
        below = [("words", list(self.words.parameters())), *self.encoder.parts()]
        return [(name, parameters) for name, parameters in below if parameters]


def train_only(parts: Parts, count: int) -> None:
    """Let the last ``count`` parts take gradients, and no other."""
    for number, (_, parameters) in enumerate(parts):
        for parameter in parameters:
            parameter.requires_grad_(number >= len(parts) - count)


def weights_of(parts: Sequence[tuple[str, Sequence[nn.Parameter]]]) -> list[nn.Parameter]:
    """All parameters of the parts."""
    return [parameter for _, parameters in parts for parameter in parameters]
