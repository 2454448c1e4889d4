"""Reader of word vectors in the binary format of word2vec."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.representations.formats.rows import Repeated, Rows, check_header
from nlmkit.representations.formats.text import header_of

_MAX_HEADER: Final = 64
_MAX_WORD: Final = 1 << 14
_VALUES: Final = 1 << 18
_FASTTEXT: Final = b"\xba\x16\x4f\x2f"
_PICKLE: Final = b"\x80"


def read_binary(
    chunks: Iterator[bytes],
    name: str,
    *,
    codec: tuple[str, str],
    size: int | None,
    repeated: Repeated = "first",
) -> tuple[list[str], NDArray[np.float32]]:
    """Read vectors from the bytes of a file.

    The file has a header, a text line with the number and length of the vectors, and then each word followed by a
    space, its values in little-endian single precision, and optionally a line feed.

    Args:
        chunks: Chunks of the file.
        name: Name of the file.
        codec: Encoding of the words and error handler for undecodable bytes.
        size: Size of the file in bytes, if known.
        repeated: Handling of duplicate words.

    Returns:
        The words without the special ones; and the vectors by vocabulary id, float32 [words + 3, d].

    Raises:
        DataError: The file is truncated, longer than declared in its header, or of another format; a word is empty,
            undecodable, or duplicate with ``repeated="error"``; or a value is not finite. Errors name the byte.
    """
    stream = _Stream(chunks)
    stream.need(_MAX_HEADER)
    start = stream.peek(_MAX_HEADER)
    header, found, _ = start.partition(b"\n")
    sizes = header_of(header) if found else None
    if sizes is None:
        raise DataError(f"not a word2vec file{_resemblance(start)}: its header is missing", source=name, byte=0)
    count, dimension = sizes
    stream.take(len(header) + 1)
    available = None if size is None else size - stream.position
    # A letter, a space, the values.
    check_header(name, count, dimension, least=count * (2 + 4 * dimension), available=available, place={"byte": 0})
    rows = Rows(name, dimension, count, room=size is not None, repeated=repeated)
    begins = array("q")  # where each vector's word begins

    def place(index: int) -> dict[str, Any]:
        return {"byte": begins[index]}

    batch = max(1, _VALUES // dimension)
    while rows.read < count or (rows.repeats and _more(stream)):
        # Vectors beyond the count are those of repeated words, or refused.
        number = min(batch, count - rows.read) if rows.read < count else 1
        words = []
        block = np.empty((number, dimension), np.float32)
        for index in range(number):
            word, at = _word(stream, name, rows.read + index, count)
            begins.append(at)
            words.append(word)
            if not stream.need(4 * dimension):
                raise _cut(name, rows.read + index, count, stream.end)
            block[index] = np.frombuffer(stream.take(4 * dimension), "<f4")
        rows.add(words, block, codec, place)
    if _more(stream):
        problem = f"data after the {count} vectors declared in the header"
        raise DataError(problem, source=name, byte=stream.position)
    return rows.finish({"byte": 0})


def _more(stream: _Stream) -> bool:
    """Return whether another vector follows; line feeds before it are consumed."""
    while stream.need(1):
        if stream.peek(1) != b"\n":
            return True
        stream.take(1)
    return False


def _word(stream: _Stream, name: str, number: int, count: int) -> tuple[bytes, int]:
    """Return the next word and its position; line feeds before it belong to the previous vector."""
    _more(stream)
    at = stream.position
    length = stream.find(b" ", _MAX_WORD)
    if length < 0:
        if stream.need(_MAX_WORD):
            problem = f"no end of a word within {_MAX_WORD} bytes: the file is damaged or of another format"
            raise DataError(problem, source=name, byte=at)
        raise _cut(name, number, count, stream.end)
    word = stream.take(length)
    stream.take(1)
    return word, at


def _cut(name: str, number: int, count: int, at: int) -> DataError:
    problem = f"truncated file: it ends within vector {number + 1} of {count}"
    return DataError(problem, source=name, byte=at)


def _resemblance(start: bytes) -> str:
    if start.startswith(_FASTTEXT):
        return " (it looks like a fastText model; its .vec file has the vectors)"
    if start.startswith(_PICKLE):
        return " (it looks like a pickle, which nlmkit never opens)"
    return ""


class _Stream:
    """Buffer of bytes that arrive in chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._dropped = 0

    @property
    def position(self) -> int:
        """Number of bytes consumed."""
        return self._dropped + self._at

    @property
    def end(self) -> int:
        """Number of bytes received."""
        return self._dropped + len(self._buffer)

    def need(self, number: int) -> bool:
        """Return whether at least this many bytes are left."""
        if len(self._buffer) - self._at >= number:
            return True
        parts = [self._buffer[self._at :]]
        length = len(parts[0])
        while length < number and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            length += len(chunk)
        self._dropped += self._at
        self._buffer, self._at = b"".join(parts), 0
        return length >= number

    def peek(self, number: int) -> bytes:
        """Return up to this many of the next bytes without consuming them."""
        return self._buffer[self._at : self._at + number]

    def find(self, wanted: bytes, within: int) -> int:
        """Return the distance to the wanted byte, −1 if it is not within the limit."""
        found = self._buffer.find(wanted, self._at, self._at + within)
        if found < 0:
            self.need(within)
            found = self._buffer.find(wanted, self._at, self._at + within)
        return found - self._at if found >= 0 else -1

    def take(self, number: int) -> bytes:
        """Consume and return the next bytes."""
        taken = self._buffer[self._at : self._at + number]
        self._at += number
        return taken
