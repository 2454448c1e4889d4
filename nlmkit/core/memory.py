"""Out-of-memory errors that name the purpose and size of the allocation."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Callable, Iterator

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


@contextlib.contextmanager
def out_of_memory(what: str, size: Callable[[], str] | None = None) -> Iterator[None]:
    """Convert out-of-memory errors of the body into a ``MemoryError`` that names the purpose.

    Args:
        what: Description of the work, starting with the file.
        size: Returns the size of the work as text; called only on an error.

    Raises:
        MemoryError: The body ran out of memory.
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
    """Return whether an error is an out-of-memory error of Python, NumPy, the system or torch."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # torch.OutOfMemoryError is a RuntimeError, and the CPU's allocator has no error of its own
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "ried to allocate " in str(error))


def as_size(number: int) -> str:
    """Format a number of bytes for a reader: ``1.5 GiB``."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{number} bytes" if not unit else f"{value:.3g} {_UNITS[unit]}"


def as_bytes(text: str) -> int:
    """Return the number of bytes of a size such as ``512M``, ``1.5G`` or ``2 GiB``; units are powers of 1024.

    Raises:
        ValueError: The text is not a positive size.
    """
    matched = _SIZE.fullmatch(text.strip())
    number = int(float(matched[1]) * 1024 ** " KMGT".index(matched[2].upper() or " ")) if matched else 0
    if number < 1:
        raise ValueError(f"{text!r} is not a size: use 512M or 1.5G")
    return number


def _told(size: Callable[[], str]) -> list[str]:
    try:
        return [size()]
    except Exception:  # the error at hand matters more than its size
        return []
