"""Saving of a model's folder under a lock: payloads first, the manifest last, then removal of old payloads."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlmkit.errors import SavedModelError
from nlmkit.saving.files import LOCK, HashedWriter, make_folder, open_regular, reason, sync_folder, writers_lock
from nlmkit.saving.manifest import MANIFEST, Payload, parse_object, read_manifest_bytes, serialise_manifest
from nlmkit.saving.records import is_record
from nlmkit.saving.strict_json import StrictJSONError, parse, shown
from nlmkit.saving.temporary import mode_of
from nlmkit.saving.vocabulary import encode_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REMOVABLE = re.compile(r"arrays-[0-9a-f]{16}\.safetensors|vocabulary-[0-9a-f]{16}\.txt|\.tmp-[0-9a-f]{16}")
# What file managers leave in any folder; neither refused nor deleted.
_IGNORED = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_UNKNOWN_SHA256 = "0" * 64


def save_folder(
    path: str | os.PathLike[str],
    manifest: dict[str, Any],
    *,
    arrays: Mapping[str, NDArray[Any]],
    vocabulary: Sequence[str] | None = None,
) -> dict[str, str]:
    """Write a saved model, or replaces one atomically: whenever it is interrupted, the old model or the new one loads.

    Several processes can save to one path; the last one wins. A model that replaces another one keeps the permission
    bits of its manifest. The arrays can be those of the model being replaced.

    Args:
        path: Folder to create, or of a saved model to replace. Parents are created.
        manifest: JSON-ready values with string keys, without ``format_version`` and ``payloads``, which are added. It
            is not modified.
        arrays: Arrays by name, of any shape, strides and byte order: boolean, integers of 8 to 64 bits, floating
            point of 16 to 64 bits. They are streamed, not copied.
        vocabulary: Words in order. A word can contain any character except line feed and NUL.

    Returns:
        SHA-256 of each payload, by its name: ``arrays``, and ``vocabulary`` where there are words.

    Raises:
        SavedModelError: The folder is not a saved model's, a value cannot be stored, or the disk is full; the previous
            contents of the folder are kept.
    """
    from nlmkit.saving.tensors import TensorFile

    folder = Path(path)
    tensors = TensorFile(arrays, folder)
    contents: list[tuple[str, int, Callable[[HashedWriter], None]]] = [("arrays", tensors.size, tensors.write)]
    if vocabulary is not None:
        blocks = encode_vocabulary(vocabulary, folder)
        contents.append(("vocabulary", sum(map(len, blocks)), lambda writer: _write_blocks(writer, blocks)))
    # A manifest that cannot be written is refused here, before anything is touched. Hashes have a fixed length, so its
    # size is already the final one.
    draft = serialise_manifest(manifest, [Payload(name, size, _UNKNOWN_SHA256) for name, size, _ in contents], folder)
    needed = len(draft) + sum(size for _, size, _ in contents)
    try:
        check_target(folder)
        make_folder(folder)
        with writers_lock(folder):
            payloads = _write_model(folder, manifest, contents)
    except OSError as error:
        remedy = f"; {needed} bytes are required, free some space or save elsewhere" if error.errno in _NO_ROOM else ""
        raise SavedModelError(f"{folder}: cannot save the model ({reason(error)}){remedy}") from error
    return {payload.name: payload.sha256 for payload in payloads}


def _write_model(
    folder: Path, manifest: dict[str, Any], contents: list[tuple[str, int, Callable[[HashedWriter], None]]]
) -> list[Payload]:
    payloads = []
    created: list[str] = []
    mode = mode_of(folder / MANIFEST)
    try:
        for name, _, write in contents:
            with HashedWriter(folder, mode) as writer:
                write(writer)
                writer.finish()
                payload = Payload(name, writer.size, writer.sha256)
                payloads.append(payload)
                if not os.path.lexists(folder / payload.file):
                    created.append(payload.file)
                _place(writer, folder / payload.file, payload)
        sync_folder(folder)
        with HashedWriter(folder, mode) as writer:
            writer.write(serialise_manifest(manifest, payloads, folder))
            writer.finish()
            writer.move(folder / MANIFEST)
        sync_folder(folder)
    except BaseException:
        # Give the room back; but the manifest on the disk decides, in case it was replaced after all.
        with suppress(SavedModelError):
            named = _named_files(folder)
            _remove(folder, [name for name in created if name not in named])
        raise
    keep = {payload.file for payload in payloads}
    with suppress(OSError):
        _remove(folder, [name for name in os.listdir(folder) if _REMOVABLE.fullmatch(name) and name not in keep])
    return payloads


def _place(writer: HashedWriter, target: Path, payload: Payload) -> None:
    """Move a payload into place; if Windows refuses because it is memory-mapped, keep the identical one."""
    try:
        writer.move(target)
    except PermissionError:
        if not _has_sha256(target, payload.sha256):
            raise


def _has_sha256(file: Path, sha256: str) -> bool:
    import hashlib

    try:
        with open(open_regular(file), "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except (OSError, SavedModelError):
        return False


def _write_blocks(writer: HashedWriter, blocks: list[bytes]) -> None:
    for block in blocks:
        writer.write(block)


def check_target(folder: Path) -> None:
    """Raise an error if the folder contains files that belong to neither a saved model nor the records of a run.

    Raises:
        SavedModelError: The path is a file, or a folder with other contents than a saved model.
        OSError: The folder cannot be read.
    """
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return
    except ValueError as error:  # NUL in the path
        raise SavedModelError(f"{shown(str(folder))}: invalid path ({error}); choose another") from None
    if not stat.S_ISDIR(mode):
        raise SavedModelError(f"{folder}: is a file, but models are saved to folders; choose another path")
    has_manifest = False
    with os.scandir(folder) as entries:
        for entry in entries:
            known = entry.name in (MANIFEST, LOCK) or _REMOVABLE.fullmatch(entry.name)
            if entry.name not in _IGNORED and not (
                is_record(entry) if not known else entry.is_file(follow_symlinks=False)
            ):
                raise SavedModelError(
                    f"{folder}: contains {entry.name!r}, which is not part of a saved model; nothing was written: "
                    "choose another folder or move it away"
                )
            has_manifest |= entry.name == MANIFEST
    if has_manifest:
        _check_own_manifest(folder)


def _check_own_manifest(folder: Path) -> None:
    data = read_manifest_bytes(folder)
    try:
        manifest = parse(data)
    except StrictJSONError:
        manifest = None
    if not (
        isinstance(manifest, dict)
        and isinstance(manifest.get("format_version"), int)
        and isinstance(manifest.get("payloads"), list)
    ):
        raise SavedModelError(
            f"{folder / MANIFEST}: damaged, or not written by nlmkit, so nothing was written; choose another folder or "
            "remove this file"
        )


def _named_files(folder: Path) -> set[str]:
    """Return the payload files listed in the current manifest of the folder."""
    if not os.path.lexists(folder / MANIFEST):
        return set()
    manifest = parse_object(read_manifest_bytes(folder), folder / MANIFEST)
    return {str(entry.get("file")) for entry in manifest.get("payloads", []) if isinstance(entry, dict)}


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        with suppress(OSError):  # a reader on Windows may hold it; the next save tries again
            os.unlink(folder / name)
