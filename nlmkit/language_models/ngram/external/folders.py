"""The folder of temporary files: made for one run, removed at its end, or by the next run if its process has died."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from nlmkit.core.memory import as_size
from nlmkit.errors import DataError
from nlmkit.saving.files import reason

_NAME: Final = re.compile(r"nlmkit-fit-[0-9a-f]{16}")
_LOCK: Final = ".lock"
_NEW: Final = ".new"
_OLD_SECONDS: Final = 3600.0
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Needs:
    """What the temporary files need, as far as it is known; for the message when there is no room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bytes = 0

    def check(self, more: int) -> None:
        """Raise unless the disk has room for ``more`` bytes beside what is there.

        Raises:
            DataError: With the need.
        """
        self.bytes = max(self.bytes, more)
        free = shutil.disk_usage(self._folder).free
        if more > free:
            raise DataError(f"{_too_little(more)}; {as_size(free)} are free", source=str(self._folder))


@contextlib.contextmanager
def working_folder(parent: str | os.PathLike[str] | None) -> Iterator[tuple[Path, Needs]]:
    """Make a folder for temporary files, and remove it with all that is in it after the body.

    Folders of processes that have died are removed before.

    Args:
        parent: Where to make it; None for the system's folder of temporary files.

    Raises:
        DataError: The folder cannot be made, or the body ran out of room; names it, and the need.
    """
    base = Path(tempfile.gettempdir() if parent is None else parent).absolute()
    try:
        base.mkdir(parents=True, exist_ok=True)
        remove_stale(base)
        name = f"nlmkit-fit-{os.urandom(8).hex()}"
        made = base / (name + _NEW)
        made.mkdir(mode=0o700)
    except OSError as error:
        raise DataError(f"cannot be used for temporary files ({reason(error)})", source=str(base)) from error
    lock = FileLock(str(made / _LOCK))
    folder = base / name
    needs = Needs(base)
    try:
        lock.acquire()
        if os.name == "nt":  # which cannot rename a folder with an open file
            folder = made
        else:
            made.rename(folder)
        yield folder, needs
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DataError(f"no space left; {_too_little(needs.bytes)}", source=str(base)) from error
    finally:
        for path in (folder, made):
            shutil.rmtree(path, ignore_errors=True)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(base: Path) -> None:
    """Remove the temporary folders in ``base`` whose processes have died."""
    for path in base.glob("nlmkit-fit-*"):
        with contextlib.suppress(OSError):
            if path.name.endswith(_NEW):
                if _NAME.fullmatch(path.name.removesuffix(_NEW)) and time.time() - path.stat().st_mtime > _OLD_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
            elif _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                with contextlib.suppress(Timeout), FileLock(str(path / _LOCK), timeout=0):
                    shutil.rmtree(path, ignore_errors=True)


def _too_little(needed: int) -> str:
    need = f"about {as_size(needed)} are required" if needed else "more room is required"
    return f"too little room for temporary files: {need}; free some space, or choose another --temporary-folder"
