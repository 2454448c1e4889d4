"""Filters over windows of words with 1×1 layers above them, and the maximum of each feature over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.convolution import LONG_ROW, Convolution, MaxPoolIndices


class PointwiseConvolution(Convolution):
    """``Convolution`` with 1×1 layers between filters and maximum (Lin et al. 2014, "Network In Network").

    What the filters of one width find in a window, max(0, W · window + b), goes through further layers of as many
    units, each with ReLU and the same weights at every position; the features are the maxima of the last layer over
    time. Windows of padding alone are included as in ``Convolution``: their value is that of the layers at max(0, b).

    Args:
        inputs: Width n of the vectors.
        widths: Widths of the filters in words.
        maps: Number of filters per width, and units of each 1×1 layer.
        padding: Number of padding positions before the text.
        generator: Source of the initial weights.
        layers: Number of 1×1 layers, at least one.
        kim: Initialize the filters as in Kim's code; the 1×1 layers are Glorot-uniform.
    """

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        maps: int,
        padding: int,
        generator: torch.Generator,
        *,
        layers: int,
        kim: bool = False,
    ) -> None:
        super().__init__(inputs, widths, maps, padding, generator, kim=kim)
        self.layers = layers
        bound = math.sqrt(3 / maps)  # Glorot-uniform
        self.pointwise = nn.ParameterList()
        self.pointwise_biases = nn.ParameterList()
        for _ in range(len(self.widths) * layers):
            weight = torch.empty(maps, maps).uniform_(-bound, bound, generator=generator)
            self.pointwise.append(nn.Parameter(weight))
            self.pointwise_biases.append(nn.Parameter(torch.zeros(maps)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the pooled features [R, F]; see ``Convolution.forward``."""
        if vectors.shape[1] > LONG_ROW:
            return self._of_long_rows(vectors)
        padded = self._padded(vectors)
        found = []
        for number, (weight, bias) in enumerate(zip(self.filters, self.biases, strict=True)):
            windows = self._above(number, functional.conv1d(padded, weight, bias).transpose(1, 2))
            found.append(torch.maximum(windows.amax(dim=1), self._of_padding(number)))
        return torch.cat(found, dim=1)

    def pool_indices(self, vectors: Tensor) -> MaxPoolIndices:
        """See ``Convolution.pool_indices``."""
        columns = vectors.shape[1]
        values, begins = [], []
        for number, (best, begin) in enumerate(self._search(vectors)):
            of_padding = self._of_padding(number)
            values.append(torch.maximum(best, of_padding))
            begins.append(torch.where(best > of_padding, begin, columns))
        widths = torch.tensor(self.widths, device=vectors.device).repeat_interleave(self.maps)
        return MaxPoolIndices(torch.cat(values, dim=1), torch.cat(begins, dim=1), widths)

    def _of_long_rows(self, vectors: Tensor) -> Tensor:
        with torch.no_grad():
            best = self._search(vectors)
        found = []
        for number, (values, begins) in enumerate(best):
            features = self._at_windows(vectors, begins, number) if torch.is_grad_enabled() else values
            found.append(torch.maximum(features, self._of_padding(number)))
        return torch.cat(found, dim=1)

    def _at_windows(self, vectors: Tensor, begins: Tensor, number: int) -> Tensor:
        """Return each feature at its own window [R, maps], with a graph; arguments as in ``Convolution._at``."""
        windows = self.windows_at(vectors, begins, self.widths[number])
        products = torch.einsum("rmwn,knw->rmk", windows, self.filters[number]) + self.biases[number]
        return self._above(number, products).diagonal(dim1=1, dim2=2)

    def _score(self, number: int, piece: Tensor) -> Tensor:
        """Return the features at each window; see ``Convolution._score``."""
        windows = functional.conv1d(piece, self.filters[number], self.biases[number])
        return self._above(number, windows.transpose(1, 2)).transpose(1, 2)

    def _of_padding(self, number: int) -> Tensor:
        """Return the features of a window of padding alone: [maps]."""
        return self._above(number, self.biases[number])

    def _above(self, number: int, products: Tensor) -> Tensor:
        """Return what the 1×1 layers of filter width ``number`` make of products [..., maps]."""
        found = functional.relu(products)
        for place in range(number * self.layers, (number + 1) * self.layers):
            found = functional.relu(functional.linear(found, self.pointwise[place], self.pointwise_biases[place]))
        return found

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{super().extra_repr()}, layers={self.layers}"
