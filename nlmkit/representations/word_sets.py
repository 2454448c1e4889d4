"""Where the word sets of an evaluation lie, how their files are read, and the vectors that they are asked of.

The standard sets are part of gensim's package data. They are read as data: gensim is not imported, and nothing is
downloaded.
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import NlmkitError
from nlmkit.text import Decoding
from nlmkit.text.blocks import BLOCK_BYTES, byte_blocks
from nlmkit.text.sources import STDIN, ByteReader, ByteSource, expand, path_source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.rules import WordVectors

FIRST_WORD: Final = 3
"""The ids below it are ``<unk>``, ``<s>`` and ``</s>``, which are nobody's neighbours and no answers."""


def packaged(file: str) -> ByteSource:
    """A file of gensim's test data.

    Raises:
        NlmkitError: gensim is not installed, or its release does not have the file.
    """
    spec = importlib.util.find_spec("gensim")
    if spec is None:
        raise NlmkitError("the standard word sets come with gensim: pip install 'nlmkit[representations]'")
    # A module that is made from its specification and never run: importing gensim takes seconds.
    place = resources.files(importlib.util.module_from_spec(spec)) / "test" / "test_data" / file
    if not place.is_file():
        raise NlmkitError(f"the installed gensim has no {file} in its test data: give a file of your own")
    return ByteSource(f"gensim's {file}", file, stream=io.BytesIO(place.read_bytes()))


def user_file(name: str | os.PathLike[str]) -> ByteSource:
    """A file of the user's; ``-`` is standard input.

    Raises:
        DataError: there is no such file, or it is a directory.
    """
    if name == STDIN:
        (source,) = expand(STDIN)
        assert isinstance(source, ByteSource)
        return source
    return path_source(name)


def lines_of(source: ByteSource, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers: neither blank ones nor comments, which begin with ``#``.

    Raises:
        DataError: the file cannot be read, or is no text in that encoding.
    """
    decoding = Decoding(encoding)
    with ByteReader(source, utf8=decoding.is_utf8) as reader:
        for block in byte_blocks(reader, decoding, source.name, size=BLOCK_BYTES, characters=True):
            for number, line in enumerate(block.text().split("\n")[:-1], start=block.first_line):
                if line.strip(" \t\r") and not line.startswith("#"):
                    yield number, line


def unit_rows(representation: WordVectors, ids: NDArray[np.int64]) -> Any:
    """The vectors of ids, each divided by its length; zero vectors stay zero.

    Returns:
        float32 [ids, d]: an array, or a sparse one where the representation's matrix is sparse.
    """
    import numpy as np

    rows: Any = representation.matrix[ids]
    if _is_sparse(rows):
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), np.float64)).reshape(-1, 1)
        return rows.multiply(1 / np.where(lengths > 0, lengths, 1)).tocsr()
    # A row's squares may overflow float32 where its values do not.
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None]
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def products(rows: Any, others: Any) -> NDArray[np.float32]:
    """The products of all rows with all others, float32 [rows, others], whether they are sparse or not."""
    import numpy as np

    values = rows @ others.T
    return np.asarray(values.toarray() if _is_sparse(values) else values, np.float32)


def _is_sparse(values: Any) -> bool:
    """Whether it is one of scipy's sparse arrays; scipy is not imported to find out."""
    return hasattr(values, "tocsr")
