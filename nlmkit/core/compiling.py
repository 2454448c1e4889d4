"""Machine code by numba, an optional package: import modules of such functions only where they pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Return the compiled function, cached on disk from the first run on; additions keep their order."""
    options = {"nogil": True, "error_model": "numpy"}
    njit: Any = numba.njit
    try:
        return cast("_Function", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could hold it
        return cast("_Function", njit(**options)(function))
