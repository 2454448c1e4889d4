"""Temporary files with random names, locked while they are written.

A killed writer leaves its file unlocked, and the next writer in that folder deletes it.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted, which is what the lock is for
    fcntl = None  # type: ignore[assignment]

NAME: Final = re.compile(r"\.nlmkit-[0-9a-f]{16}\.tmp")
"""Pattern of the names of temporary files."""

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_WRITE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS
READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINKS
"""Flags to open a regular file for reading: links are not followed, and opening a FIFO does not block."""


def new_temporary(folder: Path, mode: int | None) -> tuple[Path, int]:
    """Create a file in a folder, locked as long as it is open; return path and descriptor.

    Args:
        folder: Folder of the file.
        mode: Permission bits of the file; None for the umask's default.

    Raises:
        OSError: It cannot be created.
    """
    while True:
        temporary = folder / f".nlmkit-{os.urandom(8).hex()}.tmp"
        descriptor = create(temporary, mode)
        try:
            _lock(descriptor, wait=True)
            if fcntl is None or os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another writer deleted it before it was locked


def create(file: Path, mode: int | None) -> int:
    """Create a file that must not exist and open it for writing; return the descriptor.

    Args:
        file: Path of the file.
        mode: Permission bits of the file; None for the umask's default.

    Raises:
        OSError: It exists or cannot be created.
    """
    descriptor = os.open(file, _WRITE_FLAGS, 0o666 if mode is None else 0o600)
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def remove_leftovers(folder: Path) -> None:
    """Delete unlocked temporary files of a folder, whose writers have died."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if NAME.fullmatch(name):
                with suppress(OSError):
                    _remove_unless_locked(folder / name)


def mode_of(file: Path) -> int | None:
    """Return the permission bits of a regular file; None if it is missing or a link."""
    try:
        mode = file.lstat().st_mode
    except OSError:
        return None
    return stat.S_IMODE(mode) if stat.S_ISREG(mode) else None


def _remove_unless_locked(file: Path) -> None:
    descriptor = os.open(file, READ_FLAGS)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and _lock(descriptor, wait=False):
            os.unlink(file)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file; return False if another process has the lock or the file system has no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
