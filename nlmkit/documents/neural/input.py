"""The input layer of a model of texts: word vectors, random or from a representation, tuned or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.documents.neural.batching import PAD_ID, Rows
from nlmkit.errors import HyperParameterError
from nlmkit.layers.masks import keep_mask
from nlmkit.representations.alignment import check_coverage

if TYPE_CHECKING:
    from nlmkit.documents.neural.options import InputOptions
    from nlmkit.representations.base import Representation
    from nlmkit.text import Vocabulary


class WordInput(nn.Module):
    """Word vectors by vocabulary id, in one or two channels side by side.

    Padding is zero in each channel, and stays so. ``tuned`` is a parameter [V, d], ``frozen`` a buffer [V, d]; one of
    them may be missing.

    Args:
        tuned: Vectors that training changes.
        frozen: Vectors that it does not.
        dropout: Rate of dropout on the vectors, one mask for all words of a row.
        dropout_word: Rate of dropout of whole words.
        sparse: Give ``tuned`` a sparse gradient, for an optimizer that takes one.
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
        self._extended: list[Tensor] | None = None

    frozen: Tensor | None

    @property
    def channels(self) -> list[Tensor]:
        """The matrices [V, d], the frozen one first."""
        return [matrix for matrix in (self.frozen, self.tuned) if matrix is not None]

    @property
    def width(self) -> int:
        """Width of what comes out: d times the channels."""
        return sum(matrix.shape[1] for matrix in self.channels)

    def forward(self, ids: Tensor, generator: torch.Generator) -> Tensor:
        """Vectors [R, T, width] of ids [R, T].

        Args:
            ids: Vocabulary ids; V and up are rows of :meth:`with_extra`.
            generator: Source of the masks.
        """
        return self.of_groups([Rows(ids, torch.arange(len(ids), device=ids.device))], generator)[0]

    def of_groups(self, groups: Sequence[Rows], generator: torch.Generator) -> list[Tensor]:
        """Vectors [r, t, width] of each group of rows.

        A row's mask is the same however the rows are grouped; those of whole words are not.

        Args:
            groups: One or more, with all rows of a batch between them; ids are those of :meth:`forward`.
            generator: Source of the masks.
        """
        # One look-up for all groups, since each would make a gradient for the whole vocabulary.
        ids = torch.cat([rows.ids.flatten() for rows in groups])
        found = [
            functional.embedding(ids, matrix, PAD_ID, sparse=self.sparse and matrix.requires_grad)
            for matrix in self._extended or self.channels
        ]
        vectors = found[0] if len(found) == 1 else torch.cat(found, dim=1)
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
        """For the length of the body ids from V on have these vectors in every channel: float32 [n, d]."""
        if rows is not None and len(rows):
            extra = torch.from_numpy(rows).to(self.channels[0])
            self._extended = [torch.cat([matrix, extra]) for matrix in self.channels]
        try:
            yield
        finally:
            self._extended = None


def _without_padding(matrix: Tensor) -> Tensor:
    kept = matrix.detach().clone().float()
    kept[PAD_ID] = 0
    return kept


def random_vectors(words: int, width: int, bound: float, generator: torch.Generator) -> Tensor:
    """Vectors uniform in ±bound: float32 [words, width]."""
    return torch.empty(words, width).uniform_(-bound, bound, generator=generator)


def initial_channels(
    options: InputOptions,
    representation: Representation | None,
    vocabulary: Vocabulary,
    generator: torch.Generator,
    seed: int,
) -> tuple[Tensor | None, Tensor | None, dict[str, Any]]:
    """The first vectors: those to be tuned, those to be frozen, and what the fit report says of them.

    Args:
        options: The component's.
        representation: Fitted; None: random vectors.
        vocabulary: Of the model.
        generator: Source of random vectors.
        seed: Of those that words get that the representation lacks.

    Raises:
        HyperParameterError: There is nothing that could be frozen.
        DataError: With ``tune=frozen`` no word has a vector.
    """
    if representation is not None:
        found = representation.align(vocabulary, oov=options.oov, seed=seed)
        check_coverage(found, representation, vocabulary, options.tune)  # how poor it is, the component notes
        report = {"representation": representation.name, "digest": representation.digest, **found.report()}
        if found.matrix is not None:
            matrix = torch.from_numpy(np.array(found.matrix, np.float32))
            tuned = None if options.tune == "frozen" else matrix
            return tuned, None if options.tune == "fine-tune" else matrix.clone(), {"tune": options.tune, **report}
        if options.tune != "fine-tune":
            raise HyperParameterError(
                f"tune={options.tune}: {representation.name} vectors have nothing to freeze, since the matrix that "
                "makes them short is what is trained; use tune=fine-tune"
            )
    else:
        report = {"representation": None}
    vectors = random_vectors(len(vocabulary), options.embedding, options.embedding_range, generator)
    return vectors, None, {"tune": "fine-tune", **report, "dimension": options.embedding}
