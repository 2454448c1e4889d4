"""Atomic writing of files for other programs, plain or as ``.gz``."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from nlmkit.errors import ExportError
from nlmkit.saving.records import model_around
from nlmkit.saving.written import is_written_directly, written

_OTHERS: Final = frozenset({".bz2", ".xz", ".zst"})


@contextmanager
def replacing(path: Path, what: str) -> Iterator[BinaryIO]:
    """Open a stream to a temporary file that replaces ``path`` after the body.

    See ``written`` for modes and temporary files. If ``path`` is a symbolic link, its target is replaced.

    Args:
        path: File to write; compressed with the suffix ``.gz``. A pipe or device is written directly.
        what: Kind of file, as the beginning of a sentence: "an ARPA file is".

    Raises:
        ExportError: The path is a directory, is in a saved model's folder, or has an unsupported compression suffix.
        OSError: The file cannot be written.
    """
    if path.suffix.lower() in _OTHERS:
        raise ExportError(f"{path}: {what} written plain or as .gz: choose another suffix")
    if path.is_dir():
        raise ExportError(f"{path}: is a directory: expected a file name")
    target = path if is_written_directly(path) else Path(os.path.realpath(path))
    if (model := model_around(target)) is not None:
        raise ExportError(
            f"{path}: is in the folder of the model {model}, which must not contain exported files: "
            "choose another folder"
        )
    with written(target) as file, _packed(file, path) as stream:
        yield stream


@contextmanager
def _packed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if path.suffix.lower() != ".gz":
        yield file
        return
    # no name and no time inside: the same content gives the same bytes
    with gzip.GzipFile("", "wb", 6, file, 0) as stream:
        yield cast(BinaryIO, stream)
