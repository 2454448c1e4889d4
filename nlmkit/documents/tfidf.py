"""Tf-idf weights of counted n-grams, as scikit-learn's TfidfTransformer has them.

The weight of an n-gram that a document has t times, and d of the D training documents have, is
t · (ln((1+D)/(1+d)) + 1), or (1 + ln t) · … with ``sublinear``; each document's weights are scaled to length one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import require, require_array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_LARGEST_IDF: Final = 100.0
"""Beyond that of any collection: 1 + the logarithm of its texts."""


def weigh(counts: csr_matrix, idf: NDArray[np.float64], *, sublinear: bool) -> None:
    """Make counts tf-idf weights, in their place; a document without features stays zero.

    Args:
        counts: How often each document has each feature: float64 CSR [documents, features], of no zeros.
        idf: float64 [features].
        sublinear: Whether t occurrences count as 1 + ln t.
    """
    if sublinear:
        np.log(counts.data, out=counts.data)
        counts.data += 1
    counts.data *= idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, counts.data**2, minlength=counts.shape[0]))
    counts.data /= lengths[rows]


def restored_idf(arrays: Mapping[str, NDArray[Any]], features: int) -> NDArray[np.float64]:
    """The array ``idf`` of a saved model: float64 [features].

    Raises:
        SavedModelError: It is missing, of another size, or contains values that are not an idf.
    """
    idf = require_array(arrays, "idf", dtype="float64", shape=(features,))
    require(bool(((idf >= 1) & (idf <= _LARGEST_IDF)).all()), "array 'idf' contains values that are not an idf")
    return np.asarray(idf, np.float64)
