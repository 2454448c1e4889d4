"""Checks of the contents of a loaded folder: correct hashes do not imply valid contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import SavedModelError
from nlmkit.saving.strict_json import shown

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

LARGEST_WEIGHT: Final = 1e12
"""Upper bound of trained weights; products of larger ones overflow float32."""


def require(condition: object, message: str) -> None:
    """Raise ``SavedModelError`` unless a condition on the contents of a saved model holds.

    Args:
        condition: Condition, evaluated for its truth value.
        message: Description of the problem in one line.

    Raises:
        SavedModelError: The condition does not hold.
    """
    if not condition:
        raise SavedModelError(message)


def require_array(
    arrays: Mapping[str, NDArray[Any]], name: str, *, dtype: DTypeLike, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return an array of a saved model after checking its dtype and shape.

    Args:
        arrays: ``SavedFolder.arrays``.
        name: Name of the array.
        dtype: Expected dtype, in either byte order.
        shape: Expected length of each dimension; None for any length.

    Raises:
        SavedModelError: The array is missing, or its dtype or shape differs.
    """
    import numpy as np

    from nlmkit.saving.tensors import StoredArrays

    place = f"{arrays.file}: " if isinstance(arrays, StoredArrays) else ""
    if name not in arrays:
        raise SavedModelError(f"{place}array {name!r} is missing; the file contains {shown(sorted(arrays))}")
    array = arrays[name]
    expected = np.dtype(dtype)
    if array.dtype.newbyteorder("=") != expected.newbyteorder("="):
        raise SavedModelError(f"{place}array {name!r} has dtype {array.dtype}, expected {expected}")
    if len(array.shape) != len(shape) or any(
        wanted not in (None, found) for found, wanted in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise SavedModelError(
            f"{place}array {name!r} has shape {list(array.shape)}, expected [{wanted}]; "
            "the arrays contradict the manifest"
        )
    return array


def ascends(values: NDArray[Any], *, strictly: bool = True) -> bool:
    """Return whether integers, the first at least 0, never decrease, or always increase if ``strictly``.

    They are compared, since differences of integers of a damaged file can overflow.

    Args:
        values: Integers of a saved model, such as ends of rows or sorted keys: [n].
        strictly: Whether equal neighbours are refused.
    """
    if not len(values):
        return True
    later, earlier = values[1:], values[:-1]
    return int(values[0]) >= 0 and bool((later > earlier if strictly else later >= earlier).all())


def require_weights(array: NDArray[Any], name: str) -> None:
    """Check that the weights of a network are finite and within ``LARGEST_WEIGHT``.

    Args:
        array: Weights, of any shape; integers are not checked.
        name: Name of the array.

    Raises:
        SavedModelError: A weight is NaN, infinite or too large.
    """
    if array.dtype.kind == "f" and array.size:
        # Not by isfinite, which would make an array; a comparison with NaN is false.
        within = float(array.min()) >= -LARGEST_WEIGHT and float(array.max()) <= LARGEST_WEIGHT
        require(within, f"array {name!r} contains NaN or infinity, or a weight beyond {LARGEST_WEIGHT:g}")
