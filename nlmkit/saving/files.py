"""Atomic writing of files, and opening of files without following links."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nlmkit.errors import SavedModelError
from nlmkit.saving.temporary import READ_FLAGS, create

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LOCK = ".lock"
LOCK_SECONDS = 600.0
CHUNK_BYTES = 2**20
HASHED_APART = 2**24

# Error codes of opening or syncing a folder on file systems without support for it.
_NO_FOLDER_SYNC = frozenset(
    {errno.EINVAL, errno.EACCES, errno.EPERM, errno.EBADF, getattr(errno, "ENOTSUP", errno.EINVAL)}
)


class HashedWriter:
    """Writer of a new temporary file in a folder that computes its SHA-256.

    As a context manager it removes the temporary file unless ``move`` was called.

    Args:
        folder: Folder of the file.
        mode: Permission bits of the file; None for the umask's default.

    Attributes:
        path: The temporary file.
        size: Bytes written so far.
    """

    def __init__(self, folder: Path, mode: int | None = None) -> None:
        import hashlib

        self.path = folder / f".tmp-{os.urandom(8).hex()}"
        self.size = 0
        self._hash = hashlib.sha256()
        self._descriptor: int | None = create(self.path, mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        with suppress(OSError):
            os.unlink(self.path)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes written so far, 64 hex digits."""
        return self._hash.hexdigest()

    def write(self, data: ReadableBuffer) -> None:
        """Append bytes, in cache-sized pieces; those of large data are hashed in another thread meanwhile."""
        assert self._descriptor is not None
        whole = memoryview(data)
        if whole.nbytes >= HASHED_APART:
            self._write_large(whole)
            return
        for start in range(0, whole.nbytes, CHUNK_BYTES):
            piece = whole[start : start + CHUNK_BYTES]
            self._hash.update(piece)
            self._write(piece)

    def _write_large(self, whole: memoryview) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as hashing:
            for start in range(0, whole.nbytes, 4 * CHUNK_BYTES):
                piece = whole[start : start + 4 * CHUNK_BYTES]
                hashed = hashing.submit(self._hash.update, piece)
                self._write(piece)
                hashed.result()

    def _write(self, piece: memoryview) -> None:
        assert self._descriptor is not None
        self.size += piece.nbytes
        while piece:
            piece = piece[os.write(self._descriptor, piece) :]

    def finish(self) -> None:
        """Sync the file to disk and close it."""
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        self._close()

    def move(self, target: Path) -> None:
        """Move the finished file to its place atomically."""
        replace(self.path, target)

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def reason(error: Exception) -> str:
    """Return the system's message for an error, without number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def replace(source: Path, target: Path) -> None:
    """Call ``os.replace`` with retries on Windows, where it fails while a reader has the target open."""
    for pause in (0.01, 0.05, 0.25, 1.0):
        try:
            return os.replace(source, target)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(pause)
    return os.replace(source, target)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk, if the system supports it."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def make_folder(folder: Path) -> None:
    """Create a folder with its parents, and sync the new entries to disk."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for created in reversed(missing):
        sync_folder(created.parent)


@contextmanager
def writers_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock against other writers, in this process and in others.

    Raises:
        SavedModelError: Another writer did not finish within ``LOCK_SECONDS``.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(str(folder / LOCK), timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise SavedModelError(
            f"{folder}: another process has been saving here for {LOCK_SECONDS:.0f} seconds; wait for it or save "
            "to another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def open_regular(path: Path) -> int:
    """Open a regular file for reading without following links.

    Returns:
        A file descriptor, to be closed by the caller.

    Raises:
        FileNotFoundError: The file does not exist.
        SavedModelError: It is a link, a folder, a device or a FIFO, or cannot be read.
    """
    try:
        _require_regular(path, path.lstat().st_mode)
        descriptor = os.open(path, READ_FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SavedModelError(f"{path}: cannot be read ({reason(error)})") from None
    try:
        _require_regular(path, os.fstat(descriptor).st_mode)
    except SavedModelError:
        os.close(descriptor)
        raise
    return descriptor


def read_up_to(limit: int, descriptor: int, path: Path) -> bytes:
    """Read a file to its end, or one byte past the limit, and close it."""
    try:
        with open(descriptor, "rb") as file:
            # One byte over what is needed shows a larger file; the limit itself would be allocated whole.
            return file.read(min(os.fstat(descriptor).st_size, limit) + 1)
    except OSError as error:
        raise SavedModelError(f"{path}: cannot be read ({reason(error)})") from None


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise SavedModelError(
            f"{path}: is a symbolic link, which is not allowed in a saved model; copy the file itself"
        )
    if not stat.S_ISREG(mode):
        raise SavedModelError(f"{path}: is not a regular file; restore the saved model from a copy")
