"""Loading of a saved model's folder: read-only, with all contents checked."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlmkit.errors import SavedModelError
from nlmkit.saving.files import open_regular, reason
from nlmkit.saving.manifest import Payload, parse_manifest, read_manifest_bytes
from nlmkit.saving.vocabulary import decode_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A reader that opens a payload just after a writer deleted it starts again from the manifest that the writer left.
_ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class SavedFolder:
    """A saved model's folder, loaded and checked.

    Attributes:
        path: The folder.
        manifest: The manifest, with ``format_version`` and ``payloads``.
        arrays: Read-only arrays by name: views into one memory map, read on access.
        vocabulary: Words in the order of the file; None without a vocabulary.
    """

    path: Path
    manifest: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    vocabulary: list[str] | None


def load_folder(path: str | os.PathLike[str], *, verify: bool = True) -> SavedFolder:
    """Load a folder written by ``nlmkit.saving.save_folder``.

    No lock is taken and nothing is written, so read-only media work. Sizes and structure are always checked.

    Args:
        path: Folder of the saved model.
        verify: Whether to compare the payloads' SHA-256 with the manifest, which reads every byte once.

    Raises:
        IntegrityError: A payload's size or SHA-256 differs from the manifest.
        SavedModelError: Another part of the folder is missing, damaged, not from nlmkit, or from a newer version.
    """
    folder = Path(path)
    data = read_manifest_bytes(folder)
    for _ in range(_ATTEMPTS):
        manifest, payloads = parse_manifest(data, folder)
        with ExitStack() as stack:
            try:
                files = {
                    payload.name: stack.enter_context(open(open_regular(folder / payload.file), "rb"))
                    for payload in payloads
                }
            except FileNotFoundError as error:
                missing = error
            else:
                return _load(folder, manifest, payloads, files, verify=verify)
        latest = read_manifest_bytes(folder)
        if latest == data:
            break
        data = latest
    raise SavedModelError(
        f"{missing.filename}: missing, but listed in the manifest; restore it from a copy or save the model again"
    )


def _load(
    folder: Path, manifest: dict[str, Any], payloads: list[Payload], files: dict[str, BufferedReader], *, verify: bool
) -> SavedFolder:
    from nlmkit.saving.tensors import read_tensors

    by_name = {payload.name: payload for payload in payloads}
    try:
        for name, file in files.items():
            by_name[name].check_size(folder, os.fstat(file.fileno()).st_size)
        if verify:
            import hashlib

            for name, file in files.items():
                by_name[name].check_sha256(folder, hashlib.file_digest(file, "sha256").hexdigest())
                file.seek(0)
        words = None
        if "vocabulary" in files:
            words = decode_vocabulary(files["vocabulary"].read(), folder / by_name["vocabulary"].file)
        place = folder / by_name["arrays"].file
        if not by_name["arrays"].size:
            raise SavedModelError(f"{place}: empty; restore it from a copy or save the model again")
        arrays = read_tensors(mmap.mmap(files["arrays"].fileno(), 0, access=mmap.ACCESS_READ), place)
    except OSError as error:
        if error.errno == errno.ENOMEM:  # of the memory map
            raise MemoryError(f"{folder}: {reason(error)}") from error
        raise SavedModelError(f"{folder}: cannot be read ({reason(error)})") from None
    return SavedFolder(folder, manifest, arrays, words)
