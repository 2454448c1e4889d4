"""Temporary files that become other files: new, with random names, locked while they are written.

A writer that is killed leaves its file unlocked, and the next one to write in that folder deletes it.
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
"""What such files are called."""

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_WRITE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS
READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINKS
"""Flags to read a regular file by: links are not followed, and opening a FIFO that took its place does not hang."""


def new_temporary(folder: Path, mode: int | None) -> tuple[Path, int]:
    """Return a new file in a folder, locked as long as it is open, and its descriptor.

    Args:
        folder: The folder.
        mode: Permission bits of the file; None for what the umask leaves.

    Raises:
        OSError: It cannot be made.
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
        os.close(descriptor)  # another writer took it for a leftover before it was locked


def create(file: Path, mode: int | None) -> int:
    """Make a file that must not be there yet, open for writing; gives its descriptor.

    Args:
        file: The file.
        mode: Its permission bits; None for what the umask leaves.

    Raises:
        OSError: It is there, or cannot be made.
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
    """Delete the temporary files of a folder whose writers are dead: nobody holds their lock."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if NAME.fullmatch(name):
                with suppress(OSError):
                    _remove_unless_locked(folder / name)


def mode_of(file: Path) -> int | None:
    """Return the permission bits of a regular file; None where there is none, or a link."""
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
    """Lock an open file; False where another process has, or where the file system has no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
