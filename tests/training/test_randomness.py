"""Random generators: what a seed means must stay as it is, or fits change their bytes."""

from __future__ import annotations

import numpy as np
import torch

from nlmkit.training.randomness import ArrayPurpose, Purpose, array_generator, generator


def first(seed: int, purpose: Purpose, *more: int) -> float:
    return torch.rand(1, generator=generator(seed, purpose, *more)).item()


def test_the_numbers_of_purposes_stay_as_they_are() -> None:
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "WINDOWS": 1,
        "UNKNOWN_IN_STREAM": 2,
        "NOISE": 3,
        "MASKS": 4,
        "ROTATIONS": 5,
        "ORDER_OF_TEXTS": 11,
        "MASKS_ON_TEXTS": 12,
        "UNKNOWN_IN_TEXTS": 13,
        "ROUND_OF_UNLABELLED_TEXTS": 14,
        "ORDER_OF_UNLABELLED_TEXTS": 15,
        "ORDER_OF_SENTENCES": 21,
        "MASKS_ON_SENTENCES": 22,
        "UNKNOWN_IN_SENTENCES": 23,
        "ORDER_OF_PAIRS": 31,
        "MASKS_ON_PAIRS": 32,
        "UNKNOWN_IN_PAIRS": 33,
    }
    assert [int(purpose) for purpose in (ArrayPurpose.PAIR_WEIGHTS, ArrayPurpose.PAIR_ORDER)] == [0, 1]


def test_generators_mix_their_numbers() -> None:
    drawn = {
        first(1, Purpose.WINDOWS),
        first(2, Purpose.WINDOWS),
        first(1, Purpose.UNKNOWN_IN_STREAM),
        first(1, Purpose.WINDOWS, 1),
        first(1, Purpose.WINDOWS, 2),
        first(1, Purpose.WINDOWS, 1, 2),
    }
    assert len(drawn) == 6
    assert first(2**63 - 1, Purpose.NOISE) == first(2**63 - 1, Purpose.NOISE)


def test_the_seed_of_torch_is_that_of_the_sequence_of_numbers() -> None:
    seed = int(np.random.SeedSequence((7, 4, 2)).generate_state(1, np.uint64)[0])
    assert generator(7, Purpose.MASKS, 2).initial_seed() == seed


def test_the_generator_of_arrays_begins_with_the_purpose() -> None:
    found = array_generator(5, ArrayPurpose.PAIR_ORDER).random(3)
    np.testing.assert_array_equal(found, np.random.default_rng([1, 5]).random(3))
