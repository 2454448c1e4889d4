"""Arrays of the finished table as plain files: appended to, then mapped into memory."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class ArrayFile:
    """One array that is written from the front.

    Args:
        folder: Folder of the file.
        name: Name of the array.
        dtype: Its type; what is appended is converted.
    """

    def __init__(self, folder: str | os.PathLike[str], name: str, dtype: Any) -> None:
        self._dtype = np.dtype(dtype)
        self._file = open(Path(folder) / name, "wb", buffering=1 << 20)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, values: NDArray[Any]) -> None:
        """Append values."""
        self._file.write(np.ascontiguousarray(values, self._dtype).data)


def mapped(folder: str | os.PathLike[str], name: str, dtype: Any) -> NDArray[Any]:
    """Return a file of ``ArrayFile`` as a read-only array in a memory map."""
    with open(Path(folder) / name, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return np.empty(0, dtype)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)
