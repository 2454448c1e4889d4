"""Input layer of models of texts: word vectors, random or from a representation, tuned or frozen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.layers.masks import keep_mask
from nlmkit.text.vocabulary import BOS_ID

PAD_ID: Final = BOS_ID
"""Id of padding, whose vector is zero and is never trained; that of ``<s>``, which models of texts do not read."""


class _Own(threading.local):
    """What a thread alone sees, since a model can be used by several.

    Attributes:
        extended: Channels of input layers with further rows, by the layer's ``id``.
        shifts: What is added to the vectors of input layers, by the layer's ``id``.
    """

    def __init__(self) -> None:
        self.extended: dict[int, list[Tensor]] = {}
        self.shifts: dict[int, Tensor] = {}


_OWN: Final = _Own()


class Rows(NamedTuple):
    """Sentences of a batch in one padded array.

    Attributes:
        ids: One sentence per row, padded with ``PAD_ID``: int64 [r, t], t ≥ 1.
        numbers: Indices of these rows in the batch, increasing: int64 [r].
    """

    ids: Tensor
    numbers: Tensor

    def to(self, device: torch.device) -> Rows:
        """Return a copy on a device."""
        return Rows(self.ids.to(device), self.numbers.to(device))


class WordInput(nn.Module):
    """Word vectors by vocabulary id, in one or two channels side by side.

    Padding is always zero in each channel. ``tuned`` is a parameter [V, d], ``frozen`` a buffer [V, d]; one of
    them may be None.

    Args:
        tuned: Trained vectors.
        frozen: Vectors that are not trained.
        dropout: Rate of dropout on the vectors, with one mask for all words of a row.
        dropout_word: Rate of dropout of whole words.
        sparse: Use a sparse gradient for ``tuned``; the optimizer must support it.
    """

    def __init__(
        self,
        tuned: Tensor | None,
        frozen: Tensor | None = None,
        *,
        dropout: float = 0.0,
        dropout_word: float = 0.0,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.tuned = None if tuned is None else nn.Parameter(_without_padding(tuned))
        self.register_buffer("frozen", None if frozen is None else _without_padding(frozen))
        self.dropout = dropout
        self.dropout_word = dropout_word
        self.sparse = sparse

    frozen: Tensor | None

    @property
    def channels(self) -> list[Tensor]:
        """Matrices of the channels [V, d], the frozen one first."""
        return [matrix for matrix in (self.frozen, self.tuned) if matrix is not None]

    @property
    def width(self) -> int:
        """Output width: d times the number of channels."""
        return sum(matrix.shape[1] for matrix in self.channels)

    def forward(self, ids: Tensor, generator: torch.Generator) -> Tensor:
        """Return the vectors [R, T, width] of ids [R, T].

        Args:
            ids: Vocabulary ids; V and above are rows of ``with_extra``.
            generator: Source of the masks.
        """
        return self.of_groups([Rows(ids, torch.arange(len(ids), device=ids.device))], generator)[0]

    def of_groups(self, groups: Sequence[Rows], generator: torch.Generator) -> list[Tensor]:
        """Return the vectors [r, t, width] of each group of rows.

        The mask of a row does not depend on the grouping; those of whole words do.

        Args:
            groups: One or more groups that together contain all rows of a batch; ids as in ``forward``.
            generator: Source of the masks.
        """
        # One look-up for all groups, since each would allocate a gradient for the whole vocabulary.
        ids = torch.cat([rows.ids.flatten() for rows in groups])
        found = [
            functional.embedding(ids, matrix, PAD_ID, sparse=self.sparse and matrix.requires_grad)
            for matrix in _OWN.extended.get(id(self), self.channels)
        ]
        vectors = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        shift = _OWN.shifts.get(id(self))
        if shift is not None:
            vectors = vectors + shift
        if self.training and self.dropout_word:
            vectors = vectors * keep_mask((len(ids), 1), self.dropout_word, generator, vectors)
        width = vectors.shape[1]
        parts = torch.split(vectors, [rows.ids.numel() for rows in groups])
        shaped = [part.view(*rows.ids.shape, width) for part, rows in zip(parts, groups, strict=True)]
        if self.training and self.dropout:
            count = sum(len(rows.ids) for rows in groups)
            masks = keep_mask((count, 1, width), self.dropout, generator, vectors)
            shaped = [part * masks[rows.numbers] for part, rows in zip(shaped, groups, strict=True)]
        return shaped

    @contextlib.contextmanager
    def with_extra(self, rows: NDArray[np.float32] | None) -> Iterator[None]:
        """Set the vectors of the ids from V on, in every channel, within the ``with`` block: float32 [n, d].

        Other threads do not see them.
        """
        if rows is not None and len(rows):
            extra = torch.from_numpy(rows).to(self.channels[0])
            _OWN.extended[id(self)] = [torch.cat([matrix, extra]) for matrix in self.channels]
        try:
            yield
        finally:
            _OWN.extended.pop(id(self), None)

    @contextlib.contextmanager
    def shifted(self, by: Tensor) -> Iterator[None]:
        """Add something to the vectors, before any dropout, within the ``with`` block; other threads do not see it.

        Args:
            by: What is added to the vector of each word of a batch, padding included, in the order of the groups and
                their rows: [words, width].
        """
        _OWN.shifts[id(self)] = by
        try:
            yield
        finally:
            _OWN.shifts.pop(id(self), None)


def _without_padding(matrix: Tensor) -> Tensor:
    kept = matrix.detach().clone().float()
    kept[PAD_ID] = 0
    return kept


def random_vectors(words: int, width: int, bound: float, generator: torch.Generator) -> Tensor:
    """Return random vectors, uniform in ±bound: float32 [words, width]."""
    return torch.empty(words, width).uniform_(-bound, bound, generator=generator)
