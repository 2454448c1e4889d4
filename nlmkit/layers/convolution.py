"""Filters over windows of words, and the maximum of each over time.

Sequences are batch-major [R, T, n] here, with zeros after the end of each row. What a layer gives a row does not depend
on how much padding there is, nor on the other rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LONG_ROW: Final = 512
"""Rows of more words than this take the gradient of the filters through the winning windows alone."""

PIECE_WORDS: Final = 32_768
"""Words, padding included, that the filters are held against at once."""

KIM_RANGE: Final = 0.01
"""Kim's code starts filters uniform in ± this where the activation is ReLU."""


class MaxPoolIndices(NamedTuple):
    """Pooled features, and the window that each comes from.

    Attributes:
        values: Pooled features [R, F].
        begins: First place of the winning window, 0 being the first word, negative in the padding before it; int64
            [R, F]. A window of nothing but padding has T, which no word has.
        widths: Words that each filter sees: int64 [F].
    """

    values: Tensor
    begins: Tensor
    widths: Tensor


class Convolution(nn.Module):
    """Filters over windows of words, ReLU, and the maximum over time (Kim 2014; Collobert et al. 2011).

    For a filter of width w with weights W [n · w] and bias b, and x_i the i-th vector or, outside the text, zero::

        c = max(0, b, max_i (W · [x_i, …, x_{i+w−1}] + b)),   i = −p, −p + 1, …

    Padding goes on for ever after the text; the lone b is what a window of nothing else gives. In Kim's code every text
    but the longest is followed by such windows; here each one is, so that a text's features cannot depend on what it is
    padded to, and a text shorter than a filter, or empty, has features like any other.

    Of a long row each filter keeps one window of many. Those are searched first, stretch by stretch and without a
    graph, and computed once more with one; so memory and time of the gradient do not grow with the text.

    Args:
        inputs: Width n of the vectors.
        widths: Words that the filters of each kind see.
        maps: Filters of each width.
        padding: Places p before the text at which windows begin.
        generator: Source of the initial weights.
        kim: Start uniform in ±.01 as Kim's code does; else Glorot-uniform.
    """

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        maps: int,
        padding: int,
        generator: torch.Generator,
        *,
        kim: bool = False,
    ) -> None:
        super().__init__()
        self.widths, self.maps, self.padding = tuple(widths), maps, padding
        self.width = maps * len(self.widths)
        self.filters = nn.ParameterList()
        self.biases = nn.ParameterList()
        for width in self.widths:
            weight = nn.Parameter(torch.empty(maps, inputs, width))
            bound = KIM_RANGE if kim else math.sqrt(6 / (width * (inputs + maps)))
            nn.init.uniform_(weight, -bound, bound, generator=generator)
            self.filters.append(weight)
            self.biases.append(nn.Parameter(torch.zeros(maps)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Pooled features [R, F] of vectors [R, T, n], which are zero after the end of each row."""
        if vectors.shape[1] > LONG_ROW:
            return self._of_long_rows(vectors)
        padded = self._padded(vectors)
        found = []
        for weight, bias in zip(self.filters, self.biases, strict=True):
            windows = functional.conv1d(padded, weight)
            found.append(functional.relu(windows.amax(dim=2).clamp_min(0) + bias))
        return torch.cat(found, dim=1)

    def pool_indices(self, vectors: Tensor) -> MaxPoolIndices:
        """As :meth:`forward`, with the place of each maximum; of equal windows the first."""
        columns = vectors.shape[1]
        values, begins = [], []
        for (best, begin), bias in zip(self._search(vectors), self.biases, strict=True):
            values.append(functional.relu(best.clamp_min(0) + bias))
            begins.append(torch.where(best > 0, begin, columns))
        widths = torch.tensor(self.widths, device=vectors.device).repeat_interleave(self.maps)
        return MaxPoolIndices(torch.cat(values, dim=1), torch.cat(begins, dim=1), widths)

    def _of_long_rows(self, vectors: Tensor) -> Tensor:
        """As :meth:`forward`, through the winning windows."""
        with torch.no_grad():
            best = self._search(vectors)
        found = []
        for (values, begins), weight, bias in zip(best, self.filters, self.biases, strict=True):
            products = self._at(vectors, begins, weight) if torch.is_grad_enabled() else values
            found.append(functional.relu(products.clamp_min(0) + bias))
        return torch.cat(found, dim=1)

    @staticmethod
    def _at(vectors: Tensor, begins: Tensor, weight: Tensor) -> Tensor:
        """Products of filters and windows [R, maps].

        Args:
            vectors: [R, T, n].
            begins: Where the window of each filter begins, which may be outside the row: int64 [R, maps].
            weight: The filters: [maps, n, w].
        """
        rows, columns, inputs = vectors.shape
        places = begins.unsqueeze(2) + torch.arange(weight.shape[2], device=begins.device)
        inside = (places >= 0) & (places < columns)
        first = torch.arange(rows, device=begins.device).view(-1, 1, 1) * columns
        words = vectors.reshape(-1, inputs).index_select(0, torch.where(inside, first + places, 0).flatten())
        windows = words.view(*places.shape, inputs) * inside.unsqueeze(3)
        return torch.einsum("rmwn,mnw->rm", windows, weight)

    def _search(self, vectors: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For the filters of each width the largest product [R, maps], and where the first such window begins."""
        found: list[tuple[Tensor, Tensor]] = []
        for place, piece in self._pieces(vectors):
            for number, weight in enumerate(self.filters):
                values, indices = functional.conv1d(piece, weight).max(dim=2)
                begins = indices + place
                if place > -self.padding:
                    best, before = found[number]
                    begins = torch.where(values > best, begins, before)
                    values = torch.maximum(values, best)
                    found[number] = values, begins
                else:
                    found.append((values, begins))
        return found

    def _pieces(self, vectors: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Stretches [R, n, t] of the padded rows, each with its first place; every window is whole in one of them."""
        rows, columns = vectors.shape[:2]
        if rows * columns <= PIECE_WORDS:
            yield -self.padding, self._padded(vectors)
            return
        longest = max(self.widths)
        step = max(longest, PIECE_WORDS // rows)
        for begin in range(-self.padding, columns, step):
            end = begin + step + longest - 1
            words = vectors[:, max(0, begin) : max(0, end)]
            before = min(max(0, -begin), end - begin)
            after = end - begin - before - words.shape[1]
            yield begin, functional.pad(words.transpose(1, 2), (before, after))

    def _padded(self, vectors: Tensor) -> Tensor:
        """[R, n, T'] with places around the text, such that every window with a word of it is there."""
        return functional.pad(vectors.transpose(1, 2), (self.padding, max(self.padding, max(self.widths) - 1)))

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"widths={self.widths}, maps={self.maps}, padding={self.padding}"
