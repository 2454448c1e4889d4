"""Arrays in files: ``.npy``, ``.npz``, ``.safetensors``. Nothing is unpickled, no header is believed unchecked."""

from __future__ import annotations

import mmap
import os
import re
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, SavedModelError
from nlmkit.text.columns import suffix_of
from nlmkit.text.rows import shown_names
from nlmkit.text.sources import path_source

SUFFIXES: Final = (".npy", ".npz", ".safetensors")

_BOMB_BYTES: Final = 1 << 30
_BOMB_RATIO: Final = 250
"""An array of an ``.npz`` is refused where it has more bytes than the first, and so many times those of its file."""

_MAGIC: Final = b"\x93NUMPY"
_MAX_HEADER: Final = 1 << 16
_MAX_DIMENSIONS: Final = 32
_VALUE: Final = rb"""'[^']*'|"[^"]*"|True|False|\([0-9, ]*\)|\[.*?\]"""
_ENTRY: Final = rb"""['"](descr|fortran_order|shape)['"]\s*:\s*(""" + _VALUE + rb""")\s*,?\s*"""
_HEADER: Final = re.compile(rb"\s*\{\s*" + 3 * _ENTRY + rb"\}\s*")
_DTYPE: Final = re.compile("[<>|=]?(?:[iu][1248]|f[248]|b1)")
_SHOWN: Final = 40


def is_array_file(name: object) -> bool:
    """Return whether a name is that of a file of arrays, by its suffix."""
    return isinstance(name, (str, os.PathLike)) and Path(name).suffix.lower() in SUFFIXES


def read_array(path: str | os.PathLike[str], key: str | None = None) -> NDArray[np.generic]:
    """Read one array.

    Args:
        path: A file ``.npy``, ``.npz`` or ``.safetensors``.
        key: Name of the array; not of ``.npy``, which has one without a name. May be omitted where a file has one.

    Raises:
        DataError: The file is missing, damaged or compressed, its array is not of numbers, or there is no array of
            that name, or none is named and there are several.
    """
    source = path_source(path)
    name, file = source.name, cast(Path, source.path)
    suffix = suffix_of(str(file))
    if suffix == ".npy" and key is not None:
        raise DataError(f"an .npy file has one array, which has no name: omit the key {key!r}", source=name)
    reader = {".npy": _read_npy_file, ".npz": _read_npz, ".safetensors": _read_safetensors}[suffix]
    try:
        with open(file, "rb") as stream:
            return reader(stream, file, name, key)
    except DataError:
        raise
    except MemoryError:
        raise DataError("there is too little memory for the array", source=name) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", source=name) from error


def _read_npy_file(stream: BinaryIO, file: Path, name: str, key: str | None) -> NDArray[np.generic]:
    return _read_npy(stream, os.fstat(stream.fileno()).st_size, name)


def _read_npy(stream: BinaryIO, size: int, name: str) -> NDArray[np.generic]:
    """Return the array of an ``.npy`` of so many bytes.

    Raises:
        DataError: It is damaged, or its array is not of numbers.
    """
    shape, is_fortran, dtype = _npy_header(stream, name)
    present = size - stream.tell()
    if prod(shape) * dtype.itemsize != present:
        raise DataError(
            f"the header says {list(shape)} of {dtype}, which is {prod(shape) * dtype.itemsize} bytes, and "
            f"{present} bytes follow: the file is damaged",
            source=name,
        )
    data = stream.read(present)
    if len(data) != present:
        raise DataError(f"{len(data)} bytes of {present} could be read: the file is damaged", source=name)
    flat = np.frombuffer(data, dtype)
    try:
        return flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)
    except (ValueError, OverflowError):  # (0, 2**63): no bytes, and yet no shape that NumPy can have
        raise DataError(f"the array has the impossible shape {list(shape)}", source=name) from None


def _npy_header(stream: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, whether the order is Fortran's, and type of an ``.npy``.

    The header is written as a dictionary of Python, and is matched, not evaluated.

    Raises:
        DataError: It is not a header, or not of numbers.
    """
    start = stream.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise DataError("not an .npy file: it does not begin as one", source=name)
    if start[6] not in (1, 2, 3):
        raise DataError(f"version {start[6]}.{start[7]} of .npy, expected 1.0 to 3.0", source=name)
    length = int.from_bytes(stream.read(2 if start[6] == 1 else 4), "little")
    match = _HEADER.fullmatch(stream.read(length)) if length <= _MAX_HEADER else None
    entries = dict(zip(match.groups()[::2], match.groups()[1::2], strict=True)) if match else {}
    descr, order, extents = (entries.get(key, b"") for key in (b"descr", b"fortran_order", b"shape"))
    shape = re.findall(rb"[0-9]+", extents)
    if not (descr and order in (b"True", b"False") and extents[:1] == b"(" and max(map(len, shape), default=0) < 20):
        raise DataError("not a valid .npy file: its header is damaged", source=name)
    kind = descr[1:-1].decode("latin-1")
    if _DTYPE.fullmatch(kind) is None:
        shown = kind[:_SHOWN] if kind.isprintable() else repr(kind[:_SHOWN])
        raise DataError(f"the array is of {shown}, which is not a type of real numbers", source=name)
    if len(shape) > _MAX_DIMENSIONS:
        raise DataError(f"the array has {len(shape)} dimensions: expected two", source=name)
    return tuple(map(int, shape)), order == b"True", np.dtype(kind)


def _read_npz(stream: BinaryIO, file: Path, name: str, key: str | None) -> NDArray[np.generic]:
    import zipfile

    # Of encrypted members, unknown methods, wrong sizes and checksums.
    errors = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError)
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
            chosen = members[_chosen(list(members), key, name)]
            if chosen.file_size > max(_BOMB_BYTES, _BOMB_RATIO * chosen.compress_size):
                raise DataError(
                    f"the array unpacks to more than {_BOMB_RATIO} times its size: if it is intended, save it as .npy",
                    source=name,
                )
            with archive.open(chosen) as member:
                return _read_npy(cast(BinaryIO, member), chosen.file_size, name)
    except DataError:
        raise
    except errors as error:
        raise DataError(f"not a valid .npz file: {error or type(error).__name__}", source=name) from None


def _read_safetensors(stream: BinaryIO, file: Path, name: str, key: str | None) -> NDArray[np.generic]:
    from nlmkit.saving.tensors import read_tensors

    if not os.fstat(stream.fileno()).st_size:
        raise DataError("the file is empty", source=name)
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        try:
            arrays = read_tensors(mapped, file)
        except SavedModelError as error:
            raise DataError(str(error).removeprefix(f"{file}: "), source=name) from None
        found = np.array(arrays[_chosen(list(arrays), key, name)])
        del arrays  # its views, so that the map can be closed
    return found


def _chosen(names: list[str], key: str | None, source: str) -> str:
    """Return the name of the array that is meant."""
    if key is None:
        if len(names) == 1:
            return names[0]
        if not names:
            raise DataError("the file has no arrays", source=source)
        raise DataError(f"the file has {len(names)} arrays ({shown_names(names)}): name one as the key", source=source)
    if key not in names:
        shown = shown_names(names) or "none"
        raise DataError(f"no array {key!r} in the file (it has {shown}){suggestion(key, names)}", source=source)
    return key
