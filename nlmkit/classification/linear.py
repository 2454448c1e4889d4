"""What the linear classifiers share: margins of sparse features, and looking after saved weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import NlmkitError
from nlmkit.saving import require, require_array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def require_sklearn(component: str) -> None:
    """Say how to install scikit-learn where it is missing."""
    try:
        import sklearn  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise NlmkitError(f"{component} needs scikit-learn: pip install 'nlmkit[classifiers]'") from None


def margins(matrix: csr_matrix, weights: NDArray[np.float64], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margin of each class: float64 [documents, classes].

    Args:
        matrix: Features: [documents, features].
        weights: float64 [decisions, features]; one decision, of the second class against the first, where there are
            two classes, and otherwise one for each class.
        intercepts: float64 [decisions].
    """
    found: NDArray[np.float64] = np.asarray(matrix @ weights.T) + intercepts
    # 0 − x, since −x would make −0 of 0.
    return np.concatenate([0 - found, found], axis=1) if len(weights) == 1 else found


def class_weights(weights: NDArray[np.float64], index: int) -> NDArray[np.float64]:
    """Weights of the margin of one class: float64 [features]."""
    row: NDArray[np.float64] = weights[index] if len(weights) > 1 else weights[0]
    return 0 - row if len(weights) == 1 and not index else row


def restored_decisions(
    arrays: Mapping[str, NDArray[Any]], classes: int, features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and intercepts of a saved model.

    Raises:
        SavedModelError: they are missing, of a wrong shape, or hold NaN or infinity.
    """
    decisions = 1 if classes == 2 else classes
    found = [
        require_array(arrays, "weights", dtype="float64", shape=(decisions, features)),
        require_array(arrays, "intercepts", dtype="float64", shape=(decisions,)),
    ]
    for name, array in zip(("weights", "intercepts"), found, strict=True):
        require(bool(np.isfinite(array).all()), f"array {name!r} holds NaN or infinity")
    weights, intercepts = (np.asarray(array, np.float64) for array in found)
    return weights, intercepts
