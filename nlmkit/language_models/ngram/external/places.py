"""Places where a store keeps its files: a folder of this machine, or any file system of fsspec.

Both write a file under a temporary name and rename it when it is complete, so a name is either absent or complete.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol, cast

from nlmkit.core.optional import require
from nlmkit.errors import DataError

TEMPORARY: Final = ".part"
"""Suffix of the names of files that are being written."""

_URL: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


class Output(Protocol):
    """What ``writing`` opens."""

    def write(self, data: bytes, /) -> Any:
        """Append bytes."""


class Place(Protocol):
    """Files by name; names have ``/`` between their parts."""

    def shown(self, name: str) -> str:
        """Return the path or URL of a file, for messages."""

    def size(self, name: str) -> int:
        """Return the bytes of a file; ``FileNotFoundError`` if there is none."""

    def part(self, name: str, begin: int, length: int) -> bytes:
        """Return at most ``length`` bytes of a file from ``begin``; ``FileNotFoundError`` if there is none."""

    def writing(self, name: str) -> contextlib.AbstractContextManager[Output]:
        """Open a stream whose bytes become the file after the body; an exception leaves no file."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""

    def names(self) -> list[str]:
        """Return the names of all complete files, sorted."""

    def unfinished(self) -> list[str]:
        """Return the temporary names of files that are being written, or whose writer was killed."""

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""

    def clear(self) -> None:
        """Remove all files and the folder."""


def is_url(location: str | os.PathLike[str]) -> bool:
    """Return whether a location is a URL and not a path; ``file://`` is a URL."""
    return _URL.match(os.fspath(location)) is not None


def place(location: str) -> Place:
    """Return the place at an absolute path or a URL.

    Raises:
        NlmkitError: fsspec is not installed.
        DataError: fsspec knows no such protocol, or its package is missing.
    """
    if not is_url(location):
        return _Folder(Path(location))
    return _Remote(location)


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def shown(self, name: str) -> str:
        return str(self._root / name)

    def size(self, name: str) -> int:
        return (self._root / name).stat().st_size

    def part(self, name: str, begin: int, length: int) -> bytes:
        with (self._root / name).open("rb", buffering=0) as file:
            file.seek(begin)
            pieces = []
            while length > 0 and (piece := file.read(length)):
                pieces.append(piece)
                length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Output]:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(name)
        try:
            with (self._root / temporary).open("xb", buffering=1 << 20) as file:
                yield file
            (self._root / temporary).replace(path)
        except BaseException:
            self.remove(temporary)
            raise

    def exists(self, name: str) -> bool:
        return (self._root / name).is_file()

    def names(self) -> list[str]:
        return [name for name in self._all() if not name.endswith(TEMPORARY)]

    def unfinished(self) -> list[str]:
        return [name for name in self._all() if name.endswith(TEMPORARY)]

    def _all(self) -> list[str]:
        found = []
        for folder, _, files in os.walk(self._root):
            prefix = Path(folder).relative_to(self._root)
            found += [(prefix / file).as_posix() for file in files]
        return sorted(found)

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def clear(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._root)


class _Remote:
    def __init__(self, url: str) -> None:
        core = require("fsspec.core", extra="distributed", who=f"the folder {url}")
        try:
            self._files, self._root = core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise DataError(f"fsspec cannot open this URL: {error}", source=url) from error
        self._root = self._root.rstrip("/")
        self._url = url.rstrip("/")

    def shown(self, name: str) -> str:
        return f"{self._url}/{name}"

    def size(self, name: str) -> int:
        self._files.invalidate_cache()
        return int(self._files.size(f"{self._root}/{name}"))

    def part(self, name: str, begin: int, length: int) -> bytes:
        return cast(bytes, self._files.cat_file(f"{self._root}/{name}", start=begin, end=begin + length))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Output]:
        path, temporary = f"{self._root}/{name}", f"{self._root}/{_temporary(name)}"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            with self._files.open(temporary, "wb") as file:
                yield file
            self._files.mv(temporary, path)
        except BaseException:
            with contextlib.suppress(Exception):  # the error at hand matters more
                self._files.rm_file(temporary)
            raise

    def exists(self, name: str) -> bool:
        self._files.invalidate_cache()
        return bool(self._files.isfile(f"{self._root}/{name}"))

    def names(self) -> list[str]:
        return [name for name in self._all() if not name.endswith(TEMPORARY)]

    def unfinished(self) -> list[str]:
        return [name for name in self._all() if name.endswith(TEMPORARY)]

    def _all(self) -> list[str]:
        self._files.invalidate_cache()
        begin = len(self._root) + 1
        return sorted(path[begin:] for path in self._files.find(self._root))

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")

    def clear(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(self._root, recursive=True)


def _temporary(name: str) -> str:
    return f"{name}.{os.urandom(8).hex()}{TEMPORARY}"
