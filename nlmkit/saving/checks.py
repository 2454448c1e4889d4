"""Checks with which a component meets a loaded folder: right hashes do not make right contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import SavedModelError
from nlmkit.saving.strict_json import shown

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

LARGEST_WEIGHT: Final = 1e12
"""Beyond that of any network that was trained; products of larger ones overflow float32."""


def require(condition: object, message: str) -> None:
    """Refuse a saved model whose contents contradict one another.

    Args:
        condition: What has to hold; judged by its truth value.
        message: One line that says what is wrong.

    Raises:
        SavedModelError: The condition does not hold.
    """
    if not condition:
        raise SavedModelError(message)


def require_array(
    arrays: Mapping[str, NDArray[Any]], name: str, *, dtype: DTypeLike, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return an array of a saved model once its dtype and shape are what the hyper-parameters call for.

    Args:
        arrays: `SavedFolder.arrays`.
        name: Name of the array.
        dtype: The one dtype it may have, in either byte order.
        shape: Length of each dimension; None where any length will do.

    Raises:
        SavedModelError: The array is missing, or has another dtype or shape.
    """
    import numpy as np

    from nlmkit.saving.tensors import StoredArrays

    place = f"{arrays.file}: " if isinstance(arrays, StoredArrays) else ""
    if name not in arrays:
        raise SavedModelError(f"{place}array {name!r} is missing; the file holds {shown(sorted(arrays))}")
    array = arrays[name]
    expected = np.dtype(dtype)
    if array.dtype.newbyteorder("=") != expected.newbyteorder("="):
        raise SavedModelError(f"{place}array {name!r} has dtype {array.dtype}, where {expected} has to stand")
    if len(array.shape) != len(shape) or any(
        wanted not in (None, found) for found, wanted in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise SavedModelError(
            f"{place}array {name!r} has shape {list(array.shape)}, where [{wanted}] has to stand; "
            "the arrays contradict the manifest"
        )
    return array


def require_weights(array: NDArray[Any], name: str) -> None:
    """Refuse weights of a network that no training ends with: NaN, infinite, or beyond ``LARGEST_WEIGHT``.

    Args:
        array: The weights, of any shape; integers are not looked at.
        name: Name of the array.

    Raises:
        SavedModelError: it holds such a value.
    """
    if array.dtype.kind == "f" and array.size:
        # Not by isfinite, which would make an array; a comparison with NaN is false.
        within = float(array.min()) >= -LARGEST_WEIGHT and float(array.max()) <= LARGEST_WEIGHT
        require(within, f"array {name!r} holds NaN or infinity, or a weight beyond {LARGEST_WEIGHT:g}")
