"""Reader of files of word vectors, with detection of the format."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.formats import FORMATS, PACKED, SUFFIXES, suffix_of
from nlmkit.representations.formats.binary import read_binary
from nlmkit.representations.formats.rows import Repeated
from nlmkit.representations.formats.text import has_header, lines_of, read_text, sample_of
from nlmkit.representations.neighbours import check_choice
from nlmkit.text import Decoding
from nlmkit.text.sources import ByteReader, ByteSource, path_source

_CHUNK: Final = 1 << 22


def read_vectors(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    decoding: Decoding | None = None,
    repeated: Repeated = "first",
    advance: Callable[[int], None] = lambda amount: None,
) -> tuple[list[str], NDArray[np.float32], str]:
    """Read a file of word vectors; compressed files are decompressed according to their suffix.

    Args:
        path: The file.
        format: One of ``FORMATS``. If left out, a name in ``.bin`` is
            ``word2vec-binary``; any other is text, and ``word2vec`` if its first line is a header.
        decoding: How the bytes of words become characters.
        repeated: What to do with a word that the file has twice: ``first`` keeps the first vector and notes it,
            ``error`` refuses the file.
        advance: Called with the number of bytes read, as they lie on disk.

    Returns:
        The words without ``<unk>``, ``<s>`` and ``</s>``; the vectors by vocabulary id, float32 [words + 3, d], with
        zero rows for those three unless the file has them; and the format.

    Raises:
        DataError: The file cannot be read or is damaged; see the readers of the formats.
        HyperParameterError: ``format`` or ``repeated`` is invalid, or the encoding does not extend ASCII.
    """
    check_choice("repeated", repeated, get_args(Repeated))
    if format is not None:
        check_choice("format", format, FORMATS)
    decoding = decoding or Decoding()
    codec = (decoding.encoding, str(decoding.errors))
    if "a b\n".encode(decoding.encoding) != b"a b\n":
        raise HyperParameterError(f"vectors are read in encodings that extend ASCII, not in {decoding.encoding}")
    source = path_source(path)
    size = _size(source)
    binary = (format or SUFFIXES.get(suffix_of(path))) == "word2vec-binary"
    with ByteReader(source, utf8=decoding.is_utf8 and not binary) as reader:
        chunks = _followed(reader, advance)
        if binary:
            words, matrix = read_binary(chunks, source.name, codec=codec, size=size, repeated=repeated)
            return words, matrix, "word2vec-binary"
        lines = lines_of(_checked(chunks, source.name), source.name)
        if format is None:
            sample = sample_of(lines)
            header = has_header(sample)
            lines = itertools.chain(sample, lines)
        else:
            header = format == "word2vec"
        words, matrix = read_text(lines, source.name, header=header, codec=codec, size=size, repeated=repeated)
        return words, matrix, "word2vec" if header else "glove"


def _followed(reader: ByteReader, advance: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for chunk in reader.chunks(_CHUNK):
        yield chunk
        advance(reader.consumed - done)
        done = reader.consumed


def _checked(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the chunks of a text; raise an error if it is a pickle."""
    first = next(chunks, b"")
    if first.startswith(b"\x80"):
        raise DataError("this looks like a pickle, which nlmkit never opens", source=name, byte=0)
    return itertools.chain([first] if first else [], chunks)


def _size(source: ByteSource) -> int | None:
    """Return the number of bytes to read; None if unknown in advance."""
    path = source.path
    if path is None or not path.is_file() or path.suffix.lower() in PACKED:
        return None
    return path.stat().st_size
