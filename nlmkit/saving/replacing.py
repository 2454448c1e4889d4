"""Files for other programs: written whole or not at all, plain or as ``.gz``."""

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
    """A stream to a temporary file that takes the place of ``path`` when the body has ended well.

    See ``written`` for modes and leftovers. Where ``path`` is a symbolic link, the file that
    it leads to is replaced and the link stays.

    Args:
        path: The file; with the suffix ``.gz`` it is packed. A pipe or device is written as it is.
        what: What is written, as the beginning of a sentence: "an ARPA file is".

    Raises:
        ExportError: the name is that of a directory or in a saved model's folder, or asks for another compression.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() in _OTHERS:
        raise ExportError(f"{path}: {what} written plain or as .gz: choose such a name")
    if path.is_dir():
        raise ExportError(f"{path}: is a directory: name a file")
    target = path if is_written_directly(path) else Path(os.path.realpath(path))
    if (model := model_around(target)) is not None:
        raise ExportError(f"{path}: is in the folder of the model {model}, which holds no exported files: name another")
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
