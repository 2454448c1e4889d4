"""Normalised copies of the vectors of representations."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.neighbours import check_choice, standard_deviation
from nlmkit.representations.rules import Normalization, WordVectors
from nlmkit.text.vocabulary import SPECIAL


def normalized_matrix(
    representation: WordVectors, how: Normalization, std: float, components: int | None
) -> NDArray[np.float32]:
    """Return the vectors of ``Representation.normalized``: float32 [V, d]."""
    check_choice("how", how, get_args(Normalization))
    _check_components(representation, how, components)
    if isinstance(std, bool) or not isinstance(std, (int, float)) or not 0 < std < math.inf:
        raise HyperParameterError(f"std must be a positive number, not {std!r}")
    matrix = np.array(representation.matrix, np.float32)
    words = np.arange(len(SPECIAL), len(matrix))
    present = np.ones(len(matrix), np.bool_)
    present[: len(SPECIAL)] = representation.has_special()  # a zero special row marks a missing vector
    if how == "unit":
        lengths = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
        matrix = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0, casting="same_kind")
    elif how in ("centre", "all-but-the-top") and len(words):
        matrix[present] -= matrix[words].mean(axis=0, dtype=np.float64).astype(np.float32)
        if how == "all-but-the-top":
            leading = _leading(matrix[words], _by_default(matrix) if components is None else components)
            matrix[present] -= (matrix[present] @ leading) @ leading.T
    elif how == "rescale_std":
        spread = standard_deviation(matrix, words)
        if spread == 0:
            raise DataError("cannot set the standard deviation: all values of the vectors are equal")
        matrix *= np.float32(std / spread)
    return matrix


def _check_components(representation: WordVectors, how: Normalization, components: int | None) -> None:
    """Check the number of components to remove.

    Raises:
        HyperParameterError: It is not a whole number from 1 to one less than the dimension, or nothing removes it.
    """
    if components is None:
        return
    if how != "all-but-the-top":
        raise HyperParameterError(f"components={components!r} has no effect: it needs how=all-but-the-top")
    most = representation.dimension - 1
    whole = isinstance(components, (int, np.integer)) and not isinstance(components, bool)
    if not whole or not 1 <= components <= most:
        raise HyperParameterError(f"components must be a whole number from 1 to {most}, not {components!r}")


def _by_default(matrix: NDArray[np.float32]) -> int:
    """Return the number of components that Mu & Viswanath (2018) remove: about a hundredth of the dimension."""
    dimension = int(matrix.shape[1])
    return min(max(1, round(dimension / 100)), dimension - 1)


def _leading(rows: NDArray[np.float32], components: int) -> NDArray[np.float32]:
    """Return the directions of greatest variance of centred rows, orthonormal: float32 [d, components]."""
    squares = np.zeros((rows.shape[1], rows.shape[1]))
    for begin in range(0, len(rows), 1 << 14):  # in float64 without a copy of all rows
        block = rows[begin : begin + (1 << 14)].astype(np.float64)
        squares += block.T @ block
    return np.asarray(np.linalg.eigh(squares)[1][:, rows.shape[1] - components :], np.float32)
