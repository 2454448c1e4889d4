"""Tables of columns on disk or shared storage: packed blocks with checksums, read whole or in a stream.

A table is one file: the blocks of its columns in the order they were written, then an index of them. It appears under
its name when it is complete. Markers say which tasks have finished, with their results; a task writes its tables first
and its marker last.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.external.packing import DamagedBlockError, pack, type_of, unpack
from nlmkit.language_models.ngram.external.places import Output, Place, is_url, place

BLOCK_VALUES: Final = 1 << 16
"""Most values of a block; a stream over a column needs memory for one block."""

_TABLE, _MARKER = ".table", ".done"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*")
_TAIL: Final = struct.Struct("<QI4s")  # bytes of the index, its checksum, magic
_MAGIC: Final = b"nlt1"

_Index = dict[str, list[list[int]]]
"""For each column its blocks: offset, bytes, number of values."""


@dataclasses.dataclass(frozen=True)
class Store:
    """Tables of columns and markers of finished tasks in one folder.

    It can be sent to other processes and machines, which must reach the folder under the same path or URL.

    Attributes:
        location: Folder: a path, or a URL of fsspec such as ``s3://bucket/folder``; it is created when needed.
    """

    location: str

    def __init__(self, location: str | os.PathLike[str]) -> None:
        text = os.fspath(location)
        # worker processes may have another working directory
        object.__setattr__(self, "location", text if is_url(text) else os.path.abspath(text))

    def write(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a table whole; one of the same name is replaced.

        Args:
            name: Words of letters, digits, ``-`` and ``_`` with ``/`` or ``.`` between them, such as ``runs/2/17``.
            arrays: Columns by name; one-dimensional, numeric, of any lengths.
        """
        with self.writer(name) as table:
            table.append(arrays)

    @contextlib.contextmanager
    def writer(self, name: str) -> Iterator[TableWriter]:
        """Write a table in pieces: ``append`` adds to its columns; it appears after the body, if that does not fail."""
        with self._place.writing(_checked(name) + _TABLE) as file:
            writer = TableWriter(file)
            yield writer
            writer.finish()

    def read(self, name: str, columns: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Return columns of a table, all of them by default.

        Raises:
            DataError: There is no such table, or a block is damaged; names the file.
        """
        index = self._index(name)
        found = {}
        for column in index if columns is None else columns:
            pieces = list(self._blocks(name, column, index))
            found[column] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return found

    def blocks(self, name: str, column: str) -> Iterator[NDArray[Any]]:
        """Return a column block by block, at most ``BLOCK_VALUES`` values each; errors as of ``read``."""
        return self._blocks(name, column, self._index(name))

    def rows(self, name: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """Return columns of equal lengths, block by block, all of them by default; errors as of ``read``."""
        index = self._index(name)
        chosen = tuple(index) if columns is None else tuple(columns)
        for group in zip(*(self._blocks(name, column, index) for column in chosen), strict=True):
            yield dict(zip(chosen, group, strict=True))

    def length(self, name: str, column: str) -> int:
        """Return the number of values of a column, from the index."""
        return sum(block[2] for block in self._column(name, column, self._index(name)))

    def has(self, name: str) -> bool:
        """Return whether there is a table."""
        return self._place.exists(_checked(name) + _TABLE)

    def size(self, name: str) -> int:
        """Return the bytes of a table's file."""
        return self._place.size(_checked(name) + _TABLE)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the tables that begin with ``prefix``, sorted."""
        files = [file.removesuffix(_TABLE) for file in self._place.names() if file.endswith(_TABLE)]
        return [name for name in files if name.startswith(prefix)]

    def remove(self, name: str) -> None:
        """Remove a table, if there is one."""
        self._place.remove(_checked(name) + _TABLE)

    def done(self, name: str) -> bool:
        """Return whether there is a marker."""
        return self._place.exists(_checked(name) + _MARKER)

    def commit(self, name: str, result: Any = None) -> None:
        """Write a marker with a result that JSON can hold; call it when all tables of a task are written."""
        text = json.dumps(result, allow_nan=False, sort_keys=True)
        with self._place.writing(_checked(name) + _MARKER) as file:
            file.write(f"{zlib.crc32(text.encode()):08x} {text}\n".encode())

    def result(self, name: str) -> Any:
        """Return the result in a marker.

        Raises:
            DataError: There is no such marker, or it is damaged.
        """
        file = _checked(name) + _MARKER
        data = self._part(file, 0, self._length(file))
        checksum, _, text = data.partition(b" ")
        text = text.rstrip(b"\n")
        if checksum != b"%08x" % zlib.crc32(text):
            raise self._damaged(file)
        return json.loads(text)

    def remove_markers(self, prefix: str) -> None:
        """Remove the markers whose names begin with ``prefix``."""
        for file in self._place.names():
            if file.endswith(_MARKER) and file.startswith(prefix):
                self._place.remove(file)

    def remove_unfinished(self) -> None:
        """Remove files whose writer was killed; nothing may be writing to the store."""
        for file in self._place.unfinished():
            self._place.remove(file)

    def clear(self) -> None:
        """Remove all tables and markers, and the folder."""
        self._place.clear()

    @functools.cached_property
    def _place(self) -> Place:
        return place(self.location)

    def __getstate__(self) -> dict[str, str]:
        return {"location": self.location}  # a process opens file systems of its own

    def _index(self, name: str) -> _Index:
        file = _checked(name) + _TABLE
        size = self._length(file)
        tail = self._part(file, max(0, size - _TAIL.size), _TAIL.size)
        if len(tail) != _TAIL.size:
            raise self._damaged(file)
        length, checksum, magic = _TAIL.unpack(tail)
        if magic != _MAGIC or length > size - _TAIL.size:
            raise self._damaged(file)
        data = self._part(file, size - _TAIL.size - length, length)
        if zlib.crc32(data) != checksum:
            raise self._damaged(file)
        index: _Index = json.loads(data)
        return index

    def _column(self, name: str, column: str, index: _Index) -> list[list[int]]:
        if column not in index:
            raise DataError(f"has no column {column}, only {', '.join(index)}", source=self._place.shown(name + _TABLE))
        return index[column]

    def _blocks(self, name: str, column: str, index: _Index) -> Iterator[NDArray[Any]]:
        blocks = self._column(name, column, index)
        return (self._block(name + _TABLE, *block) for block in blocks)

    def _block(self, file: str, offset: int, size: int, length: int) -> NDArray[Any]:
        try:
            values = unpack(self._part(file, offset, size))
        except DamagedBlockError:
            raise self._damaged(file) from None
        if len(values) != length:
            raise self._damaged(file)
        return values

    def _length(self, file: str) -> int:
        try:
            return self._place.size(file)
        except FileNotFoundError:
            raise self._missing(file) from None

    def _part(self, file: str, begin: int, length: int) -> bytes:
        try:
            return self._place.part(file, begin, length)
        except FileNotFoundError:
            raise self._missing(file) from None

    def _missing(self, file: str) -> DataError:
        problem = "the temporary file is missing: remove the temporary folder and run again"
        return DataError(problem, source=self._place.shown(file))

    def _damaged(self, file: str) -> DataError:
        problem = "the temporary file is damaged (wrong checksum): remove the temporary folder and run again"
        return DataError(problem, source=self._place.shown(file))


class TableWriter:
    """Columns of a table that is being written."""

    def __init__(self, file: Output) -> None:
        self._file = file
        self._at = 0
        self._index: _Index = {}
        self._types: dict[str, str] = {}

    def append(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Append to columns, in blocks; a column keeps the type of its first values."""
        for column, values in arrays.items():
            name = type_of(values)
            if self._types.setdefault(column, name) != name:
                raise TypeError(f"the column {column} holds {self._types[column]}, not {name}")
            blocks = self._index.setdefault(column, [])
            # a column has at least one block, which names its type
            for begin in range(0, max(len(values), not blocks), BLOCK_VALUES):
                self._add(blocks, values[begin : begin + BLOCK_VALUES])

    def finish(self) -> None:
        """Write the index."""
        data = json.dumps(self._index, separators=(",", ":")).encode()
        self._file.write(data + _TAIL.pack(len(data), zlib.crc32(data), _MAGIC))

    def _add(self, blocks: list[list[int]], values: NDArray[Any]) -> None:
        block = pack(values)
        self._file.write(block)
        blocks.append([self._at, len(block), len(values)])
        self._at += len(block)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a table")
    return name
