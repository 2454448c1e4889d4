"""Encoders of the characters of words: one vector per word from its spelling.

Words are rows of character ids [W, L], zero after the end of a word. The encoding of a word depends neither on the
amount of padding nor on the other words. Character 0 is padding, 1 stands for unknown characters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.pooling import last_states
from nlmkit.layers.recurrent_encoder import RecurrentEncoder

PIECE_WORDS: Final = 4096
"""Words whose windows are in memory at a time."""


class CharacterEncoder(nn.Module):
    """Character vectors, and what a subclass makes of those of a word.

    Vectors are initially uniform with variance 1 / d (Ma & Hovy 2016: ± √(3 / d)).

    Args:
        characters: Number of characters, the two special ones included.
        embedding: Width d of their vectors.
        width: Width of the encoding of a word.
        generator: Source of the initial vectors.
    """

    def __init__(self, characters: int, embedding: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = width
        bound = math.sqrt(3 / embedding)
        vectors = torch.empty(characters, embedding).uniform_(-bound, bound, generator=generator)
        vectors[0] = 0
        self.vectors = nn.Parameter(vectors)

    def forward(self, words: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoding of each word: [W, width].

        Args:
            words: Character ids, L ≥ 1: int64 [W, L].
            lengths: Number of characters of each word: int64 [W].
            generator: Source of masks.
        """
        raise NotImplementedError


class CharacterCNN(CharacterEncoder):
    """Filters over the characters, the maximum over the word, and ReLU (dos Santos & Zadrozny 2014; Ma & Hovy 2016).

    There is padding before a word, one position less than the widest filter, and any number after it.

    Since characters are few, the product of each with each part of a filter is calculated once; a window is the sum of
    as many products as the filter is wide. Only the windows of the maxima get a gradient, so they are found without a
    graph.

    Args:
        characters: Number of characters, the two special ones included.
        embedding: Width of their vectors.
        widths: Widths of the filters in characters.
        maps: Number of filters per width.
        generator: Source of the initial weights.
    """

    def __init__(
        self, characters: int, embedding: int, widths: Sequence[int], maps: int, generator: torch.Generator
    ) -> None:
        super().__init__(characters, embedding, maps * len(widths), generator)
        self.widths, self.maps = tuple(widths), maps
        self.filters, self.biases = nn.ParameterList(), nn.ParameterList()
        for width in self.widths:
            bound = math.sqrt(6 / (width * (embedding + maps)))  # Glorot-uniform
            weight = torch.empty(maps, embedding, width).uniform_(-bound, bound, generator=generator)
            self.filters.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(maps)))

    def forward(self, words: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoding of each word; see ``CharacterEncoder``."""
        vectors = torch.cat([torch.zeros_like(self.vectors[:1]), self.vectors[1:]])
        around = max(self.widths) - 1
        padded = functional.pad(words, (around, around))
        found = []
        for weight, bias in zip(self.filters, self.biases, strict=True):
            products = torch.einsum("cd,mdw->wcm", vectors, weight)
            best = torch.cat([_best(piece, products.detach()) for piece in torch.split(padded, PIECE_WORDS)])
            found.append(functional.relu(self._windows(padded, best, products).clamp_min(0) + bias))
        return torch.cat(found, dim=1)

    def _windows(self, padded: Tensor, begins: Tensor, products: Tensor) -> Tensor:
        """Return the product of each filter and its window: [W, maps].

        Args:
            padded: Words with their padding: int64 [W, L].
            begins: Begin of the window of each filter: int64 [W, maps].
            products: Products of the parts of filters and the characters: [width, characters, maps].
        """
        filters = torch.arange(self.maps, device=padded.device)
        total: Tensor | None = None
        for place, product in enumerate(products):
            cells = padded.gather(1, begins + place) * self.maps + filters
            part = product.flatten().index_select(0, cells.flatten()).view(cells.shape)
            total = part if total is None else total + part
        assert total is not None
        return total


def _best(padded: Tensor, products: Tensor) -> Tensor:
    """Return where the best window of each filter begins, with the arguments of ``CharacterCNN._windows``."""
    columns = padded.shape[1] - len(products) + 1
    windows = functional.embedding(padded[:, :columns], products[0])
    for place in range(1, len(products)):
        windows += functional.embedding(padded[:, place : place + columns], products[place])
    return windows.max(dim=1).indices  # faster than argmax


class CharacterLSTM(CharacterEncoder):
    """LSTM that reads a word from both ends; the last states side by side (Lample et al. 2016).

    Args:
        characters: Number of characters, the two special ones included.
        embedding: Width of their vectors.
        hidden: Units per direction.
        generator: Source of the initial weights.
    """

    def __init__(self, characters: int, embedding: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__(characters, embedding, 2 * hidden, generator)
        self.encoder = RecurrentEncoder("lstm", [embedding, hidden], generator, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoding of each word; see ``CharacterEncoder``."""
        outputs = self.encoder(functional.embedding(words, self.vectors, 0), lengths, generator)
        return last_states(outputs, lengths, bidirectional=True)
