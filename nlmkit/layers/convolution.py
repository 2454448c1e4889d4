"""Filters over windows of words, and the maximum of each over time.

Sequences are batch-major [R, T, n] here, with zeros after the end of each row. The output for a row depends neither on
the amount of padding nor on the other rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LONG_ROW: Final = 512
"""Words above which the filters of a row get their gradient through the selected windows alone."""

PIECE_WORDS: Final = 32_768
"""Words, padding included, that the filters process at a time."""

KIM_RANGE: Final = 0.01
"""Bound of the uniform initialization of filters with ReLU in Kim's code."""


class MaxPoolIndices(NamedTuple):
    """Pooled features, and the window of each.

    Attributes:
        values: Pooled features [R, F].
        begins: Start of the selected window, 0 for the first word, negative in the padding before it; int64
            [R, F]. T for a window of padding alone.
        widths: Width of each filter in words: int64 [F].
    """

    values: Tensor
    begins: Tensor
    widths: Tensor


class Convolution(nn.Module):
    """Filters over windows of words, ReLU, and the maximum over time (Kim 2014; Collobert et al. 2011).

    For a filter of width w with weights W [n · w] and bias b, and x_i the i-th vector or, outside the text, zero::

        c = max(0, b, max_i (W · [x_i, …, x_{i+w−1}] + b)),   i = −p, −p + 1, …

    Padding after the text is unlimited; b alone is the value of a window of padding. In Kim's code every text
    except the longest is followed by such windows; here all are, so that a text's features do not depend on its
    padding, and texts shorter than a filter, or empty, have features too.

    In a long row each filter selects one window of many. Those are found first, piece by piece and without a
    graph, and recomputed with one, so that memory and time of the gradient do not grow with the text.

    Args:
        inputs: Width n of the vectors.
        widths: Widths of the filters in words.
        maps: Number of filters per width.
        padding: Number p of padding positions before the text.
        generator: Source of the initial weights.
        kim: Initialize uniformly in ±.01 as in Kim's code, instead of Glorot-uniform.
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
        """Return the pooled features [R, F] of vectors [R, T, n], which are zero after the end of each row."""
        if vectors.shape[1] > LONG_ROW:
            return self._of_long_rows(vectors)
        padded = self._padded(vectors)
        found = []
        for weight, bias in zip(self.filters, self.biases, strict=True):
            windows = functional.conv1d(padded, weight)
            found.append(functional.relu(windows.amax(dim=2).clamp_min(0) + bias))
        return torch.cat(found, dim=1)

    def pool_indices(self, vectors: Tensor) -> MaxPoolIndices:
        """Like ``forward``, with the position of each maximum; the first of equal windows."""
        columns = vectors.shape[1]
        values, begins = [], []
        for (best, begin), bias in zip(self._search(vectors), self.biases, strict=True):
            values.append(functional.relu(best.clamp_min(0) + bias))
            begins.append(torch.where(best > 0, begin, columns))
        widths = torch.tensor(self.widths, device=vectors.device).repeat_interleave(self.maps)
        return MaxPoolIndices(torch.cat(values, dim=1), torch.cat(begins, dim=1), widths)

    def _of_long_rows(self, vectors: Tensor) -> Tensor:
        """Like ``forward``, through the selected windows."""
        with torch.no_grad():
            best = self._search(vectors)
        found = []
        for (values, begins), weight, bias in zip(best, self.filters, self.biases, strict=True):
            products = self._at(vectors, begins, weight) if torch.is_grad_enabled() else values
            found.append(functional.relu(products.clamp_min(0) + bias))
        return torch.cat(found, dim=1)

    def _at(self, vectors: Tensor, begins: Tensor, weight: Tensor) -> Tensor:
        """Return the products of filters and windows [R, maps].

        Args:
            vectors: [R, T, n].
            begins: Start of the window of each filter, possibly outside the row: int64 [R, maps].
            weight: The filters: [maps, n, w].
        """
        return torch.einsum("rmwn,mnw->rm", self.windows_at(vectors, begins, weight.shape[2]), weight)

    @staticmethod
    def windows_at(vectors: Tensor, begins: Tensor, width: int) -> Tensor:
        """Return the window of each filter [R, maps, width, n], with zeros outside the row; arguments as in ``_at``."""
        rows, columns, inputs = vectors.shape
        places = begins.unsqueeze(2) + torch.arange(width, device=begins.device)
        inside = (places >= 0) & (places < columns)
        first = torch.arange(rows, device=begins.device).view(-1, 1, 1) * columns
        words = vectors.reshape(-1, inputs).index_select(0, torch.where(inside, first + places, 0).flatten())
        return words.view(*places.shape, inputs) * inside.unsqueeze(3)

    def _score(self, number: int, piece: Tensor) -> Tensor:
        """Return the products of the filters of a width with each window of a piece: [R, maps, windows].

        Args:
            number: Index of the width.
            piece: [R, n, t].
        """
        return functional.conv1d(piece, self.filters[number])

    def _search(self, vectors: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return, per filter width, the largest products [R, maps], and the start of the first such windows."""
        found: list[tuple[Tensor, Tensor]] = []
        for place, piece in self._pieces(vectors):
            for number in range(len(self.widths)):
                values, indices = self._score(number, piece).max(dim=2)
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
        """Yield pieces [R, n, t] of the padded rows with their start; each window is contained in one of them."""
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
        """Pad to [R, n, T'], such that every window with a word of the text is included."""
        return functional.pad(vectors.transpose(1, 2), (self.padding, max(self.padding, max(self.widths) - 1)))

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"widths={self.widths}, maps={self.maps}, padding={self.padding}"
