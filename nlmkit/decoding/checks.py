"""Checks of arguments that sampling and searches share."""

from __future__ import annotations

import math
import numbers
from typing import Any

from nlmkit.errors import HyperParameterError


def check_whole(name: str, value: Any, *, at_least: int) -> None:
    """Raise ``HyperParameterError`` if a value is not a whole number of this size."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < at_least:
        raise HyperParameterError(f"{name} must be a whole number ≥ {at_least}, not {value!r}")


def check_not_negative(name: str, value: Any) -> None:
    """Raise ``HyperParameterError`` if a value is not a finite number of at least zero."""
    if not is_finite(value) or value < 0:
        raise HyperParameterError(f"{name} must be a number ≥ 0, not {value!r}")


def is_finite(value: Any) -> bool:
    """Return whether a value is a number, neither infinite nor NaN."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False
