"""Splits of texts into train, valid and test, and k folds: seeded, and stratified by class or by number.

The seed is that of ``numpy.random.default_rng``; the same labels in the same order and the same seed result in one
split on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError, HyperParameterError


def stratified_split(labels: ArrayLike, shares: Sequence[float], *, seed: int) -> list[NDArray[np.int64]]:
    """Split texts at random into parts, stratified by class.

    Within each class the texts are shuffled and spread evenly over the parts, so that a part's size is exact to within
    one text, and the share of a class in it to within about one. The first part has the first text of each class and
    therefore contains every class if it has at least as many texts as there are classes.

    Args:
        labels: Label of each text: [texts].
        shares: Shares of the parts, which sum to one, such as ``(0.8, 0.1, 0.1)``.
        seed: Seed of the shuffling.

    Returns:
        The indices of each part's texts, ascending: int64.

    Raises:
        HyperParameterError: The shares are not positive or do not sum to one.
        DataError: There are too few texts, so that a part would be empty.
    """
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise HyperParameterError(f"the shares of a split must be positive and sum to one, not {list(shares)}")
    codes, counts = _codes(labels)
    ranks = _shuffled_ranks(codes, counts, np.random.default_rng(seed))
    # Ordering the texts by their relative position within their class keeps the classes mixed.
    order = np.lexsort((codes, ranks / counts[codes]))
    ends = np.rint(np.cumsum(shares) * len(codes)).astype(np.int64)
    parts = [np.sort(part) for part in np.split(order, ends[:-1])]
    if not all(map(len, parts)):
        raise DataError(f"{len(codes)} texts are too few to split into {len(shares)} parts")
    return parts


def k_folds(labels: ArrayLike, folds: int, *, seed: int) -> NDArray[np.int64]:
    """Assign texts at random to folds, stratified by class.

    Within each class the texts are shuffled and dealt out in turn, each class continuing where the one before it ended:
    fold sizes differ by at most one, and so do the numbers of texts of a class in them.

    Args:
        labels: Label of each text: [texts].
        folds: Number of folds, at least 2.
        seed: Seed of the shuffling.

    Returns:
        The fold of each text, from 0: int64 [texts].

    Raises:
        HyperParameterError: There are fewer than two folds.
        DataError: There are fewer texts than folds.
    """
    codes, counts = _codes(labels)
    _check_folds(len(codes), folds)
    ranks = _shuffled_ranks(codes, counts, np.random.default_rng(seed))
    before = np.cumsum(counts) - counts
    return (before[codes] + ranks) % folds


def k_folds_of_numbers(numbers: ArrayLike, folds: int, *, seed: int) -> NDArray[np.int64]:
    """Assign texts at random to folds with similar distributions of the numbers.

    Texts are sorted by number, ties shuffled; each run of ``folds`` texts is distributed at random,
    one text per fold: fold sizes differ by at most one.

    Args:
        numbers: Number of each text: [texts].
        folds: Number of folds, at least 2.
        seed: Random seed.

    Returns:
        The fold of each text, from 0: int64 [texts].

    Raises:
        HyperParameterError: There are fewer than two folds.
        DataError: There are fewer texts than folds.
    """
    values = np.asarray(numbers, np.float64)
    _check_folds(len(values), folds)
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.permutation(len(values)), values))
    hands = [generator.permutation(folds) for _ in range(-(-len(values) // folds))]
    found = np.empty(len(values), np.int64)
    found[order] = np.concatenate(hands)[: len(values)]
    return found


def _check_folds(texts: int, folds: int) -> None:
    if folds < 2:
        raise HyperParameterError(f"cross-validation needs at least 2 folds, not {folds}")
    if texts < folds:
        raise DataError(f"{texts} texts are too few for {folds} folds")


def _codes(labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the class index of each text, and the class sizes."""
    _, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return codes.astype(np.int64), counts.astype(np.int64)


def _shuffled_ranks(
    codes: NDArray[np.int64], counts: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return the position of each text in a random order of its class: int64 [texts], from 0."""
    shuffled: NDArray[Any] = generator.permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    ranks = np.empty(len(codes), np.int64)
    starts = np.cumsum(counts) - counts
    ranks[by_class] = np.arange(len(codes)) - np.repeat(starts, counts)
    return ranks
