"""Files for other programs: written whole or not at all, plain or as ``.gz``."""

from __future__ import annotations

import gzip
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from nlmkit.errors import ExportError, SavedModelError
from nlmkit.saving.files import replace, sync_folder
from nlmkit.saving.manifest import MANIFEST, read_manifest

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted, which is what the lock is for
    fcntl = None  # type: ignore[assignment]

_OTHERS: Final = frozenset({".bz2", ".xz", ".zst"})
_TEMPORARY: Final = re.compile(r"\.nlmkit-[0-9a-f]{16}\.tmp")
_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@contextmanager
def replacing(path: Path, what: str) -> Iterator[BinaryIO]:
    """A stream to a temporary file that takes the place of ``path`` when the body has ended well.

    The temporary file lies in the same folder under a random name. What a killed writer left there, the next one to
    write in that folder deletes. The new file has the mode of the one that it replaces, and otherwise what the umask
    leaves. Where ``path`` is a symbolic link, the file that it leads to is replaced and the link stays.

    Args:
        path: The file; with the suffix ``.gz`` it is packed. A pipe or device is written as it is.
        what: What is written, as the beginning of a sentence: "an ARPA file is".

    Raises:
        ExportError: the name is that of a directory, asks for another compression, or lies in a saved model's folder.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() in _OTHERS:
        raise ExportError(f"{path}: {what} written plain or as .gz: choose such a name")
    if path.is_dir():
        raise ExportError(f"{path}: is a directory: name a file")
    if path.exists() and not path.is_file():
        with open(path, "wb") as file, _packed(file, path) as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    if _is_saved_model(target.parent):
        raise ExportError(f"{path}: lies in the folder of a saved model, which holds nothing else: choose another path")
    _remove_leftovers(target.parent)
    mode = _mode_of(target)
    temporary, descriptor = _new_temporary(target.parent, 0o666 if mode is None else 0o600)
    try:
        with open(descriptor, "wb") as file:
            with _packed(file, path) as stream:
                yield stream
            file.flush()
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            if os.name != "nt":  # under the lock, so that no other writer takes it for a leftover
                replace(temporary, target)
        if os.name == "nt":
            replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(target.parent)


def _mode_of(target: Path) -> int | None:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:  # none is there, or what is wrong shows when it is replaced
        return None


def _is_saved_model(folder: Path) -> bool:
    if not os.path.lexists(folder / MANIFEST):
        return False
    try:
        read_manifest(folder)
    except SavedModelError:
        return False
    return True


def _new_temporary(folder: Path, mode: int) -> tuple[Path, int]:
    """A new file that is locked as long as it is open."""
    while True:
        temporary = folder / f".nlmkit-{os.urandom(8).hex()}.tmp"
        descriptor = os.open(temporary, _FLAGS, mode)
        try:
            _lock(descriptor, wait=True)
            if os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another writer took it for a leftover before it was locked


def _remove_leftovers(folder: Path) -> None:
    """Delete temporary files whose writer is dead: nobody holds their lock."""
    try:
        names = [name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            descriptor = os.open(
                folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
            try:
                if stat.S_ISREG(os.fstat(descriptor).st_mode) and _lock(descriptor, wait=False):
                    os.unlink(folder / name)
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


@contextmanager
def _packed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if path.suffix.lower() != ".gz":
        yield file
        return
    # no name and no time inside: the same content gives the same bytes
    with gzip.GzipFile("", "wb", 6, file, 0) as stream:
        yield cast(BinaryIO, stream)
