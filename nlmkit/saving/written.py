"""Atomic writing of small files (settings, logs, pictures), never through a link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from nlmkit.saving.files import replace, sync_folder
from nlmkit.saving.temporary import mode_of, new_temporary, remove_leftovers

_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})")
_STANDARD: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_SYSTEMS: Final = ("/dev", "/proc")  # whose links, such as /dev/stdout, are files that others have open


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a stream to a temporary file that replaces ``path`` after the body.

    The new file has the mode of the replaced one. A link itself is replaced, not its target. A pipe or device is
    written directly.

    Args:
        path: File to write; its folder must exist.

    Raises:
        OSError: It cannot be written; names the file.
    """
    try:
        if is_written_directly(path):
            with open_directly(path) as file:
                yield file
            return
        remove_leftovers(path.parent)
        temporary, descriptor = new_temporary(path.parent, mode_of(path))
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if os.name != "nt":  # under its lock, or another writer would take it for a leftover
                    replace(temporary, path)
            if os.name == "nt":
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


def is_written_directly(path: Path) -> bool:
    """Return whether a path is a pipe, a device or an open descriptor such as /dev/stdout, not a file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return True  # a pipe or device; opening a folder is an error
    except OSError:  # nothing is there, or a link leads nowhere
        return False
    return os.path.realpath(path.parent).startswith(_SYSTEMS)


def open_directly(path: Path) -> BinaryIO:
    """Open a stream to a pipe or device; an open descriptor of this process continues at its position.

    Reopening /dev/stdout would start at the beginning of the file that it is redirected to.

    Raises:
        OSError: It cannot be opened.
    """
    name = os.fspath(path)
    matched = _DESCRIPTOR.fullmatch(name)
    number = int(matched[1]) if matched else _STANDARD.get(name)
    return open(path if number is None else os.dup(number), "wb")
