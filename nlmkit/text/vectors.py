"""Vectors that are the sources of texts: in memory, checked and as float32."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.tables import items_of, refuse_table

_REAL: Final = "fiub"  # kinds of NumPy's types that are numbers
LARGEST: Final = float(np.finfo(np.float32).max)


def holds_vectors(data: Any) -> bool:
    """Return whether sources in memory are vectors, or numbers, and not texts.

    That is an array of numbers or of two or more dimensions, a table of numbers that converts to one, or a sequence
    that begins with a number or a vector. An iterator is not looked at.
    """
    kind = getattr(getattr(data, "dtype", None), "kind", None)
    if hasattr(data, "__array__") and hasattr(data, "shape"):  # also tensors of torch, whose types have no kind
        return kind in (*_REAL, "c") or (kind is None and len(data.shape) > 1) or _is_tensor(data)
    if not isinstance(data, (list, tuple)) or not data:
        return False
    first = data[0]
    if isinstance(first, (Number, np.number)):
        return True
    if isinstance(first, Sequence) and not isinstance(first, (str, bytes)):
        return bool(first) and isinstance(first[0], (Number, np.number))
    return hasattr(first, "__array__") and holds_vectors(first)


def _is_tensor(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "torch"


def as_vectors(data: Any, *, source: str | None = None, lines: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
    """Return vectors as a read-only array: float32 [n, d].

    Args:
        data: An array [n, d] of real numbers, a sequence of n vectors, or n numbers, each a vector of one dimension.
        source: What errors call them.
        lines: Line of each vector.

    Raises:
        DataError: They are not real numbers in one or two dimensions, differ in length, have no dimensions, or one is
            not finite or not within float32; names the row, counted from 1, or its line.
    """
    array = _array(data, source)
    if array.dtype.kind not in _REAL:
        raise DataError(f"the vectors are of {array.dtype}, which is not a type of real numbers", source=source)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        remedy = "one vector per row, as in array.reshape(len(array), -1)" if array.ndim > 2 else "one vector per row"
        raise DataError(
            f"the vectors are an array of shape {list(array.shape)}: expected two dimensions, {remedy}", source=source
        )
    if len(array) and not array.shape[1]:
        raise DataError("the vectors have no dimensions", source=source)
    with np.errstate(over="ignore"):  # found below, with the place
        found = np.array(array, np.float32, order="C")
    finite = np.isfinite(found)
    if not finite.all():
        row, column = (int(place) for place in np.argwhere(~finite)[0])
        value = float(array[row, column])
        what = f"{value:g}, which is not finite" if not np.isfinite(value) else f"{value:g}, beyond float32"
        problem = f"number {column + 1} of the vector is {what}"
        if lines is not None:
            raise DataError(problem, source=source, line=int(lines[row]))
        raise DataError(f"row {row + 1} of {len(found)}: {problem}", source=source)
    found.flags.writeable = False
    return found


def _array(data: Any, source: str | None) -> NDArray[Any]:
    """Return what was given as an array."""
    if isinstance(data, np.ndarray):
        return data
    if hasattr(data, "detach"):  # a tensor of torch, which may be on another device
        return np.asarray(data.detach().cpu())
    if not hasattr(data, "__array__"):
        data = list(items_of(data))
        lengths = [len(row) if hasattr(row, "__len__") else None for row in data]
        odd = next((number for number, length in enumerate(lengths) if length != lengths[0]), None)
        if odd is not None:
            shown = ["one number" if length is None else f"{length} numbers" for length in (lengths[odd], lengths[0])]
            raise DataError(f"row {odd + 1} has {shown[0]}, and row 1 {shown[1]}", source=source)
    else:
        refuse_table(data, "the vectors") if hasattr(data, "columns") else None
    try:
        return np.asarray(data)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the vectors are not an array of numbers: {error}", source=source) from None
