"""Errors for want of memory that name what the memory was for and how much was requested."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@contextlib.contextmanager
def out_of_memory(what: str, size: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn every out-of-memory error of the body into a MemoryError that names what the memory was for.

    Args:
        what: What the body does, beginning with the file that it is about.
        size: Returns how large that is; called only when it is needed.

    Raises:
        MemoryError: the body ran out of memory.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        told = [] if size is None else _told(size)
        asked = " ".join(str(error).split())
        told += [asked] if asked else []
        raise MemoryError(f"{what} ({'; '.join(told)})" if told else what) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error is for want of memory: Python's and NumPy's, the system's, or one of torch's."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # torch.OutOfMemoryError is a RuntimeError, and the CPU's allocator has no error of its own
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "ried to allocate " in str(error))


def as_size(number: int) -> str:
    """Return a number of bytes to read: ``1.5 GiB``."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{number} bytes" if not unit else f"{value:.3g} {_UNITS[unit]}"


def _told(size: Callable[[], str]) -> list[str]:
    try:
        return [size()]
    except Exception:  # the error at hand matters more than its size
        return []
