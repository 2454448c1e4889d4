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


def normalized_matrix(representation: WordVectors, how: Normalization, std: float) -> NDArray[np.float32]:
    """Return the vectors of ``Representation.normalized``: float32 [V, d]."""
    check_choice("how", how, get_args(Normalization))
    if isinstance(std, bool) or not isinstance(std, (int, float)) or not 0 < std < math.inf:
        raise HyperParameterError(f"std must be a positive number, not {std!r}")
    matrix = np.array(representation.matrix, np.float32)
    words = np.arange(len(SPECIAL), len(matrix))
    present = np.ones(len(matrix), np.bool_)
    present[: len(SPECIAL)] = representation.has_special()  # a zero special row marks a missing vector
    if how == "unit":
        lengths = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
        matrix = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0, casting="same_kind")
    elif how == "centre" and len(words):
        matrix[present] -= matrix[words].mean(axis=0, dtype=np.float64).astype(np.float32)
    elif how == "rescale_std":
        spread = standard_deviation(matrix, words)
        if spread == 0:
            raise DataError("cannot set the standard deviation: all values of the vectors are equal")
        matrix *= np.float32(std / spread)
    return matrix
