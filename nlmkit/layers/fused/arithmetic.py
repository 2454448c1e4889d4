"""Arithmetic of machine code on rows: exp, logistic function, tanh, and bfloat16 kept as int16.

numba vectorizes these loops; the functions of the C library it would call one value at a time. Numbers are float32;
an array of bfloat16 is one of int16, the upper half of a float32, rounded to the nearest, ties to even. All functions
run as plain Python, too. This module imports numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.extending import overload

_Function = TypeVar("_Function", bound=Callable[..., Any])

FLAGS: Final = {"contract", "nsz"}
"""Freedoms of the compiler: fused multiply-add, and the sign of zero. Sums keep their order, and NaN stays NaN."""


def compiled(function: _Function, *, fastmath: set[str] = FLAGS) -> _Function:
    """Return the compiled function, which runs without Python's lock and is cached on disk from the first run on."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    njit: Any = numba.njit
    try:
        return cast("_Function", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could hold it
        return cast("_Function", njit(**options)(function))


# ------------------------------------------------------------------------------------------------- types of arrays


def _load_half(values: Any, index: int) -> Any:
    return np.int32(np.int32(values[index]) << np.int32(16)).view(np.float32)


def _load_same(values: Any, index: int) -> Any:
    return values[index]


def _store_half(values: Any, index: int, value: Any) -> None:
    bits = np.int64(np.float32(value).view(np.int32))
    values[index] = np.int16((bits + np.int64(0x7FFF) + ((bits >> np.int64(16)) & np.int64(1))) >> np.int64(16))


def _store_same(values: Any, index: int, value: Any) -> None:
    values[index] = value


def load(values: Any, index: int) -> Any:
    """Return an entry of a row of bfloat16 or float32 as float32."""
    return (_load_half if values.dtype == np.int16 else _load_same)(values, index)


def store(values: Any, index: int, value: Any) -> None:
    """Set an entry of a row of bfloat16 or float32 to a float32."""
    (_store_half if values.dtype == np.int16 else _store_same)(values, index, value)


@overload(load, inline="always")
def _load(values: Any, index: int) -> Any:
    return _load_half if values.dtype == types.int16 else _load_same


@overload(store, inline="always")
def _store(values: Any, index: int, value: Any) -> Any:
    return _store_half if values.dtype == types.int16 else _store_same


# ------------------------------------------------------------------------------------------------------- functions

_LOG2E: Final = np.float32(1.4426950408889634)
_LEAST, _MOST = np.float32(-126), np.float32(127)
_ROUNDING: Final = np.float32(1.5 * 2**23)
"""Adding it to a smaller number rounds that to an integer, which then is in the lowest bits."""
_ONE, _TWO = np.float32(1), np.float32(2)
_C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(value)
    for value in (0.69314718056, 0.24022650696, 0.05550410866, 0.00961812911, 0.00133335581, 0.00015403530)
)
"""Coefficients of 2^f, |f| ≤ ½: powers of ln 2 by factorials; the rest is below 1.2e-7."""


@compiled
def exp(x: Any) -> Any:
    """Return e^x, x between −87 and 88; beyond, the value there. NaN stays NaN.

    The relative error is below 2.2e-7 · (1 + |x| / 3).
    """
    power = x * _LOG2E
    power = _LEAST if power < _LEAST else power
    power = _MOST if power > _MOST else power
    shifted = power + _ROUNDING
    f = power - (shifted - _ROUNDING)
    fraction = _ONE + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * _C6)))))
    exponent = np.int64(np.float32(shifted).view(np.int32)) << np.int64(23)
    bits = np.int64(np.float32(fraction).view(np.int32)) + exponent
    return np.int32(bits & np.int64(0xFFFFFFFF)).view(np.float32)


@compiled
def logistic(x: Any) -> Any:
    """Return 1 / (1 + e^−x) within 3e-7."""
    return _ONE / (_ONE + exp(-x))


@compiled
def tanh(x: Any) -> Any:
    """Return tanh x within 3e-7."""
    return _TWO / (_ONE + exp(-_TWO * x)) - _ONE
