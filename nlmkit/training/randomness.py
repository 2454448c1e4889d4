"""What random numbers are drawn for in training: one name space, so that no two purposes draw the same ones.

The numbers are part of what a seed means: a fit has the same bytes as long as they stay as they are.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@enum.verify(enum.UNIQUE)
class Purpose(enum.IntEnum):
    """What a generator of torch is for."""

    WINDOWS = 1
    """Lengths of the windows of a stream, epoch by epoch."""
    UNKNOWN_IN_STREAM = 2
    """Which once-seen words of a stream read as ``<unk>``, epoch by epoch."""
    NOISE = 3
    """Words that noise puts in, and states that begin anew, step by step."""
    MASKS = 4
    """Dropout and samples of a language model, process by process."""
    ORDER_OF_TEXTS = 11
    """Order of documents, epoch by epoch."""
    MASKS_ON_TEXTS = 12
    """Dropout on documents, epoch by epoch."""
    UNKNOWN_IN_TEXTS = 13
    """Which once-seen words of documents read as ``<unk>``, epoch by epoch."""


@enum.verify(enum.UNIQUE)
class ArrayPurpose(enum.IntEnum):
    """What a generator of NumPy is for; a name space of its own."""

    PAIR_WEIGHTS = 0
    """First weights of GloVe."""
    PAIR_ORDER = 1
    """Order of GloVe's pairs."""


def generator(seed: int, purpose: Purpose, *more: int) -> torch.Generator:
    """A CPU generator whose seed mixes all the numbers, so that neighbouring seeds have nothing in common.

    Args:
        seed: The component's.
        purpose: What it is for.
        more: Numbers that tell it from others for the same purpose, such as that of an epoch or a process.
    """
    import torch

    mixed = np.random.SeedSequence((seed, int(purpose), *more)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed))


def array_generator(seed: int, purpose: ArrayPurpose) -> np.random.Generator:
    """A generator of NumPy for one purpose."""
    return np.random.default_rng([int(purpose), seed])
