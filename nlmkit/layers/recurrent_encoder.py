"""Stacked recurrent layers that read whole rows, forward or in both directions.

Sequences are batch-major [R, T, n] here, with zeros after the end of each row. The output for a row depends neither on
the amount of padding nor on the other rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from nlmkit.layers.masks import Dropout
from nlmkit.layers.recurrent import RecurrentLayer
from nlmkit.layers.recurrent_steps import CELLS

PIECE_STEPS: Final = 4096
"""Time steps that a layer reads at a time without a gradient: its gates of longer rows are never all in memory."""


class RecurrentEncoder(nn.Module):
    """Stacked recurrent layers that read each row forward or, in each layer, in both directions.

    ``layers`` read forward; ``backwards`` read each row from its last word to its first. The layer above reads both.

    Args:
        kind: ``lstm`` or ``gru``.
        widths: Width of the input, then the units of each layer (per direction).
        generator: Source of the initial weights.
        bidirectional: Read in both directions.
        dropout_hidden: Rate of dropout between layers, one mask for all words of a row.
        weight_drop: Rate of DropConnect on each layer's recurrent weights.
        forget_bias: Initial bias of the LSTM's forget gates.
        layer_norm: Normalise each layer's output.
    """

    def __init__(
        self,
        kind: str,
        widths: Sequence[int],
        generator: torch.Generator,
        *,
        bidirectional: bool,
        dropout_hidden: float = 0.0,
        weight_drop: float = 0.0,
        forget_bias: float = 1.0,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.kind, self.width = kind, widths[-1] * directions
        self.layers, self.backwards = nn.ModuleList(), nn.ModuleList()
        for number, units in enumerate(widths[1:]):
            inputs = widths[number] * (directions if number else 1)
            for layers in (self.layers, self.backwards)[:directions]:
                layers.append(
                    RecurrentLayer(
                        kind,
                        inputs,
                        units,
                        generator,
                        layer_norm=layer_norm,
                        weight_drop=weight_drop,
                        forget_bias=forget_bias,
                    )
                )
        self.dropout_hidden = Dropout(dropout_hidden, locked=True)

    def forward(self, vectors: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the outputs of the last layer, zero after the end of each row: [R, T, h], directions concatenated.

        Args:
            vectors: [R, T, n].
            lengths: Words of each row: int64 [R].
            generator: Source of the masks.
        """
        rows, columns = vectors.shape[:2]
        sequence = vectors.transpose(0, 1)
        time = torch.arange(columns, device=lengths.device).unsqueeze(1)
        is_word = time < lengths
        mirrored = _mirrored(lengths, columns) if len(self.backwards) else None
        for number, layer in enumerate(self.layers):
            if number:
                sequence = self.dropout_hidden(sequence, generator)
            outputs = self._read(cast("RecurrentLayer", layer), sequence, rows, generator)
            if mirrored is not None:
                turned = _reordered(sequence, mirrored)
                back = self._read(cast("RecurrentLayer", self.backwards[number]), turned, rows, generator)
                outputs = torch.cat([outputs, _reordered(back, mirrored)], dim=2)
            sequence = outputs
        return (sequence * is_word.unsqueeze(2)).transpose(0, 1)

    @staticmethod
    def _read(layer: RecurrentLayer, sequence: Tensor, rows: int, generator: torch.Generator) -> Tensor:
        state = tuple(sequence.new_zeros(1, rows, layer.hidden) for _ in CELLS[layer.kind].states)
        if torch.is_grad_enabled() or len(sequence) <= PIECE_STEPS:
            outputs, _ = layer(sequence.contiguous(), state, generator)
            return cast("Tensor", outputs)
        found = []
        for piece in torch.split(sequence, PIECE_STEPS):
            outputs, state = layer(piece.contiguous(), state, generator)
            found.append(outputs)
        return torch.cat(found)


def reversed_rows(vectors: Tensor, lengths: Tensor, *, kept: int = 0) -> Tensor:
    """Return rows with their words in reverse order, behind the first ``kept`` of them; padding stays: [R, T, n].

    Args:
        vectors: [R, T, n].
        lengths: Words of each row: int64 [R].
        kept: Number of words that stay in their places, such as one mark at the beginning.
    """
    return _reordered(vectors.transpose(0, 1), _mirrored(lengths, vectors.shape[1], kept)).transpose(0, 1)


def _mirrored(lengths: Tensor, columns: int, kept: int = 0) -> Tensor:
    """Return the place of each word of rows whose words, behind the first ``kept``, are reversed: int64 [T · R]."""
    time = torch.arange(columns, device=lengths.device).unsqueeze(1)
    turned = torch.where((time < lengths) & (time >= kept), lengths - 1 + kept - time, time)
    return (turned * len(lengths) + torch.arange(len(lengths), device=lengths.device)).flatten()


class _Reordered(torch.autograd.Function):
    """Rows of a matrix in an order that is its own inverse, so that the gradient takes it, too."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return matrix.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return gradients[0].index_select(0, order), None


def _reordered(sequence: Tensor, order: Tensor) -> Tensor:
    """Return a sequence [T, R, n] with its T · R vectors in an order that is its own inverse."""
    steps, rows, width = sequence.shape
    found: Tensor = _Reordered.apply(sequence.reshape(-1, width), order)  # type: ignore[no-untyped-call]
    return found.view(steps, rows, width)
