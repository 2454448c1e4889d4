"""Normalised copies of representations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

import numpy as np

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.base import Normalization
from nlmkit.representations.neighbours import check_choice, standard_deviation
from nlmkit.representations.vectors import Vectors
from nlmkit.text.vocabulary import SPECIAL

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation


def normalized(representation: Representation, how: Normalization, std: float) -> Vectors:
    """See ``Representation.normalized``."""
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
    report = {"made_from": representation.name, "normalized": how}
    return Vectors.from_arrays(representation.vocabulary_, matrix, pipeline=representation.pipeline_, report=report)
