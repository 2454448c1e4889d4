"""Vectors that are the sources of texts: in memory, checked and as float32."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from numbers import Number
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.tables import items_of, refuse_columns

_REAL: Final = "fiub"  # kinds of NumPy's types that are numbers


def holds_vectors(data: Any) -> bool:
    """Return whether sources in memory are vectors, or numbers, and not texts.

    That is an array or column of numbers, or a sequence that begins with a number or a vector. An iterator is not
    looked at.
    """
    items = items_of(data)
    if items is not data:  # a column of Arrow or Polars
        return holds_vectors(list(itertools.islice(items, 1)))
    if hasattr(data, "__array__") and hasattr(data, "shape") and not hasattr(data, "columns"):
        kind = getattr(getattr(data, "dtype", None), "kind", "f")  # the types of torch have no kind, and are numbers
        return kind in (*_REAL, "c")
    if not isinstance(data, Sequence) or isinstance(data, (str, bytes)) or not len(data):
        return False
    first = data[0]
    if isinstance(first, (Number, np.number)):
        return True
    if isinstance(first, Sequence) and not isinstance(first, (str, bytes)):
        return bool(first) and isinstance(first[0], (Number, np.number))
    return hasattr(first, "__array__") and holds_vectors(first)


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
    refuse_columns(data, "the vectors", "an array, as in data.to_numpy()")
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
    found = array
    if array.flags.writeable or array.base is not None or array.dtype != np.float32 or not array.flags.c_contiguous:
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
    items = items_of(data)
    if items is not data or not hasattr(data, "__array__"):
        data = list(items)
        lengths = [_length(row, number, source) for number, row in enumerate(data, start=1)]
        odd = next((number for number, length in enumerate(lengths) if length != lengths[0]), None)
        if odd is not None:
            raise DataError(
                f"row {odd + 1} is {_described(lengths[odd])}, and row 1 {_described(lengths[0])}", source=source
            )
    try:
        return np.asarray(data)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the vectors are not an array of numbers: {error}", source=source) from None


def _length(row: Any, number: int, source: str | None) -> int | None:
    """Return the number of numbers in a row; None for one that is a number."""
    if isinstance(row, (Number, np.number)):
        return None
    if isinstance(row, (str, bytes)) or not hasattr(row, "__len__"):
        raise DataError(f"row {number} is {type(row).__name__}, not a vector", source=source)
    return len(row)


def _described(length: int | None) -> str:
    return "a number" if length is None else f"a vector of {length} number{'s' * (length != 1)}"
