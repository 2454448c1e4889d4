"""Network of the neural taggers: vectors of tokens, recurrent layers in both directions, scores of tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.characters import CharacterEncoder
from nlmkit.layers.crf import ConditionalRandomField
from nlmkit.layers.masks import Dropout, keep_mask
from nlmkit.layers.recurrent_encoder import RecurrentEncoder
from nlmkit.layers.word_input import WordInput
from nlmkit.taggers.neural.batching import Batch, Sentences
from nlmkit.taggers.neural.tables import UNKNOWN_VALUE

_FLOATS_PER_INPUT: Final = 4
_FLOATS_PER_UNIT: Final = 16
"""Activations kept per token and component of its vector, and per recurrent unit, for the gradient."""

Parts = list[tuple[str, list[nn.Parameter]]]
"""Parts of a network with their parameters, from input to output."""


class ColumnVectors(nn.Module):
    """Vectors of one or more columns of features with the same ids, side by side; zero for padding.

    Vectors are initially uniform with variance 1 / d.

    Args:
        values: Number of ids.
        width: Width d of the vectors.
        columns: Columns that use them, as indices.
        generator: Source of the initial vectors.
        dropout: Rate of dropout of whole vectors.
    """

    def __init__(
        self, values: int, width: int, columns: Sequence[int], generator: torch.Generator, dropout: float = 0.0
    ) -> None:
        super().__init__()
        bound = math.sqrt(3 / width)
        vectors = torch.empty(values, width).uniform_(-bound, bound, generator=generator)
        vectors[0] = 0
        self.vectors = nn.Parameter(vectors)
        self.columns, self.width, self.dropout = tuple(columns), width * len(columns), dropout

    def forward(self, columns: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Return the vectors of each column: [T, B, d].

        Args:
            columns: Ids of all columns: int64 [C, T, B].
            generator: Source of masks.
        """
        found = [functional.embedding(columns[number], self.vectors, 0) for number in self.columns]
        if self.training and self.dropout:
            found = [each * keep_mask((*each.shape[:2], 1), self.dropout, generator, each) for each in found]
        return found


class TaggerModule(nn.Module):
    """Vectors of tokens, dropout, recurrent layers, dropout, a linear layer::

        words, characters, columns, states ─► [T, B, n] ─ encoder ─► [B, T, 2h] ─ output ─► emissions [B, T, K]

    Args:
        words: Word vectors.
        encoder: The recurrent layers.
        tags: Number of tags K.
        generator: Source of the initial weights, and of masks until another is set.
        characters: Encoder of characters, or None.
        columns: Vectors of columns of features, with their names in reports.
        states: Width of the states of language models; 0 for none.
        crf: Scores of neighbouring tags; None for independent tags.
        dropout_input: Rate of dropout on the input of the recurrent layers.
        dropout: Rate of dropout on their output, with one mask for all tokens of a sentence.
    """

    def __init__(
        self,
        words: WordInput,
        encoder: RecurrentEncoder,
        tags: int,
        generator: torch.Generator,
        *,
        characters: CharacterEncoder | None,
        columns: Sequence[tuple[str, ColumnVectors]],
        states: int,
        crf: ConditionalRandomField | None,
        dropout_input: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.words, self.characters = words, characters
        self.column_names = [name for name, _ in columns]
        self.columns = nn.ModuleList(vectors for _, vectors in columns)
        self.encoder, self.tags = encoder, tags
        self.weight = nn.Parameter(torch.empty(tags, encoder.width))
        self.bias = nn.Parameter(torch.zeros(tags))
        nn.init.xavier_uniform_(self.weight, generator=generator)
        self.crf = crf
        self.dropout_input = Dropout(dropout_input, locked=False)
        self.dropout = Dropout(dropout, locked=True)
        self.states, self.generator = states, generator

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.bias.device

    def forward(self, batch: Batch) -> Tensor:
        """Return the scores of the tags [B, T, K]; log-probabilities if tags are independent."""
        inputs = self.dropout_input(self.inputs(batch), self.generator)
        outputs = self.encoder(inputs.transpose(0, 1), batch.lengths, self.generator).transpose(0, 1)
        found = functional.linear(self.dropout(outputs, self.generator), self.weight, self.bias).transpose(0, 1)
        return found if self.crf is not None else found.float().log_softmax(2)

    def inputs(self, batch: Batch) -> Tensor:
        """Return the vectors of the tokens [T, B, n]."""
        found = [self.words(batch.words, self.generator)]
        if self.characters is not None:
            assert batch.characters is not None
            spelt, lengths, places = batch.characters
            encoded = self.characters(spelt, lengths, self.generator)
            found.append(functional.embedding(places, encoded))
        for vectors in self.columns:
            found += vectors(batch.columns, self.generator)
        if self.states:
            assert batch.states is not None
            found.append(batch.states)
        return torch.cat(found, dim=2) if len(found) > 1 else found[0]

    def loss(self, batch: Batch) -> Tensor:
        """Return the negative log-likelihood of the tags of all sentences, a scalar."""
        emissions, tags = self(batch), batch.tags
        assert tags is not None
        if self.crf is not None:
            return self.crf.loss(emissions, tags, batch.lengths).sum()
        inside = torch.arange(tags.shape[1], device=tags.device) < batch.lengths.unsqueeze(1)
        return functional.nll_loss(emissions[inside], tags[inside], reduction="sum")

    @torch.no_grad()
    def forget_unread(self, sentences: Sentences) -> None:
        """Set vectors of unknown values and characters to zero where training reads none: they would stay random.

        Args:
            sentences: The training sentences.
        """
        for vectors in self.columns:
            assert isinstance(vectors, ColumnVectors)
            if not (sentences.columns[list(vectors.columns)] == UNKNOWN_VALUE).any():
                vectors.vectors[UNKNOWN_VALUE] = 0
        if self.characters is not None:
            assert sentences.spellings is not None
            if not (sentences.spellings.ids == UNKNOWN_VALUE).any():
                self.characters.vectors[UNKNOWN_VALUE] = 0

    @property
    def floats_per_token(self) -> int:
        """Return the approximate number of activations kept per token of a batch, or padding, for the gradient."""
        layers: list[Any] = [*self.encoder.layers, *self.encoder.backwards]
        units = sum(int(layer.hidden) for layer in layers)
        return _FLOATS_PER_INPUT * int(layers[0].inputs) + _FLOATS_PER_UNIT * units

    def parts(self) -> Parts:
        """Return the trained parts with their parameters, from input to output."""
        named: list[tuple[str, nn.Module]] = [("words", self.words)]
        if self.characters is not None:
            named.append(("characters", self.characters))
        named += [(name, vectors) for name, vectors in zip(self.column_names, self.columns, strict=True)]
        named.append(("recurrent layers", self.encoder))
        found = [(name, list(module.parameters())) for name, module in named]
        found.append(("output", [self.weight, self.bias]))
        if self.crf is not None:
            found.append(("transitions", list(self.crf.parameters())))
        return [(name, parameters) for name, parameters in found if parameters]

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of parameters of each part by name, frozen word vectors included."""
        counts: dict[str, int] = {}
        if self.words.frozen is not None:
            counts["words (frozen)"] = self.words.frozen.numel()
        for name, parameters in self.parts():
            counts[name] = counts.get(name, 0) + sum(weight.numel() for weight in parameters)
        return counts
