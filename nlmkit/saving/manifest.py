"""The manifest of a saved model's folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlmkit.errors import IntegrityError, MissingModelError, SavedModelError
from nlmkit.saving.files import open_regular, read_up_to, reason
from nlmkit.saving.strict_json import StrictJSONError, parse, serialise, shown

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 16 * 2**20
SUFFIXES = {"arrays": ".safetensors", "vocabulary": ".txt"}

_HEX_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Payload:
    """Payload as listed in the manifest; the file name is derived from name and hash."""

    name: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """File name inside the folder."""
        return f"{self.name}-{self.sha256[:16]}{SUFFIXES[self.name]}"

    def check_size(self, folder: Path, size: int) -> None:
        """Compare the file's size in bytes with the manifest's.

        Raises:
            IntegrityError: They differ.
        """
        if size != self.size:
            raise IntegrityError(
                f"{folder / self.file}: {size} bytes, but the manifest has {shown(self.size)}: the file is "
                f"{'truncated' if size < self.size else 'altered'}; restore it from a copy or save the model again"
            )

    def check_sha256(self, folder: Path, sha256: str) -> None:
        """Compare the file's SHA-256 with the manifest's.

        Raises:
            IntegrityError: They differ.
        """
        if sha256 != self.sha256:
            raise IntegrityError(
                f"{folder / self.file}: SHA-256 {sha256[:16]}..., but the manifest has {self.sha256[:16]}...: the "
                "file is damaged or altered; restore it from a copy or save the model again"
            )


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check the manifest of a saved model, without its payloads.

    Args:
        path: Folder of the saved model.

    Returns:
        The manifest, with ``format_version`` and ``payloads``.

    Raises:
        SavedModelError: The folder or manifest is missing, damaged, not from nlmkit, or from a newer version.
    """
    folder = Path(path)
    return parse_manifest(read_manifest_bytes(folder), folder)[0]


def read_manifest_bytes(folder: Path) -> bytes:
    """Return the bytes of the manifest file; raise an error with the reason if it is missing."""
    place = folder / MANIFEST
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except FileNotFoundError:
        raise MissingModelError(
            f"{folder}: no such folder; expected the folder of a saved model", path=str(folder)
        ) from None
    except (OSError, ValueError) as error:
        raise SavedModelError(f"{folder}: cannot be read ({reason(error)})") from None
    if not is_folder:
        raise SavedModelError(f"{folder}: is a file; expected the folder that contains {MANIFEST}")
    try:
        descriptor = open_regular(place)
    except FileNotFoundError:
        raise MissingModelError(
            f"{folder}: no {MANIFEST}: not a saved model, or its first save was interrupted; save the model again",
            path=str(place),
        ) from None
    data = read_up_to(MAX_MANIFEST_BYTES, descriptor, place)
    if len(data) > MAX_MANIFEST_BYTES:
        raise SavedModelError(f"{place}: larger than {MAX_MANIFEST_BYTES} bytes: not a manifest of nlmkit")
    return data


def parse_manifest(data: bytes, folder: Path) -> tuple[dict[str, Any], list[Payload]]:
    """Parse and check the manifest; return it with its payloads.

    Raises:
        SavedModelError: The message names the folder, the file and the field.
    """
    place = folder / MANIFEST
    manifest = parse_object(data, place)
    version = manifest.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise SavedModelError(
            f"{place}: format_version is {_found(manifest, 'format_version')}, expected an integer: not an nlmkit"
            " manifest"
        )
    if version > FORMAT_VERSION:
        raise SavedModelError(
            f"{place}: written by a newer nlmkit (format {shown(version)}, this one reads {FORMAT_VERSION}); "
            "upgrade nlmkit to load it"
        )
    if version != FORMAT_VERSION:
        raise SavedModelError(f"{place}: unknown format_version {shown(version)}; this nlmkit reads {FORMAT_VERSION}")
    entries = manifest.get("payloads")
    if not isinstance(entries, list):
        raise SavedModelError(
            f"{place}: payloads is {_found(manifest, 'payloads')}, not a list; restore the manifest from a copy"
        )
    payloads = [_payload(entry, index, place) for index, entry in enumerate(entries)]
    names = [payload.name for payload in payloads]
    if len(set(names)) < len(names) or "arrays" not in names:
        raise SavedModelError(
            f"{place}: payloads are {shown(names)}, expected 'arrays' once and 'vocabulary' at most once; "
            "restore the manifest from a copy"
        )
    return manifest, payloads


def parse_object(data: bytes, place: Path) -> dict[str, Any]:
    """Parse strict JSON that must be an object; ``place`` is the prefix of error messages."""
    try:
        value = parse(data)
    except StrictJSONError as error:
        raise SavedModelError(f"{place}: {error}; restore the file from a copy or save the model again") from None
    if not isinstance(value, dict):
        raise SavedModelError(f"{place}: not a JSON object; restore the file from a copy or save the model again")
    return value


def serialise_manifest(manifest: dict[str, Any], payloads: Sequence[Payload], folder: Path) -> bytes:
    """Return the manifest with ``format_version`` and ``payloads`` added, as bytes for ``parse_manifest``."""
    place = folder / MANIFEST
    for key in ("format_version", "payloads"):
        if key in manifest:
            raise SavedModelError(f"{place}: the key {key!r} is reserved for save_folder; remove it from the manifest")
    entries = [{"name": p.name, "file": p.file, "bytes": p.size, "sha256": p.sha256} for p in payloads]
    try:
        data = serialise({**manifest, "format_version": FORMAT_VERSION, "payloads": entries})
    except StrictJSONError as error:
        raise SavedModelError(f"{place}: {error}") from None
    if len(data) > MAX_MANIFEST_BYTES:
        raise SavedModelError(
            f"{place}: would have {len(data)} bytes, more than the {MAX_MANIFEST_BYTES} allowed; keep large values in "
            "arrays"
        )
    return data


def _payload(entry: Any, index: int, place: Path) -> Payload:
    where = f"{place}: payloads[{index}]"
    remedy = "restore the manifest from a copy"
    if not isinstance(entry, dict):
        raise SavedModelError(f"{where} is {shown(entry)}, not an object; {remedy}")
    name, size, sha256 = entry.get("name"), entry.get("bytes"), entry.get("sha256")
    if not isinstance(name, str) or name not in SUFFIXES:
        raise SavedModelError(f"{where}: name is {_found(entry, 'name')}, not one of {', '.join(SUFFIXES)}; {remedy}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise SavedModelError(f"{where}: bytes is {_found(entry, 'bytes')}, not a whole number >= 0; {remedy}")
    if not isinstance(sha256, str) or len(sha256) != 64 or not _HEX_DIGITS.issuperset(sha256):
        raise SavedModelError(f"{where}: sha256 is {_found(entry, 'sha256')}, not 64 lower-case hex digits; {remedy}")
    payload = Payload(name, size, sha256)
    # The one allowed name has no separator and no "..", so a manifest cannot point out of its folder.
    if entry.get("file") != payload.file:
        found = _found(entry, "file")
        raise SavedModelError(f"{where}: file is {found}, expected {payload.file!r}; {remedy}")
    return payload


def _found(entry: dict[str, Any], key: str) -> str:
    return shown(entry[key]) if key in entry else "missing"
