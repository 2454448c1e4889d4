"""Arrays that grow by appending and may be larger than memory.

Counting co-occurrences makes arrays whose size is known only afterwards. A ``Spool`` takes them piece by piece: it
holds them in memory while the allowance of its ``Spools`` lasts, and writes them to a temporary file after that.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nlmkit.errors import DataError

_WORKING_SHARE: Final = 4
"""One part in so many of the allowance is for work on pieces, and is not held."""


class Spools:
    """Factory of spools with a common memory allowance; a context manager that removes their files.

    Args:
        limit: Bytes in all.

    Attributes:
        working: Bytes that whoever fills and empties the spools may use beside them.
        spilled: Whether something was written to a file.
    """

    def __init__(self, limit: int) -> None:
        self.working = limit // _WORKING_SHARE
        self.spilled = False
        self._free = limit - self.working
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def new(self, dtype: DTypeLike) -> Spool:
        """Return an empty spool for one-dimensional arrays of this dtype."""
        return Spool(self, np.dtype(dtype))

    def take(self, size: int) -> bool:
        """Claim so many bytes of the allowance, if it has them."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def give(self, size: int) -> None:
        """Release claimed bytes."""
        self._free += size

    def new_file(self) -> Path:
        """Return a file that does not exist yet."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="nlmkit-", ignore_cleanup_errors=True)
        self._files += 1
        self.spilled = True
        return Path(self._folder.name) / f"{self._files}.bin"


class Spool:
    """One growing array; created by ``Spools``."""

    def __init__(self, spools: Spools, dtype: np.dtype[Any]) -> None:
        self._spools, self._dtype = spools, dtype
        self._parts: list[NDArray[Any]] = []
        self._held = self._length = 0
        self._path: Path | None = None

    def __len__(self) -> int:
        return self._length

    def append(self, values: NDArray[Any]) -> None:
        """Append values of the spool's dtype without copying them.

        Raises:
            DataError: The temporary file cannot be written.
        """
        if not len(values):
            return
        self._length += len(values)
        if self._path is None and self._spools.take(values.nbytes):
            self._held += values.nbytes
            self._parts.append(values)
            return
        if self._path is None:
            self._path = self._spools.new_file()
            for part in self._parts:
                self._write(part)
            self._forget_parts()
        self._write(values)

    def array(self) -> NDArray[Any]:
        """Return all appended values as one array, in memory or mapped from the file copy-on-write."""
        if self._path is not None:
            mapped = np.memmap(self._path, self._dtype, mode="c", shape=(self._length,))
            return mapped.view(np.ndarray)
        if len(self._parts) != 1:
            whole = np.empty(self._length, self._dtype)
            at = 0
            while self._parts:  # each part goes when it has been copied
                part = self._parts.pop(0)
                whole[at : at + len(part)] = part
                at += len(part)
            self._parts = [whole]
        return self._parts[0]

    def discard(self) -> None:
        """Free the memory or the file. Returned arrays must not be used afterwards."""
        self._forget_parts()
        self._length = 0
        if self._path is not None:
            with contextlib.suppress(OSError):  # Windows removes no file that is still mapped; its folder goes later
                self._path.unlink()
            self._path = None

    def _forget_parts(self) -> None:
        self._parts = []
        self._spools.give(self._held)
        self._held = 0

    def _write(self, values: NDArray[Any]) -> None:
        assert self._path is not None
        size = self._length * self._dtype.itemsize
        try:
            with self._path.open("ab") as file:
                file.write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise DataError(
                f"a temporary file of {size} bytes cannot be written ({error.strerror}); free some disk space, set "
                f"TMPDIR to another folder, or allow more memory",
                source=str(self._path),
            ) from None
