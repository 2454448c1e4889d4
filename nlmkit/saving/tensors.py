"""The safetensors format: a JSON header, then the arrays' bytes, little-endian, in C order, without gaps.

Arrays are written as a stream, without a second copy in memory, and read as views into one memory map. The files are
compatible with other readers of the format.
Format: https://huggingface.co/docs/safetensors (8 bytes header length, header, data).
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import SavedModelError
from nlmkit.saving.files import CHUNK_BYTES, HashedWriter
from nlmkit.saving.manifest import parse_object
from nlmkit.saving.strict_json import shown

MAX_HEADER_BYTES = 16 * 2**20
ALIGNMENT = 64

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_METADATA = "__metadata__"
_MAX_DIMENSIONS = 32
_MAPPED_BYTES = 16 << 20


class StoredArrays(Mapping[str, NDArray[Any]]):
    """Read-only arrays by name, with their file.

    Attributes:
        file: The safetensors file.
    """

    __slots__ = ("_arrays", "file")

    def __init__(self, arrays: dict[str, NDArray[Any]], file: Path) -> None:
        self._arrays = arrays
        self.file = file

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}: {array.dtype}{list(array.shape)}" for name, array in self.items())
        return f"StoredArrays({inside})"


class TensorFile:
    """Layout of arrays as one safetensors file to write.

    Args:
        arrays: Arrays with dtypes of ``DTYPES``, any strides and byte order.
        folder: Prefix of error messages.

    Attributes:
        size: Size of the file in bytes.

    Raises:
        SavedModelError: A name or dtype is not supported by the format.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], folder: Path) -> None:
        checked = [(name, np.asarray(array)) for name, array in arrays.items()]
        for name, array in checked:
            _check_array(name, array, folder)
        # Wide elements first: with an aligned start, every array is then aligned to its element size.
        checked.sort(key=lambda item: (-item[1].itemsize, item[0]))
        self._arrays = [array for _, array in checked]
        header: dict[str, Any] = {}
        offset = 0
        for name, array in checked:
            header[name] = {
                "dtype": _CODES[_little_endian(array).str],
                "shape": list(array.shape),
                "data_offsets": [offset, offset + array.nbytes],
            }
            offset += array.nbytes
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        text += b" " * (-(8 + len(text)) % ALIGNMENT)
        if len(text) > MAX_HEADER_BYTES:
            raise SavedModelError(f"{folder}: {len(checked)} arrays are too many for one file; merge some of them")
        self._head = len(text).to_bytes(8, "little") + text
        self.size = len(self._head) + offset

    def blocks(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes of the file in order: the header, then the arrays."""
        yield self._head
        for array in self._arrays:
            yield from _bytes_in_order(array)

    def write(self, writer: HashedWriter) -> None:
        """Stream header and arrays."""
        for block in self.blocks():
            writer.write(block)


def read_tensors(data: mmap.mmap, file: Path) -> StoredArrays:
    """Check the header against the data, and return views into it.

    Args:
        data: The whole file, mapped for reading.
        file: Prefix of error messages.

    Returns:
        Read-only arrays of the stored dtypes (little-endian) and shapes.

    Raises:
        SavedModelError: The header is damaged, or contradicts the file's size or itself.
    """
    header, start = _read_header(data, file)
    entries = []
    for name, entry in header.items():
        if name != _METADATA:
            entries.append((*_read_entry(name, entry, file), name))
    position = 0
    for begin, end, _, _, name in sorted(entries, key=lambda entry: entry[:2]):
        if begin != position:
            problem = "overlaps the array before it" if begin < position else "leaves a gap before it"
            raise _damaged(file, f"array {shown(name)} {problem} (byte {begin} of the data)")
        position = end
    if start + position != len(data):
        raise _damaged(file, f"the arrays end at byte {start + position}, but the file ends at byte {len(data)}")
    arrays = {}
    for begin, _, dtype, shape, name in entries:
        try:
            if 0 in shape:
                array: NDArray[Any] = np.empty(shape, dtype)
                array.flags.writeable = False
            else:
                array = np.frombuffer(data, dtype, prod(shape), start + begin).reshape(shape)
        except (ValueError, OverflowError):  # (0, 2**63): no bytes, and yet no shape that NumPy can have
            raise _damaged(file, f"array {shown(name)} has the impossible shape {shown(shape)}") from None
        if dtype.kind == "b" and not _is_zero_or_one(array):
            raise _damaged(file, f"array {shown(name)} has dtype BOOL, but contains bytes that are not 0 or 1")
        arrays[name] = array
    return StoredArrays(arrays, file)


def _check_array(name: str, array: NDArray[Any], folder: Path) -> None:
    if not isinstance(name, str) or not name or name == _METADATA or _has_surrogates(name):
        raise SavedModelError(f"{folder}: {shown(name)} is not a valid name of an array; choose another")
    if _little_endian(array).str not in _CODES:
        raise SavedModelError(
            f"{folder}: array {shown(name)} has dtype {array.dtype}, which saved models do not support; "
            "convert it to a "
            "boolean, integer or floating dtype of 8 to 64 bits"
        )
    if array.ndim > _MAX_DIMENSIONS:
        raise SavedModelError(f"{folder}: array {shown(name)} has more than {_MAX_DIMENSIONS} dimensions; reshape it")


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _little_endian(array: NDArray[Any]) -> np.dtype[Any]:
    return array.dtype.newbyteorder("<")


def _bytes_in_order(array: NDArray[Any]) -> Iterator[memoryview]:
    """Yield an array's little-endian bytes in C order, in blocks if it must be converted."""
    if not array.size:
        return
    dtype = _little_endian(array)
    if array.flags.c_contiguous and array.dtype == dtype:
        data = array.reshape(-1).view(np.uint8)
        mapping = _mapping_of(array)
        if mapping is None:
            yield data.data
            return
        # pages of a mapped file that were read count as memory of the process until they are given back
        at = data.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
        for start in range(0, len(data), _MAPPED_BYTES):
            yield data[start : start + _MAPPED_BYTES].data
            begin = (at + start) // mmap.PAGESIZE * mmap.PAGESIZE
            mapping.madvise(mmap.MADV_DONTNEED, begin, min(at + start + _MAPPED_BYTES, len(mapping)) - begin)
        return
    step = CHUNK_BYTES // array.itemsize
    for start in range(0, array.size, step):
        yield array.flat[start : start + step].astype(dtype, copy=False).view(np.uint8).data


def _mapping_of(array: NDArray[Any]) -> mmap.mmap | None:
    """Return the read-only memory map of a file that holds an array; None without, or if pages cannot be given back."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    is_mapped = isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and not array.flags.writeable
    return base if is_mapped else None


def _read_header(data: mmap.mmap, file: Path) -> tuple[dict[str, Any], int]:
    """Return the header and the offset of the data."""
    if len(data) < 8:
        raise _damaged(file, f"{len(data)} bytes are too few for a safetensors file")
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise _damaged(file, f"not a safetensors file{_resemblance(data)}: its header would have {length} bytes")
    text = data[8 : 8 + length]
    if not text.startswith(b"{"):
        raise _damaged(file, f"not a safetensors file{_resemblance(data)}: its header does not start with a brace")
    return parse_object(text, file), 8 + length


def _resemblance(data: mmap.mmap) -> str:
    if data[:2] == b"PK":
        return " (it looks like a zip archive)"
    if data[:1] == b"\x80":
        return " (it looks like a pickle, which nlmkit never opens)"
    return ""


def _read_entry(name: str, entry: Any, file: Path) -> tuple[int, int, np.dtype[Any], list[int]]:
    """Return begin, end, dtype and shape of one array, checked for consistency in unbounded integers."""
    where = f"array {shown(name)}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(file, f"{where} is not described by dtype, shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise _damaged(file, f"{where} has the unknown dtype {shown(code)}")
    if not _are_sizes(shape) or len(shape) > _MAX_DIMENSIONS:
        raise _damaged(file, f"{where} has the impossible shape {shown(shape)}")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _damaged(file, f"{where} has the impossible data_offsets {shown(offsets)}")
    dtype = np.dtype(DTYPES[code])
    begin, end = offsets
    if prod(shape) * dtype.itemsize != end - begin:
        raise _damaged(
            file, f"{where} of shape {shown(shape)} and dtype {code} does not fill its {shown(end - begin)} bytes"
        )
    return begin, end, dtype, shape


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in value
    )


def _is_zero_or_one(array: NDArray[Any]) -> bool:
    """Return whether every byte of a boolean array is 0 or 1; NumPy misbehaves with others."""
    return not array.size or int(array.view(np.uint8).max()) <= 1


def _damaged(file: Path, problem: str) -> SavedModelError:
    return SavedModelError(f"{file}: {problem}; restore it from a copy or save the model again")
