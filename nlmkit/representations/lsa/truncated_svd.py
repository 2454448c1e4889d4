"""Truncated SVD of a sparse matrix: largest singular values and left singular vectors, deterministic with fixed signs.

Small matrices are decomposed densely by LAPACK. For large ones, ARPACK computes the dominant eigenvectors of the Gram
matrix to machine precision (implicitly restarted Lanczos; Lehoucq, Sorensen & Yang 1998), and the singular vectors are
then computed from the matrix within their span. This is exact, whereas a randomised range finder (Halko, Martinsson &
Tropp 2011) is approximate for slowly decaying singular values, as those of text.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DENSE_ENTRIES = 1 << 20
"""Maximum number of entries, including zeros, of a matrix that is decomposed densely."""


class RankError(ValueError):
    """The matrix has fewer singular vectors than requested.

    Attributes:
        rank: Rank of the matrix.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        super().__init__(f"the matrix has rank {rank}")


def truncated_svd(matrix: Any, k: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ``k`` largest singular values and their left singular vectors.

    The sign of each vector makes its value of largest magnitude (the first on ties) positive. The same matrix, seed and
    number of BLAS threads produce the same bytes.

    Args:
        matrix: A scipy sparse matrix [n, m], float64.
        k: Number of singular values.
        seed: Seed of the start vector of the iteration.

    Returns:
        The vectors, float64 [n, k], and the values, float64 [k], in descending order. Zero rows of the matrix are zero
        rows of the vectors.

    Raises:
        RankError: The matrix has fewer than ``k`` singular values above zero.
    """
    rows = np.flatnonzero(np.diff(matrix.tocsr().indptr))
    columns = np.flatnonzero(np.diff(matrix.tocsc().indptr))
    if k > min(len(rows), len(columns)):
        raise RankError(_rank(matrix, min(len(rows), len(columns))))
    core = matrix.tocsr()[rows][:, columns]
    if core.shape[0] * core.shape[1] <= _DENSE_ENTRIES or k >= min(core.shape) - 1:
        left, values, _ = np.linalg.svd(core.toarray(), full_matrices=False)
    else:
        left, values = _arpack(core, k, seed)
    rank = int(np.count_nonzero(values > values[0] * max(core.shape) * np.finfo(np.float64).eps))
    if rank < k:
        raise RankError(rank)
    vectors = np.zeros((matrix.shape[0], k))
    vectors[rows] = left[:, :k] * _signs(left[:, :k])
    return vectors, values[:k]


def _arpack(matrix: Any, k: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.sparse.linalg import LinearOperator, eigsh

    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T.tocsr() if wide else matrix
    across = tall.T.tocsr()
    size = tall.shape[1]
    gram = LinearOperator((size, size), matvec=lambda x: across @ (tall @ x), dtype=np.float64)
    generator = np.random.default_rng(seed)
    options = {"v0": generator.standard_normal(size)}
    if "rng" in inspect.signature(eigsh).parameters:  # for its restarts, from SciPy 1.17
        options["rng"] = generator
    _, right = eigsh(gram, k=k, **options)
    # Eigenvectors of the Gram matrix are the singular vectors up to rounding; what is left is a small dense problem.
    right, _ = np.linalg.qr(right)
    left, values, mixed = np.linalg.svd(tall @ right, full_matrices=False)
    return (right @ mixed.T if wide else left), values


def _rank(matrix: Any, bound: int) -> int:
    """Return the rank of a matrix, or its upper bound ``bound`` if computing it would take long."""
    if not bound or matrix.shape[0] * matrix.shape[1] > _DENSE_ENTRIES:
        return bound
    return int(np.linalg.matrix_rank(matrix.toarray()))


def _signs(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = np.abs(vectors).argmax(axis=0)
    return np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
