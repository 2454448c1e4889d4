"""Purposes of random numbers in training: one name space, so that different purposes have different generators.

The values must not change: they determine the result of a fit for a given seed.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@enum.verify(enum.UNIQUE)
class Purpose(enum.IntEnum):
    """Purpose of a torch generator."""

    WINDOWS = 1
    """Lengths of the windows of a stream, per epoch."""
    UNKNOWN_IN_STREAM = 2
    """Choice of the once-seen words of a stream read as ``<unk>``, per epoch."""
    NOISE = 3
    """Words inserted as noise, and resets of states, per step."""
    MASKS = 4
    """Dropout and samples of a language model, per process."""
    ROTATIONS = 5
    """Rotation of each column of a stream, per epoch."""
    ORDER_OF_TEXTS = 11
    """Order of documents, per epoch."""
    MASKS_ON_TEXTS = 12
    """Dropout on documents, per epoch."""
    UNKNOWN_IN_TEXTS = 13
    """Choice of the once-seen words of documents read as ``<unk>``, per epoch."""
    ROUND_OF_UNLABELLED_TEXTS = 14
    """Order of unlabelled documents, per round through them."""
    ORDER_OF_UNLABELLED_TEXTS = 15
    """Order of the batches of unlabelled documents, per epoch."""
    ORDER_OF_SENTENCES = 21
    """Order of tagged sentences, per epoch."""
    MASKS_ON_SENTENCES = 22
    """Dropout on tagged sentences, per epoch."""
    UNKNOWN_IN_SENTENCES = 23
    """Choice of the once-seen words of tagged sentences read as ``<unk>``, per epoch."""
    ORDER_OF_PAIRS = 31
    """Order of pairs of sources and targets, per epoch."""
    MASKS_ON_PAIRS = 32
    """Dropout on pairs, per epoch."""
    UNKNOWN_IN_PAIRS = 33
    """Choice of the once-seen words of pairs read as ``<unk>``, per epoch."""


@enum.verify(enum.UNIQUE)
class ArrayPurpose(enum.IntEnum):
    """Purpose of a NumPy generator; a separate name space."""

    PAIR_WEIGHTS = 0
    """Initial weights of GloVe."""
    PAIR_ORDER = 1
    """Order of the pairs of GloVe."""


def generator(seed: int, purpose: Purpose, *more: int) -> torch.Generator:
    """Return a CPU generator whose seed mixes all the numbers, so that similar seeds are unrelated.

    Args:
        seed: Seed of the component.
        purpose: Purpose of the generator.
        more: Numbers that distinguish generators of the same purpose, such as that of an epoch or a process.
    """
    import torch

    mixed = np.random.SeedSequence((seed, int(purpose), *more)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed))


def array_generator(seed: int, purpose: ArrayPurpose) -> np.random.Generator:
    """Return a NumPy generator for one purpose."""
    return np.random.default_rng([int(purpose), seed])
