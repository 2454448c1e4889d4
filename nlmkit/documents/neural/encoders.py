"""Encoders from word vectors to document features, one per network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from nlmkit.documents.neural.batching import Batch
from nlmkit.documents.neural.module import DocumentEncoder, Parts
from nlmkit.layers.attention import Attention
from nlmkit.layers.convolution import Convolution, MaxPoolIndices
from nlmkit.layers.masks import Dropout
from nlmkit.layers.network_in_network import PointwiseConvolution
from nlmkit.layers.pooling import last_states, max_over_time, mean_over_time
from nlmkit.layers.recurrent_encoder import RecurrentEncoder, reversed_rows

if TYPE_CHECKING:
    from nlmkit.documents.neural.options import ConvolutionOptions, StackOptions
    from nlmkit.layers.word_input import WordInput


def convolution(options: ConvolutionOptions, inputs: int, generator: torch.Generator) -> Convolution:
    """Build the filters from a component's options."""
    kim = options.initialisation == "kim"
    if options.pointwise:
        layers = options.pointwise
        return PointwiseConvolution(
            inputs, options.widths, options.maps, options.padding, generator, layers=layers, kim=kim
        )
    return Convolution(inputs, options.widths, options.maps, options.padding, generator, kim=kim)


def stack(
    options: StackOptions,
    widths: Sequence[int],
    generator: torch.Generator,
    *,
    bidirectional: bool,
    layer_norm: bool = False,
) -> RecurrentEncoder:
    """Build the LSTM from a component's options; ``widths`` is the input width, then the units of each layer."""
    return RecurrentEncoder(
        "lstm",
        widths,
        generator,
        bidirectional=bidirectional,
        dropout_hidden=options.dropout_hidden,
        weight_drop=options.weight_drop,
        forget_bias=options.forget_bias,
        layer_norm=layer_norm,
    )


class ConvolutionEncoder(DocumentEncoder):
    """Filters and their maxima (Kim 2014)."""

    def __init__(self, filters: Convolution) -> None:
        super().__init__()
        self.filters, self.width = filters, filters.width

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features [B, F]; see ``DocumentEncoder``."""
        return cast("Tensor", self.filters(words(batch.ids, generator)))

    def pool_indices(self, vectors: Tensor, batch: Batch, generator: torch.Generator) -> MaxPoolIndices:
        """Return the features with the windows that they come from."""
        return self.filters.pool_indices(vectors)


class RecurrentConvolutionEncoder(DocumentEncoder):
    """Recurrent layers, filters over their outputs, and the maxima of the filters; padding is zero in both.

    Args:
        encoder: The recurrent layers.
        filters: The filters.
        dropout: Rate of dropout between them.
    """

    def __init__(self, encoder: RecurrentEncoder, filters: Convolution, dropout: float) -> None:
        super().__init__()
        self.encoder, self.filters, self.width = encoder, filters, filters.width
        self.dropout = Dropout(dropout, locked=False)

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features [B, F]; see ``DocumentEncoder``."""
        outputs = self.encoder(words(batch.ids, generator), batch.lengths, generator)
        return cast("Tensor", self.filters(self.dropout(outputs, generator)))

    def pool_indices(self, vectors: Tensor, batch: Batch, generator: torch.Generator) -> MaxPoolIndices:
        """Return the features with the windows that they come from."""
        return self.filters.pool_indices(self.encoder(vectors, batch.lengths, generator))


class PooledRecurrentEncoder(DocumentEncoder):
    """Recurrent layers whose outputs are pooled over time in one or several ways.

    With a ``twin`` there are two stacks that do not know each other: word vectors are those of both side by side; the
    first stack reads its half from left to right, the twin its own half from right to left, each after the first
    vector of the row, the mark that language models read first. Features are those of both.

    Args:
        encoder: The recurrent layers.
        pooling: ``last``, ``mean``, ``max``, or ``concat`` of all three.
        dense: Units of a ReLU layer above; None for no layer.
        dropout: Rate of dropout before that layer.
        generator: Source of its initial weights.
        twin: Recurrent layers of the same sizes that read backward; None for none.
    """

    def __init__(  # noqa: PLR0917
        self,
        encoder: RecurrentEncoder,
        pooling: str,
        dense: int | None,
        dropout: float,
        generator: torch.Generator,
        twin: RecurrentEncoder | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.twin, self.pooling = encoder, twin, pooling
        self.width = encoder.width * (3 if pooling == "concat" else 1) * (1 if twin is None else 2)
        self.dropout = Dropout(dropout if dense else 0.0, locked=False)
        self.dense: nn.Linear | None = None
        if dense:
            self.dense = nn.Linear(self.width, dense)
            nn.init.xavier_uniform_(self.dense.weight, generator=generator)
            nn.init.zeros_(self.dense.bias)
            self.width = dense

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features [B, F]; see ``DocumentEncoder``."""
        vectors, lengths = words(batch.ids, generator), batch.lengths
        if self.twin is None:
            pooled = self._pooled(self.encoder(vectors, lengths, generator), lengths)
        else:
            ahead, behind = vectors.chunk(2, dim=2)
            back = self.twin(reversed_rows(behind, lengths, kept=1), lengths, generator)
            pooled = [*self._pooled(self.encoder(ahead, lengths, generator), lengths), *self._pooled(back, lengths)]
        features = torch.cat(pooled, dim=1)
        return features if self.dense is None else self.dense(self.dropout(features, generator)).relu()

    def _pooled(self, outputs: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return what the pooling makes of the outputs [R, T, h] of a stack: [R, h] each."""
        pooled = {
            "last": lambda: last_states(outputs, lengths, bidirectional=bool(len(self.encoder.backwards))),
            "mean": lambda: mean_over_time(outputs, lengths),
            "max": lambda: max_over_time(outputs, lengths),
        }
        wanted = ("last", "max", "mean") if self.pooling == "concat" else (self.pooling,)
        return [pooled[name]() for name in wanted]

    def parts(self) -> Parts:
        """Return the layers, each with the one of the other direction."""
        others = self.encoder.backwards if self.twin is None else self.twin.layers
        backwards = others or [None] * len(self.encoder.layers)
        return [
            (f"layer {number}", [*layer.parameters(), *(twin.parameters() if twin is not None else ())])
            for number, (layer, twin) in enumerate(zip(self.encoder.layers, backwards, strict=True), start=1)
        ]

    def head(self) -> Parts:
        """Return the dense layer, if there is one."""
        return [] if self.dense is None else [("dense", list(self.dense.parameters()))]


class HierarchicalEncoder(DocumentEncoder):
    """Recurrent layers with attention over words, then over sentences (Yang et al. 2016).

    Args:
        inputs: Width of the word vectors.
        hidden: Units of each recurrent layer, per direction.
        attention: Units of each attention.
        generator: Source of the initial weights.
        dropout: Rate of dropout on the sentence vectors.
    """

    def __init__(self, inputs: int, hidden: int, attention: int, generator: torch.Generator, *, dropout: float) -> None:
        super().__init__()
        self.width = 2 * hidden
        self.words = RecurrentEncoder("gru", [inputs, hidden], generator, bidirectional=True)
        self.word_attention = Attention(self.width, attention, generator)
        self.sentences = RecurrentEncoder("gru", [self.width, hidden], generator, bidirectional=True)
        self.sentence_attention = Attention(self.width, attention, generator)
        self.dropout = Dropout(dropout, locked=False)

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features [B, F]; see ``DocumentEncoder``."""
        return self.attend(words, batch, generator)[0]

    def attend(self, words: WordInput, batch: Batch, generator: torch.Generator) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return features [B, F] and attention weights, of which each row sums to one.

        Returns:
            The features; the weights of the words, [r, t] per group of rows; the weights of the sentences [B, S].
        """
        vectors = words.of_groups(batch.groups, generator)
        if len(batch.lengths):
            found = [
                self._read(part, batch.lengths[rows.numbers], generator)
                for part, rows in zip(vectors, batch.groups, strict=True)
            ]
            grouped, of_words = torch.cat([sums for sums, _ in found]), [weights for _, weights in found]
            numbers = torch.cat([rows.numbers for rows in batch.groups])
            sentences = torch.zeros_like(grouped).index_copy(0, numbers, grouped)
        else:  # all documents are empty
            sentences, of_words = vectors[0].new_zeros(0, self.width), []
        padded = _side_by_side(self.dropout(sentences, generator), batch.sentences)
        read = self.sentences(padded, batch.sentences, generator)
        features, of_sentences = self.sentence_attention(read, batch.sentences)
        return features, of_words, of_sentences

    def _read(self, vectors: Tensor, lengths: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return sentence vectors [r, n] of a group of rows [r, t, n], and the weights of the words [r, t]."""
        return cast("tuple[Tensor, Tensor]", self.word_attention(self.words(vectors, lengths, generator), lengths))

    def parts(self) -> Parts:
        """Return the layers of words, then those of sentences."""
        return [
            ("words to sentences", [*self.words.parameters(), *self.word_attention.parameters()]),
            ("sentences to documents", [*self.sentences.parameters(), *self.sentence_attention.parameters()]),
        ]


def _side_by_side(sentences: Tensor, counts: Tensor) -> Tensor:
    """Reshape sentence vectors [R, n] to documents [B, S, n], zero after the last sentence of each."""
    most = max(1, int(counts.max()))
    padded = sentences.new_zeros(len(counts), most, sentences.shape[1])
    is_sentence = torch.arange(most, device=counts.device) < counts.unsqueeze(1)
    padded[is_sentence] = sentences
    return padded
