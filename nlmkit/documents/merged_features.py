"""Merging of the features of a single document into one, which leaves the linear model unchanged.

With an L2 penalty, the weights of features that occur in only one document are proportional to their values: they
matter only through their sum there. One feature whose value is the norm of theirs replaces them all, without changing
the minimum. Most n-grams are such features.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclasses.dataclass
class MergedFeatures:
    """Features of training documents: those of a single document are merged, those of none dropped.

    Attributes:
        matrix: float64 CSR [documents, merged features]; the features of most documents come first, which keeps data
            used together close in memory.
        columns: Merged feature of each feature, −1 for those of no document: int64 [features].
        factors: Each feature's share of the merged feature's weight: float64 [features].
    """

    matrix: csr_matrix
    columns: NDArray[np.int64]
    factors: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: csr_matrix) -> MergedFeatures:
        """Merge the features of a matrix [documents, features] without repeated indices."""
        from scipy.sparse import csr_matrix

        documents, features = matrix.shape
        frequencies = np.bincount(matrix.indices, minlength=features)
        shared = np.flatnonzero(frequencies > 1)
        columns = np.full(features, -1, np.int64)
        columns[shared[np.argsort(-frequencies[shared], kind="stable")]] = np.arange(len(shared))
        factors = np.where(frequencies > 1, 1.0, 0.0)

        alone = frequencies[matrix.indices] == 1
        rows = np.repeat(np.arange(documents), np.diff(matrix.indptr))[alone]
        values = matrix.data[alone]
        norms = np.sqrt(np.bincount(rows, values**2, minlength=documents))
        own = np.flatnonzero(norms)
        place = np.zeros(documents, np.int64)
        place[own] = len(shared) + np.arange(len(own))
        single = matrix.indices[alone]
        with np.errstate(invalid="ignore"):  # a document may have only values of zero
            columns[single] = np.where(norms[rows] > 0, place[rows], -1)
            factors[single] = np.where(norms[rows] > 0, values / norms[rows], 0)

        counts = np.bincount(np.repeat(np.arange(documents), np.diff(matrix.indptr))[~alone], minlength=documents)
        pointers = np.concatenate([[0], np.cumsum(counts + (norms > 0))])
        indices = np.empty(pointers[-1], np.int32)
        data = np.empty(pointers[-1])
        last = np.zeros(len(indices), bool)
        last[pointers[1:][own] - 1] = True
        indices[last], data[last] = place[own], norms[own]
        indices[~last], data[~last] = columns[matrix.indices[~alone]], matrix.data[~alone]
        merged = csr_matrix((data, indices, pointers), shape=(documents, len(shared) + len(own)))
        return cls(merged, columns, factors)

    def expanded(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights of the features, from those of the merged features: float64 [features]."""
        found = np.zeros(len(self.columns))
        known = self.columns >= 0
        found[known] = weights[self.columns[known]] * self.factors[known]
        return found
