"""Splits and folds: complete, disjoint, seeded, and with every class's share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.documents.splits import k_folds, k_folds_of_numbers, stratified_split
from nlmkit.errors import DataError, HyperParameterError

LABELS = st.lists(st.integers(0, 3), min_size=8, max_size=60)


@given(LABELS, st.integers(2, 8), st.integers(0, 5))
def test_folds_are_even_and_so_is_every_class_in_them(labels: list[int], folds: int, seed: int) -> None:
    found = k_folds(labels, folds, seed=seed)
    assert set(found.tolist()) == set(range(folds))
    for counted in (found, *(found[np.array(labels) == label] for label in set(labels))):
        sizes = np.bincount(counted, minlength=folds)
        assert sizes.max() - sizes.min() <= 1
    assert found.tolist() == k_folds([str(label) for label in labels], folds, seed=seed).tolist()


@given(LABELS, st.integers(0, 5))
def test_a_split_is_complete_and_keeps_the_shares(labels: list[int], seed: int) -> None:
    parts = stratified_split(labels, (0.5, 0.25, 0.25), seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert all((np.diff(part) > 0).all() for part in parts)
    for part, share in zip(parts, (0.5, 0.25, 0.25), strict=True):
        assert abs(len(part) - share * len(labels)) <= 1
        for label in set(labels):
            size = labels.count(label)
            assert abs(sum(labels[index] == label for index in part.tolist()) - share * size) <= 1.5
    if len(parts[0]) >= len(set(labels)):
        assert {labels[index] for index in parts[0].tolist()} == set(labels)


def test_the_seed_decides() -> None:
    labels = ["a", "b"] * 50
    splits = [stratified_split(labels, (0.9, 0.1), seed=seed)[1].tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    folds = [k_folds(labels, 5, seed=seed).tolist() for seed in (3, 3, 4)]
    assert folds[0] == folds[1] != folds[2]


def test_texts_are_shuffled_not_cut() -> None:
    labels = ["a"] * 40 + ["b"] * 40
    inside = stratified_split(labels, (0.5, 0.5), seed=0)[0]
    assert set(inside.tolist()) != set(range(20)) | set(range(40, 60))


def test_the_split_of_stated_seeds_stays_the_same() -> None:
    labels = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]
    assert [part.tolist() for part in stratified_split(labels, (0.8, 0.2), seed=7)] == [
        [0, 1, 2, 3, 4, 6, 7, 8],
        [5, 9],
    ]
    assert k_folds(labels, 3, seed=7).tolist() == [0, 0, 1, 1, 2, 0, 2, 2, 1, 0]


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="at least 2 folds"):
        k_folds(["a", "b"], 1, seed=0)
    with pytest.raises(DataError, match="2 texts are too few for 3 folds"):
        k_folds(["a", "b"], 3, seed=0)
    for shares in ((0.5, 0.4), (1.5, -0.5), ()):
        with pytest.raises(HyperParameterError, match="positive and sum to one"):
            stratified_split(["a", "b"], shares, seed=0)
    with pytest.raises(DataError, match="too few"):
        stratified_split(["a", "b"], (0.9, 0.1), seed=0)


# ------------------------------------------------------------------------------------------------------- numbers


@given(st.lists(st.integers(-5, 5) | st.floats(-10, 10), min_size=2, max_size=60), st.integers(2, 9), st.integers(0, 5))
def test_folds_of_numbers_are_a_partition_of_even_sizes_and_like_numbers(
    numbers: list[float], folds: int, seed: int
) -> None:
    folds = min(folds, len(numbers))
    found = k_folds_of_numbers(numbers, folds, seed=seed)
    sizes = np.bincount(found, minlength=folds)
    assert len(found) == len(numbers)
    assert sizes.max() - sizes.min() <= 1
    ranked = [np.sort(np.array(numbers, float)[found == fold]) for fold in range(folds)]
    ordered = np.sort(np.array(numbers, float))
    for one in ranked:  # the i-th smallest of a fold is one of the i-th run of as many numbers as there are folds
        for place, number in enumerate(one):
            assert number in ordered[place * folds : (place + 1) * folds]


def test_folds_of_numbers_are_seeded_and_shuffled() -> None:
    numbers = np.arange(40)
    one = k_folds_of_numbers(numbers, 4, seed=1)
    assert (one == k_folds_of_numbers(numbers, 4, seed=1)).all()
    assert (one != k_folds_of_numbers(numbers, 4, seed=2)).any()
    assert len({tuple(one[begin : begin + 4]) for begin in range(0, 40, 4)}) > 1  # not one order again and again
    equal = k_folds_of_numbers(np.zeros(40), 4, seed=1)
    assert len({tuple(equal[begin : begin + 4]) for begin in range(0, 40, 4)}) > 1


def test_impossible_folds_of_numbers_are_refused() -> None:
    with pytest.raises(HyperParameterError, match="at least 2 folds, not 1"):
        k_folds_of_numbers([1, 2], 1, seed=0)
    with pytest.raises(DataError, match="2 texts are too few for 3 folds"):
        k_folds_of_numbers([1, 2], 3, seed=0)
