"""Encoders of many layers of filters: VDCNN and DPCNN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.documents.neural.batching import Batch
from nlmkit.documents.neural.layer_shapes import ShapeTracer
from nlmkit.documents.neural.module import DocumentEncoder, Parts
from nlmkit.layers.batch_norm import BatchNorm, masked
from nlmkit.layers.masks import Dropout
from nlmkit.layers.residual import WIDTH, ConvolutionalBlock, PyramidBlock
from nlmkit.layers.temporal import (
    POOL_WIDTH,
    TemporalConvolution,
    k_max,
    k_max_half,
    max_pool,
    maximum,
    position_mask,
)
from nlmkit.layers.word_input import WordInput

_FLOATS_PER_BLOCK: Final = 8
"""Activations kept per position and map of a block: two layers, normalized, with ReLU."""


class DeepEncoder(DocumentEncoder):
    """Base class of encoders whose layers keep sequences; ``read`` gets them channel-first."""

    def forward(self, words: WordInput, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the features [B, F]; see ``DocumentEncoder``."""
        return self.read(words(batch.ids, generator).transpose(1, 2), batch.lengths, generator)

    def read(self, vectors: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the features [R, F].

        Args:
            vectors: Vectors of the tokens, zero after the end of each row: [R, n, T].
            lengths: Number of tokens of each row: int64 [R].
            generator: Source of masks.
        """
        raise NotImplementedError

    def trace(self, shapes: ShapeTracer) -> None:
        """Append the shapes of the layers."""
        raise NotImplementedError


class VeryDeepEncoder(DeepEncoder):
    """Levels of blocks, each with twice the maps of the one before and half its positions (Conneau et al. 2017).

    A layer of filters without ReLU or normalization, then per level the blocks, after a halving of the positions from
    the second level on; at the end the k largest values of each map in their order, and fully connected layers with
    ReLU.

    Args:
        inputs: Width of the vectors.
        maps: Maps of the first level.
        blocks: Number of blocks per level.
        generator: Source of the initial weights.
        pooling: How positions are halved: ``max``, ``kmax`` or ``stride``, by the first layer of a level.
        shortcut: Whether blocks have shortcuts.
        k: Number of values per map at the end.
        dense: Units of the fully connected layers.
        dropout: Rate of dropout before each of them.
    """

    def __init__(
        self,
        inputs: int,
        maps: int,
        blocks: Sequence[int],
        generator: torch.Generator,
        *,
        pooling: str,
        shortcut: bool,
        k: int,
        dense: Sequence[int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.pooling, self.k, self.maps, self.blocks = pooling, k, maps, tuple(blocks)
        self.first = TemporalConvolution(inputs, maps, WIDTH, generator)
        self.levels = nn.ModuleList()
        channels = maps
        for level, count in enumerate(self.blocks):
            wanted, stride = maps * 2**level, 2 if level and pooling == "stride" else 1
            layers = nn.ModuleList()
            for number in range(count):
                before, step = (channels, stride) if number == 0 else (wanted, 1)
                layers.append(ConvolutionalBlock(before, wanted, generator, stride=step, shortcut=shortcut))
            self.levels.append(layers)
            channels = wanted
        self.dropout = Dropout(dropout, locked=False)
        self.dense = nn.ModuleList()
        self.width = channels * k
        for units in dense:
            layer = nn.Linear(self.width, units)
            nn.init.normal_(layer.weight, 0, (2 / self.width) ** 0.5, generator=generator)
            nn.init.zeros_(layer.bias)
            self.dense.append(layer)
            self.width = units

    def read(self, vectors: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """See ``DeepEncoder.read``."""
        mask = position_mask(lengths, vectors.shape[2], vectors)
        found = masked(self.first(vectors), mask)
        for level, blocks in enumerate(self._blocks_by_level()):
            for number, block in enumerate(blocks):
                if level and number == 0:
                    if self.pooling == "max":
                        found = max_pool(found, mask)
                    elif self.pooling == "kmax":
                        found = k_max_half(found, lengths)
                    lengths = (lengths + 1) // 2
                    mask = None if mask is None else mask[:, :, ::2]
                found = block(found, mask)
        features = k_max(found, lengths, torch.full_like(lengths, self.k), self.k).flatten(1)
        for layer in self.dense:
            features = functional.relu(layer(self.dropout(features, generator)))
        return features

    def trace(self, shapes: ShapeTracer) -> None:
        """See ``DeepEncoder.trace``."""
        shapes.windows(WIDTH)
        shapes.add("filters", self.maps, _count(self.first))
        for level, blocks in enumerate(self._blocks_by_level()):
            maps, count = self.maps * 2**level, len(blocks)
            if level and self.pooling != "stride":
                if self.pooling == "max":
                    shapes.windows(POOL_WIDTH)
                else:
                    shapes.reach_all()
                shapes.halve()
                shapes.add(f"{'k-max' if self.pooling == 'kmax' else 'max'} pooling {level}", maps // 2, 0)
            shapes.windows(WIDTH, count=2 * count, stride=2 if level and self.pooling == "stride" else 1)
            shapes.add(f"level {level + 1}: {2 * count} layers", maps, _count(blocks))
        top = self.maps * 2 ** (len(self.blocks) - 1)
        shapes.add_once(f"{self.k}-max", top, 0, positions=self.k)
        for number, layer in enumerate(self.dense, start=1):
            assert isinstance(layer, nn.Linear)
            shapes.add_once(f"dense {number}", layer.out_features, _count(layer))

    def _blocks_by_level(self) -> list[nn.ModuleList]:
        return cast("list[nn.ModuleList]", list(self.levels))

    @property
    def floats_per_word(self) -> int:
        """See ``DocumentEncoder.floats_per_word``; each level has twice the maps and half the positions."""
        return self.maps * (1 + _FLOATS_PER_BLOCK * sum(self.blocks))

    def parts(self) -> Parts:
        """Return the first filters, then the levels."""
        levels = [(f"level {number}", list(level.parameters())) for number, level in enumerate(self.levels, start=1)]
        return [("filters", list(self.first.parameters())), *levels]

    def head(self) -> Parts:
        """Return the fully connected layers."""
        return [("dense", list(self.dense.parameters()))] if len(self.dense) else []


class PyramidEncoder(DeepEncoder):
    """Region embedding, then blocks with half the positions of the one before each (Johnson & Zhang 2017).

    Args:
        inputs: Width of the vectors.
        maps: Maps of all layers.
        region: Width of the region embedding's filters in words, odd.
        blocks: Number of blocks.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, maps: int, region: int, blocks: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width, self.region = maps, region
        deviation = (2 / (region * (inputs + maps))) ** 0.5  # Glorot: no ReLU follows
        self.regions = TemporalConvolution(inputs, maps, region, generator, deviation=deviation)
        self.blocks = nn.ModuleList(PyramidBlock(maps, generator) for _ in range(blocks))

    def read(self, vectors: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """See ``DeepEncoder.read``."""
        mask = position_mask(lengths, vectors.shape[2], vectors)
        found = masked(self.regions(vectors), mask)
        for number, block in enumerate(self.blocks):
            if number:
                found = max_pool(found, mask)
                mask = None if mask is None else mask[:, :, ::2]
            found = block(found, mask)
        return maximum(found, mask)

    def trace(self, shapes: ShapeTracer) -> None:
        """See ``DeepEncoder.trace``."""
        shapes.windows(self.region)
        shapes.add("region embedding", self.width, _count(self.regions))
        for number, block in enumerate(self.blocks, start=1):
            if number > 1:
                shapes.windows(POOL_WIDTH)
                shapes.halve()
            shapes.windows(WIDTH, count=2)
            shapes.add(f"block {number}" + (", pooled" if number > 1 else ""), self.width, _count(block))
        shapes.add_once("maximum", self.width, 0)

    @property
    def floats_per_word(self) -> int:
        """See ``DocumentEncoder.floats_per_word``; the positions of all blocks are at most twice those of the first."""
        return self.width * (1 + 2 * _FLOATS_PER_BLOCK)

    def parts(self) -> Parts:
        """Return the region embedding, then the blocks."""
        blocks = [(f"block {number}", list(block.parameters())) for number, block in enumerate(self.blocks, start=1)]
        return [("region embedding", list(self.regions.parameters())), *blocks]


def batch_norms(encoder: nn.Module) -> Iterator[tuple[str, BatchNorm]]:
    """Yield the layers of batch normalization by torch name."""
    for name, layer in encoder.named_modules():
        if isinstance(layer, BatchNorm):
            yield name, layer


def _count(layer: nn.Module) -> int:
    return sum(weight.numel() for weight in layer.parameters())
