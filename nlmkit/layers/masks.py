"""Dropout variants with masks from an explicit generator, for reproducible and resumable runs.

Every transform is the identity in evaluation mode, except ``Zoneout``, which uses the expectation as in its paper.
A mask is 0 with the given rate and 1 / (1 − rate) elsewhere, which preserves the expectation. It is drawn on the
generator's device and moved to the device of its use.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def keep_mask(shape: Sequence[int], rate: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return a dropout mask: 0 with probability ``rate``, else 1 / (1 − rate).

    Args:
        shape: Shape of the mask.
        rate: Probability of a zero, in [0, 1).
        generator: Source of randomness.
        like: Tensor with the device and dtype of the mask.
    """
    return chance(shape, 1 - rate, generator, like).div_(1 - rate)


def chance(shape: Sequence[int], rate: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return ones with probability ``rate``, else zeros, with the device and dtype of ``like``."""
    # Several times faster on a CPU than bernoulli_; the rate is exact to within 2⁻²⁴.
    return torch.rand(*shape, generator=generator, device=generator.device).lt_(rate).to(like)


class Dropout(nn.Module):
    """Dropout on a sequence [T, B, n], or unlocked on a tensor of any shape.

    Locked, it is variational dropout (Gal & Ghahramani 2016): one mask [B, n] for all time steps. Unlocked,
    each unit of each step is dropped independently (Srivastava et al. 2014; Zaremba et al. 2014).
    """

    def __init__(self, rate: float, *, locked: bool) -> None:
        super().__init__()
        self.rate, self.locked = rate, locked

    def forward(self, sequence: Tensor, generator: torch.Generator) -> Tensor:
        """Return the sequence with units dropped in training, of the same shape."""
        if not self.training or self.rate == 0:
            return sequence
        shape = (1, *sequence.shape[1:]) if self.locked else sequence.shape
        return sequence * keep_mask(shape, self.rate, generator, sequence)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.rate}, locked={self.locked}"


class WordDropout(nn.Module):
    """Dropout of whole words: rows of the embedding, the same ones in a whole window (Gal & Ghahramani 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, vectors: Tensor, rows: Tensor, words: int, generator: torch.Generator) -> Tensor:
        """Return the vectors, with zeros for dropped words.

        Args:
            vectors: Word vectors: [T, B, e].
            rows: Embedding row of each vector: int64 [T, B].
            words: Number of embedding rows.
            generator: Source of randomness.
        """
        if not self.training or self.rate == 0:
            return vectors
        return vectors * keep_mask((words,), self.rate, generator, vectors)[rows].unsqueeze(-1)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.rate}"


class WeightDrop(nn.Module):
    """DropConnect on a recurrent weight matrix, one mask per window (Wan et al. 2013; Merity et al. 2018).

    The masked matrix is a new tensor passed to the layer's kernel; the parameter itself is not changed.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, weight: Tensor, generator: torch.Generator) -> Tensor:
        """Return the weights to compute with, of the shape of ``weight``."""
        if not self.training or self.rate == 0:
            return weight
        return weight * keep_mask(weight.shape, self.rate, generator, weight)

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.rate}"


class Zoneout(nn.Module):
    """Units keep their last value instead of the new one (Krueger et al. 2017).

    In training each unit of each step does so with the given probability; in evaluation the state is the expectation,
    rate · last + (1 − rate) · new.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def masks(self, steps: int, state: Tensor, generator: torch.Generator) -> Tensor | None:
        """Return the mask of units that keep their value: ones and zeros [steps, B, h], None in evaluation.

        Args:
            steps: Time steps T.
            state: A state [B, h].
            generator: Source of randomness.
        """
        return chance((steps, *state.shape), self.rate, generator, state) if self.training else None

    def forward(self, last: Tensor, new: Tensor, kept: Tensor | None) -> Tensor:
        """Return the state after a step [B, h], from those before it and the step's entry of ``masks``."""
        last = last.to(new.dtype)  # which autocast may have lowered
        return torch.lerp(new, last, self.rate if kept is None else kept.to(new.dtype))

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.rate}"
