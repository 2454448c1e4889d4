"""Encoders of the characters of words: one vector per word from its spelling.

Words are rows of character ids [W, L], zero after the end of a word. The encoding of a word depends neither on the
amount of padding nor on the other words. Character 0 is padding, 1 stands for unknown characters.
"""

from __future__ import annotations

import math
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
    """Filters over three characters, the maximum over the word, and ReLU (dos Santos & Zadrozny 2014; Ma & Hovy 2016).

    There are two positions of padding before a word and any number after it. For the arguments, see
    ``CharacterEncoder``.

    Since characters are few, the product of each with each part of a filter is calculated once; a window is the sum of
    three of them. Only the windows of the maxima get a gradient, so they are found without a graph.
    """

    WINDOW = 3

    def __init__(self, characters: int, embedding: int, width: int, generator: torch.Generator) -> None:
        super().__init__(characters, embedding, width, generator)
        self.filters = nn.Parameter(torch.empty(width, embedding, self.WINDOW))
        bound = math.sqrt(6 / (self.WINDOW * (embedding + width)))  # Glorot-uniform
        nn.init.uniform_(self.filters, -bound, bound, generator=generator)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, words: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoding of each word; see ``CharacterEncoder``."""
        vectors = torch.cat([torch.zeros_like(self.vectors[:1]), self.vectors[1:]])
        products = torch.einsum("cd,mdw->wcm", vectors, self.filters)
        around = functional.pad(words, (self.WINDOW - 1, self.WINDOW - 1))
        best = torch.cat([self._best(piece, products.detach()) for piece in torch.split(around, PIECE_WORDS)])
        filters = torch.arange(self.width, device=words.device)
        found: Tensor | None = None
        for place, product in enumerate(products):
            cells = around.gather(1, best + place) * self.width + filters
            part = product.flatten().index_select(0, cells.flatten()).view(cells.shape)
            found = part if found is None else found + part
        assert found is not None
        return functional.relu(found.clamp_min(0) + self.bias)

    def _best(self, around: Tensor, products: Tensor) -> Tensor:
        """Return where the best window of each filter begins: int64 [W, width].

        Args:
            around: Words with their padding: int64 [W, L + 4].
            products: Products of the parts of filters and the characters: [3, characters, width].
        """
        columns = around.shape[1] - self.WINDOW + 1
        windows = functional.embedding(around[:, :columns], products[0])
        for place in range(1, self.WINDOW):
            windows += functional.embedding(around[:, place : place + columns], products[place])
        return windows.max(dim=1).indices  # faster than argmax


class CharacterLSTM(CharacterEncoder):
    """LSTM that reads a word from both ends; the last states side by side (Lample et al. 2016).

    For the arguments, see ``CharacterEncoder``; the width is even.
    """

    def __init__(self, characters: int, embedding: int, width: int, generator: torch.Generator) -> None:
        super().__init__(characters, embedding, width, generator)
        self.encoder = RecurrentEncoder("lstm", [embedding, width // 2], generator, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoding of each word; see ``CharacterEncoder``."""
        outputs = self.encoder(functional.embedding(words, self.vectors, 0), lengths, generator)
        return last_states(outputs, lengths, bidirectional=True)
