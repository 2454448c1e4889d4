"""Layers over padded sequences: filters and pooling, recurrent layers of both directions, attention.

Sequences are batch-major [R, T, n] here, with zeros after the end of each row. What a layer gives a row does not depend
on how much padding there is, nor on the other rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.masks import Dropout, keep_mask
from nlmkit.layers.recurrent import RecurrentLayer
from nlmkit.layers.recurrent_steps import CELLS

LONG_ROW: Final = 512
"""Rows of more words than this take the gradient of the filters through the winning windows alone."""

PIECE_WORDS: Final = 32_768
"""Words, padding included, that the filters are held against at once."""

KIM_RANGE: Final = 0.01
"""Kim's code starts filters uniform in ± this where the activation is ReLU."""


class Drop(nn.Module):
    """Dropout with an explicit generator, on a tensor of any shape."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """The values with units dropped, in training."""
        if not self.training or self.rate == 0:
            return values
        return values * keep_mask(values.shape, self.rate, generator, values)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.rate}"


def mask_of(lengths: Tensor, columns: int) -> Tensor:
    """Where words stand: bool [R, T].

    Args:
        lengths: Words of each row: int64 [R].
        columns: T.
    """
    return torch.arange(columns, device=lengths.device) < lengths.unsqueeze(1)


# ------------------------------------------------------------------------------------------------- convolution


class Winners(NamedTuple):
    """Which windows won the pooling.

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

    def winners(self, vectors: Tensor) -> Winners:
        """As :meth:`forward`, with the place of each maximum; of equal windows the first."""
        columns = vectors.shape[1]
        values, begins = [], []
        for (best, begin), bias in zip(self._search(vectors), self.biases, strict=True):
            values.append(functional.relu(best.clamp_min(0) + bias))
            begins.append(torch.where(best > 0, begin, columns))
        widths = torch.tensor(self.widths, device=vectors.device).repeat_interleave(self.maps)
        return Winners(torch.cat(values, dim=1), torch.cat(begins, dim=1), widths)

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


# --------------------------------------------------------------------------------------------------- recurrent


class Encoder(nn.Module):
    """Stacked recurrent layers that read each row from one end, or each layer from both.

    ``layers`` read forwards; ``backwards`` read each row from its own last word to its first. A layer above sees both.

    Args:
        kind: ``lstm`` or ``gru``.
        widths: Width of the input, then the units of each layer (in each direction).
        generator: Source of the initial weights.
        bidirectional: Read from both ends.
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
        """Outputs of the last layer, zero after the end of each row: [R, T, h], both directions side by side.

        Args:
            vectors: [R, T, n].
            lengths: Words of each row: int64 [R].
            generator: Source of the masks.
        """
        rows, columns = vectors.shape[:2]
        sequence = vectors.transpose(0, 1)
        time = torch.arange(columns, device=lengths.device).unsqueeze(1)
        is_word = time < lengths
        mirrored = torch.where(is_word, lengths - 1 - time, time).unsqueeze(2) if len(self.backwards) else None
        for number, layer in enumerate(self.layers):
            if number:
                sequence = self.dropout_hidden(sequence, generator)
            outputs = self._read(cast("RecurrentLayer", layer), sequence, rows, generator)
            if mirrored is not None:
                # One index of [T, R] picks from each row its words in the opposite order, and its padding as it is.
                turned = torch.take_along_dim(sequence, mirrored, dim=0)
                back = self._read(cast("RecurrentLayer", self.backwards[number]), turned, rows, generator)
                outputs = torch.cat([outputs, torch.take_along_dim(back, mirrored, dim=0)], dim=2)
            sequence = outputs
        return (sequence * is_word.unsqueeze(2)).transpose(0, 1)

    @staticmethod
    def _read(layer: RecurrentLayer, sequence: Tensor, rows: int, generator: torch.Generator) -> Tensor:
        state = tuple(sequence.new_zeros(1, rows, layer.hidden) for _ in CELLS[layer.kind].states)
        outputs, _ = layer(sequence.contiguous(), state, generator)
        return cast("Tensor", outputs)


def last_states(outputs: Tensor, lengths: Tensor, *, bidirectional: bool) -> Tensor:
    """What each direction says at its own last word: [R, h]; zeros for an empty row.

    Args:
        outputs: Of an encoder, zero after the end of each row: [R, T, h].
        lengths: Words of each row: int64 [R].
        bidirectional: Whether the second half of h was read backwards, and so ends at the first word.
    """
    index = (lengths - 1).clamp_min(0).view(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    last = outputs.gather(1, index).squeeze(1)
    if not bidirectional:
        return last
    half = outputs.shape[2] // 2
    return torch.cat([last[:, :half], outputs[:, 0, half:]], dim=1)


def mean_over_time(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the words of each row [R, h]; zeros for an empty row. Arguments as of :func:`last_states`."""
    return outputs.sum(dim=1) / lengths.clamp_min(1).unsqueeze(1)


def max_over_time(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over the words of each row [R, h]; zeros for an empty row. Arguments as of :func:`last_states`."""
    is_word = mask_of(lengths, outputs.shape[1]).unsqueeze(2)
    best = outputs.masked_fill(~is_word, -torch.inf).amax(dim=1)
    return best.masked_fill((lengths == 0).unsqueeze(1), 0.0)


# --------------------------------------------------------------------------------------------------- attention


class Attention(nn.Module):
    """Attention with a context vector (Yang et al. 2016).

    ::

        u_t = tanh(W h_t + b)      α_t = exp(u_t · u_w) / Σ_t' exp(u_t' · u_w)      s = Σ_t α_t h_t

    Args:
        inputs: Width n of the vectors h.
        units: Width of u.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(units, inputs))
        self.bias = nn.Parameter(torch.zeros(units))
        self.context = nn.Parameter(torch.empty(units))
        nn.init.xavier_uniform_(self.weight, generator=generator)
        nn.init.uniform_(self.context, -1 / math.sqrt(units), 1 / math.sqrt(units), generator=generator)

    def forward(self, outputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' sums s [R, n], and the weights α [R, T], zero outside the words; all zero for an empty row.

        Args:
            outputs: Vectors h, zero after the end of each row: [R, T, n].
            lengths: How many each row has: int64 [R].
        """
        scores = torch.tanh(functional.linear(outputs, self.weight, self.bias)) @ self.context
        is_word = mask_of(lengths, outputs.shape[1])
        # A finite score for all of an empty row, whose weights are put to zero afterwards.
        weights = scores.masked_fill(~is_word, torch.finfo(scores.dtype).min).softmax(dim=1) * is_word
        return (weights.unsqueeze(1) @ outputs).squeeze(1), weights

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}"
