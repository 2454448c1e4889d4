"""Convolution and pooling over time that keep sequences: for stacks of many layers.

Sequences are channel-first [R, n, T] here, with zeros after the end of each row. The output for a row depends neither
on the amount of padding nor on the other rows. A layer with stride 2 has windows around the positions 0, 2, 4, …: a row
of L positions becomes one of ⌈L / 2⌉, so that one position remains one.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.pooling import word_mask

POOL_WIDTH: Final = 3
"""Positions of a window of ``max_pool``."""


def halved(length: int) -> int:
    """Return the positions after a layer with stride 2: ⌈length / 2⌉."""
    return (length + 1) // 2


def position_mask(lengths: Tensor, columns: int, like: Tensor) -> Tensor | None:
    """Return ones at real positions and zeros at padding, [R, 1, T] of the dtype of ``like``; None without padding.

    Args:
        lengths: Number of positions of each row: int64 [R].
        columns: T.
        like: Tensor with the dtype of the mask.
    """
    if bool((lengths >= columns).all()):
        return None
    return word_mask(lengths, columns).unsqueeze(1).to(like.dtype)


class TemporalConvolution(nn.Module):
    """Filters of odd width over a sequence, with as many zeros before and after it as keep its length ("same").

    Args:
        inputs: Channels n of the input.
        outputs: Number of filters m.
        width: Width of a filter, odd; 1 for a layer of network in network (Lin et al. 2014).
        generator: Source of the initial weights.
        deviation: Standard deviation of the weights, which are initially normal; None for √(2 / (width · n)), which
            suits ReLU (He et al. 2015).
        stride: Positions between two windows.
        bias: Whether there is one, initially zero; batch normalization makes it useless.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        generator: torch.Generator,
        *,
        deviation: float | None = None,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(outputs, inputs, width))
        nn.init.normal_(self.weight, 0, deviation or (2 / (width * inputs)) ** 0.5, generator=generator)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, sequences: Tensor) -> Tensor:
        """Return [R, m, ⌈T / stride⌉], which is not zero after the end of a row: the caller masks it."""
        padding = self.weight.shape[2] // 2
        return functional.conv1d(sequences, self.weight, self.bias, stride=self.stride, padding=padding)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        outputs, inputs, width = self.weight.shape
        return f"{inputs}, {outputs}, width={width}, stride={self.stride}"


def max_pool(sequences: Tensor, mask: Tensor | None) -> Tensor:
    """Return the maxima of windows of three positions with stride 2: [R, n, ⌈T / 2⌉].

    Args:
        sequences: [R, n, T], zero at padding.
        mask: See ``position_mask``.
    """
    if mask is None:
        return functional.max_pool1d(sequences, POOL_WIDTH, stride=2, padding=1)
    low = sequences.masked_fill(mask == 0, -torch.inf)
    found = functional.max_pool1d(low, POOL_WIDTH, stride=2, padding=1)
    return found.masked_fill(mask[:, :, ::2] == 0, 0.0)


def k_max(sequences: Tensor, lengths: Tensor, counts: Tensor, columns: int) -> Tensor:
    """Return the largest values of each channel, in their order (Kalchbrenner et al. 2014): [R, n, columns].

    Of equal values the first are chosen. Zeros follow the values of a row.

    Args:
        sequences: [R, n, T].
        lengths: Number of positions of each row: int64 [R].
        counts: Number of values of each row, of which a shorter row has fewer: int64 [R].
        columns: Largest count, or more.
    """
    positions = sequences.shape[2]
    real = word_mask(lengths, positions).unsqueeze(1)
    # A stable order, since ReLU makes many values equal, and which of them are taken must not depend on padding.
    order = sequences.detach().masked_fill(~real, -torch.inf).sort(dim=2, descending=True, stable=True).indices
    order = functional.pad(order[:, :, :columns], (0, max(0, columns - positions)), value=positions)
    is_chosen = word_mask(torch.minimum(counts, lengths), columns).unsqueeze(1)
    places = order.masked_fill(~is_chosen, positions).sort(dim=2).values
    return functional.pad(sequences, (0, 1)).gather(2, places)


def k_max_half(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Return the larger half of the values of each channel, ⌈L / 2⌉ of a row of L, in their order: [R, n, ⌈T / 2⌉]."""
    return k_max(sequences, lengths, (lengths + 1) // 2, halved(sequences.shape[2]))


def maximum(sequences: Tensor, mask: Tensor | None) -> Tensor:
    """Return the maximum of each channel [R, n]; zeros for an empty row. Arguments as in ``max_pool``."""
    if mask is None:
        return sequences.amax(dim=2)
    best = sequences.masked_fill(mask == 0, -torch.inf).amax(dim=2)
    return best.masked_fill(mask.amax(dim=2) == 0, 0.0)
