"""Blocks of deep convolutional networks: two layers of filters, with what goes around them.

Sequences are those of ``nlmkit.layers.temporal``.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.batch_norm import BatchNorm, masked
from nlmkit.layers.temporal import TemporalConvolution

WIDTH: Final = 3
"""Positions of a filter."""

PYRAMID_DEVIATION: Final = 0.01
"""Standard deviation of the initial weights of a pyramid of ``PYRAMID_MAPS`` (Johnson & Zhang 2017)."""

PYRAMID_MAPS: Final = 250


class ConvolutionalBlock(nn.Module):
    """Block of VDCNN (Conneau et al. 2017): filters, batch normalization, ReLU, twice.

    With a shortcut (He et al. 2016) the block's input is added before the last ReLU; if their sizes differ, after a
    1×1 layer with batch normalization.

    Args:
        inputs: Channels of the input.
        maps: Number of filters of each layer.
        generator: Source of the initial weights.
        stride: Stride of the first layer.
        shortcut: Whether there is a shortcut.
    """

    def __init__(self, inputs: int, maps: int, generator: torch.Generator, *, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.first = TemporalConvolution(inputs, maps, WIDTH, generator, stride=stride, bias=False)
        self.first_norm = BatchNorm(maps)
        self.second = TemporalConvolution(maps, maps, WIDTH, generator, bias=False)
        self.second_norm = BatchNorm(maps)
        self.shortcut = shortcut
        self.projection: TemporalConvolution | None = None
        self.projection_norm: BatchNorm | None = None
        if shortcut and (inputs != maps or stride != 1):
            self.projection = TemporalConvolution(inputs, maps, 1, generator, stride=stride, bias=False)
            self.projection_norm = BatchNorm(maps)

    def forward(self, sequences: Tensor, mask: Tensor | None) -> Tensor:
        """Return the output [R, maps, ⌈T / stride⌉].

        Args:
            sequences: [R, inputs, T].
            mask: Mask of the output's positions; see ``position_mask``.
        """
        hidden = functional.relu(self.first_norm(self.first(sequences), mask))
        found = self.second_norm(self.second(hidden), mask)
        if self.projection is not None and self.projection_norm is not None:
            found = found + self.projection_norm(self.projection(sequences), mask)
        elif self.shortcut:
            found = found + sequences
        return functional.relu(found)


class PyramidBlock(nn.Module):
    """Block of DPCNN (Johnson & Zhang 2017): ReLU *before* each of two layers of filters, and their input added.

    x + W₂ σ(W₁ σ(x) + b₁) + b₂, with as many maps as channels, so that the shortcut needs no projection.

    Args:
        maps: Number of channels, and of filters.
        generator: Source of the initial weights: normal, with the paper's deviation of .01 for 250 maps, and √(250 /
            maps) times that for others; a block is near the identity at first.
    """

    def __init__(self, maps: int, generator: torch.Generator) -> None:
        super().__init__()
        deviation = PYRAMID_DEVIATION * (PYRAMID_MAPS / maps) ** 0.5
        self.first = TemporalConvolution(maps, maps, WIDTH, generator, deviation=deviation)
        self.second = TemporalConvolution(maps, maps, WIDTH, generator, deviation=deviation)

    def forward(self, sequences: Tensor, mask: Tensor | None) -> Tensor:
        """Return the output [R, maps, T]; see ``position_mask``."""
        hidden = masked(self.first(functional.relu(sequences)), mask)
        return sequences + masked(self.second(functional.relu(hidden)), mask)
