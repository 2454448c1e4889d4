"""Blocks of numbers as bytes: packed to the width of the numbers, with a checksum.

Whole numbers are stored as differences: of sorted ones to the number before, of others to the least. Each difference
takes one of at most four widths in bytes; one or two bits per number select the width. This is about as small as
``zlib`` makes such columns, several times faster, and needs only NumPy.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_Words = NDArray[np.uint64]

_RAW, _LEAST, _SORTED = 0, 1, 2
_HEADER: Final = struct.Struct("<2sB4sB4sQQQ")  # magic, kind, dtype, number of widths, widths, length, base, payload
_CHECKSUM: Final = struct.Struct("<I")
_MAGIC: Final = b"nb"
_PLANES: Final = ((), (1,), (2,), (2, 1), (4,), (4, 1), (4, 2), (4, 2, 1), (8,))
_BITS: Final = {1: 0, 2: 1, 4: 2}  # of the selector, by number of widths
DTYPES: Final = frozenset({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "b1"})
"""Types a block can have: kind and bytes."""


class DamagedBlockError(Exception):
    """The bytes are not a block, or were changed."""


def type_of(values: NDArray[Any]) -> str:
    """Return the type of an array as a block names it.

    Raises:
        TypeError: Blocks cannot hold it.
    """
    name = f"{values.dtype.kind}{values.dtype.itemsize}"
    if name not in DTYPES or values.ndim != 1:
        raise TypeError(f"a column must be one-dimensional and numeric, not {values.dtype} {list(values.shape)}")
    return name


def pack(values: NDArray[Any]) -> bytes:
    """Return an array as a block, which ``unpack`` gives back with type and values unchanged."""
    name = type_of(values)
    kind, base = _RAW, 0
    widths: tuple[int, ...] = (0,)
    if name[0] == "f" or not len(values):
        payload = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    else:
        kind, base, offsets = _offsets(values)
        widths = _widths(offsets)
        payload = _packed(offsets, widths)
    header = _HEADER.pack(_MAGIC, kind, name.encode(), len(widths), bytes(widths), len(values), base, len(payload))
    return header + payload + _CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(header)))


def unpack(block: bytes) -> NDArray[Any]:
    """Return the array of a block.

    Raises:
        DamagedBlockError: The bytes are not a block, or were changed.
    """
    end = len(block) - _CHECKSUM.size
    if end < _HEADER.size or zlib.crc32(memoryview(block)[:end]) != _CHECKSUM.unpack_from(block, end)[0]:
        raise DamagedBlockError
    magic, kind, named, number, widths, length, base, size = _HEADER.unpack_from(block)
    name = named.rstrip(b"\0").decode("latin-1")
    if magic != _MAGIC or name not in DTYPES or number not in _BITS or size != end - _HEADER.size:
        raise DamagedBlockError
    payload = memoryview(block)[_HEADER.size : end]
    dtype = np.dtype(name).newbyteorder("<")
    if kind == _RAW:
        return np.frombuffer(payload, dtype).astype(dtype.newbyteorder("="))
    offsets = _unpacked(payload, tuple(widths[:number]), length)
    if kind == _SORTED:
        np.cumsum(offsets, out=offsets)
    offsets += np.uint64(base)
    if dtype.kind == "b":
        return offsets.astype(np.bool_)
    return offsets.astype(dtype.newbyteorder("=")) if dtype.kind == "u" else offsets.view(np.int64).astype(dtype)


def _offsets(values: NDArray[Any]) -> tuple[int, int, _Words]:
    """Return kind, base and differences; arithmetic modulo 2⁶⁴ is exact for signed numbers, too."""
    is_signed = values.dtype.kind == "i"
    words = values.astype(np.int64).view(np.uint64) if is_signed else values.astype(np.uint64)
    if len(values) > 1 and values[0] <= values[-1] and bool((values[1:] >= values[:-1]).all()):
        differences = np.empty_like(words)
        differences[0] = 0
        np.subtract(words[1:], words[:-1], out=differences[1:])
        return _SORTED, int(words[0]), differences
    least = int(words[int(values.argmin())])
    return _LEAST, least, words - np.uint64(least)


def _widths(offsets: _Words) -> tuple[int, ...]:
    """Return the one, two or four widths, increasing, with which the differences take least space."""
    widest = (int(offsets.max()).bit_length() + 7) // 8
    total = len(offsets)
    fitting = [int(np.count_nonzero(offsets < np.uint64(1 << 8 * width))) for width in range(widest)] + [total]
    best: tuple[int, ...] = (widest,)
    least = float(widest * total)
    for number, selector in ((2, total / 8), (4, total / 4)):
        for below in itertools.combinations(range(widest), number - 1):
            size, done = selector, 0
            for width in (*below, widest):
                size += width * (fitting[width] - done)
                done = fitting[width]
            if size < least:
                best, least = (*below, widest), size
    return best


def _packed(offsets: _Words, widths: tuple[int, ...]) -> bytes:
    if len(widths) == 1:
        return _bytes(offsets, widths[0])
    classes = np.zeros(len(offsets), np.uint8)
    for width in widths[:-1]:
        classes += offsets >= np.uint64(1 << 8 * width)
    parts = [np.packbits(classes >> bit & 1).tobytes() for bit in range(_BITS[len(widths)])]
    parts += [_bytes(offsets[classes == number], width) for number, width in enumerate(widths) if width]
    return b"".join(parts)


def _unpacked(payload: memoryview, widths: tuple[int, ...], length: int) -> _Words:
    plane = (length + 7) // 8
    bits = _BITS[len(widths)]
    if not bits:
        return _words(payload, widths[0], length)
    classes = np.zeros(length, np.uint8)
    for bit in range(bits):
        taken = np.frombuffer(payload[bit * plane : (bit + 1) * plane], np.uint8)
        classes |= np.unpackbits(taken, count=length) << bit
    offsets = np.zeros(length, np.uint64)
    at = bits * plane
    for number, width in enumerate(widths):
        if width:
            chosen = np.flatnonzero(classes == number)
            offsets[chosen] = _words(payload[at : at + width * len(chosen)], width, len(chosen))
            at += width * len(chosen)
    return offsets


def _bytes(numbers: _Words, width: int) -> bytes:
    """Return the lowest ``width`` bytes of each number, in planes of 4, 2 and 1 bytes."""
    parts, shift = [], 0
    for plane in _PLANES[width]:
        parts.append((numbers >> np.uint64(shift) if shift else numbers).astype(f"<u{plane}").tobytes())
        shift += 8 * plane
    return b"".join(parts)


def _words(payload: memoryview, width: int, length: int) -> _Words:
    numbers, at, shift = np.zeros(length, np.uint64), 0, 0
    for plane in _PLANES[width]:
        high = np.frombuffer(payload, f"<u{plane}", length, at).astype(np.uint64)
        numbers |= high << np.uint64(shift) if shift else high
        at += plane * length
        shift += 8 * plane
    return numbers
