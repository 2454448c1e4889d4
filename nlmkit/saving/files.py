"""Files that are written whole or not at all, and files that are opened without following links."""

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

# What opening or syncing a folder answers where a file system does not offer it.
_NO_FOLDER_SYNC = frozenset(
    {errno.EINVAL, errno.EACCES, errno.EPERM, errno.EBADF, getattr(errno, "ENOTSUP", errno.EINVAL)}
)


class HashedWriter:
    """Streams bytes to a new temporary file of a folder, and their SHA-256 with them.

    As a context manager it removes the temporary file unless `move` has put it in its place.

    Args:
        folder: The folder.
        mode: Permission bits of the file; None for what the umask leaves, so that a model is as readable as any file
            its owner writes.

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
        """Hash of what was written so far, 64 hex digits."""
        return self._hash.hexdigest()

    def write(self, data: ReadableBuffer) -> None:
        """Append bytes; hashed and written in pieces that stay in the processor's cache."""
        assert self._descriptor is not None
        whole = memoryview(data)
        for start in range(0, whole.nbytes, CHUNK_BYTES):
            piece = whole[start : start + CHUNK_BYTES]
            self._hash.update(piece)
            self.size += piece.nbytes
            while piece:
                piece = piece[os.write(self._descriptor, piece) :]

    def finish(self) -> None:
        """Force the bytes to the disk and closes the file."""
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        self._close()

    def move(self, target: Path) -> None:
        """Put the finished file in its place, atomically."""
        replace(self.path, target)

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def reason(error: Exception) -> str:
    """What the system says of an error, without number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def replace(source: Path, target: Path) -> None:
    """`os.replace`, patient with Windows, where a reader that has the target open makes it fail for a moment."""
    for pause in (0.01, 0.05, 0.25, 1.0):
        try:
            return os.replace(source, target)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(pause)
    return os.replace(source, target)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system can."""
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
    """Create a folder with its parents, and forces the new entries to the disk."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for created in reversed(missing):
        sync_folder(created.parent)


@contextmanager
def writers_lock(folder: Path) -> Iterator[None]:
    """Holds the folder's lock against other writers, in this process and in others.

    Raises:
        SavedModelError: Another writer did not finish within `LOCK_SECONDS`.
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
    """Open a regular file for reading and follows no link.

    Returns:
        A file descriptor, which the caller closes.

    Raises:
        FileNotFoundError: There is no such file.
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
    """Read a file to its end, or to one byte over the limit, and closes it."""
    try:
        with open(descriptor, "rb") as file:
            # One byte over what is needed shows a larger file; the limit itself would be allocated whole.
            return file.read(min(os.fstat(descriptor).st_size, limit) + 1)
    except OSError as error:
        raise SavedModelError(f"{path}: cannot be read ({reason(error)})") from None


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise SavedModelError(f"{path}: is a symbolic link, which a saved model may not hold; copy the file itself")
    if not stat.S_ISREG(mode):
        raise SavedModelError(f"{path}: is no regular file; restore the saved model from a copy")
