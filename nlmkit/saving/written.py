"""Small files for people (settings, logs, pictures), written whole or not at all, and never through a link."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from nlmkit.saving.files import replace, sync_folder

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be deleted
    fcntl = None  # type: ignore[assignment]

_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
_SYSTEMS: Final = ("/dev", "/proc")  # whose links, such as /dev/stdout, are files that others have open


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A stream to a temporary file that takes the place of ``path`` when the body has ended well.

    The temporary file is new, has a random name, and gets the mode of the file that it replaces. A link is replaced
    itself, not the file that it leads to. What a killed writer of the same file left is removed. A pipe or device is
    written as it is.

    Args:
        path: The file; its folder must be there.

    Raises:
        OSError: it cannot be written; names the file.
    """
    try:
        if _is_written_directly(path):
            with open(path, "wb") as file:
                yield file
            return
        mode = _mode_of(path)
        _remove_left_over(path)
        temporary, descriptor = _new_file(path, mode)
        try:
            with open(descriptor, "wb") as file:
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is not None:  # with its lock, or another writer would take it for left over
                    replace(temporary, path)
            if fcntl is None:
                replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error


def _is_written_directly(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return True  # a pipe or device; opening a folder is an error
    except OSError:  # nothing is there, or a link leads nowhere
        return False
    return os.path.realpath(path.parent).startswith(_SYSTEMS)


def _mode_of(path: Path) -> int | None:
    """Mode of the file that is replaced; None where there is none, or a link."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return stat.S_IMODE(mode) if stat.S_ISREG(mode) else None


def _prefix(path: Path) -> str:
    # Of one length, however long the file's own name is.
    return f".nlmkit-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]}-"


def _new_file(path: Path, mode: int | None) -> tuple[Path, int]:
    while True:
        temporary = path.with_name(f"{_prefix(path)}{os.urandom(8).hex()}.tmp")
        descriptor = os.open(temporary, _FLAGS, 0o666 if mode is None else 0o600)
        if fcntl is None:
            return temporary, descriptor
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # no other writer removed it before it had its lock
            return temporary, descriptor
        os.close(descriptor)


def _remove_left_over(path: Path) -> None:
    """Remove the temporary files of writers of this file that were killed; those that live hold a lock."""
    wanted = re.compile(re.escape(_prefix(path)) + r"[0-9a-f]{16}\.tmp")
    for name in os.listdir(path.parent):
        if wanted.fullmatch(name):
            with suppress(OSError):
                _remove_unless_locked(path.with_name(name))


def _remove_unless_locked(file: Path) -> None:
    if fcntl is None:
        os.unlink(file)
        return
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(file)
    finally:
        os.close(descriptor)
