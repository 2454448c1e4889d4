"""Files of evaluation word sets, and vectors for their evaluation.

The standard sets are read from gensim's package data, without importing gensim and without downloads.
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import MissingFileError, NlmkitError
from nlmkit.text import Decoding
from nlmkit.text.blocks import BLOCK_BYTES, byte_blocks
from nlmkit.text.sources import CORPUS_PREFIXES, STDIN, ByteReader, ByteSource, expand, path_source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.rules import WordVectors

FIRST_WORD: Final = 3
"""First id of an ordinary word; ``<unk>``, ``<s>`` and ``</s>`` before it are never neighbours or answers."""


def packaged(file: str) -> ByteSource:
    """Return a file of gensim's test data.

    Raises:
        NlmkitError: gensim is not installed, or its release lacks the file.
    """
    spec = importlib.util.find_spec("gensim")
    if spec is None:
        raise NlmkitError("the standard word sets require gensim: pip install 'nlmkit[representations]'")
    # The module is located but never imported: importing gensim takes seconds.
    place = resources.files(importlib.util.module_from_spec(spec)) / "test" / "test_data" / file
    if not place.is_file():
        raise NlmkitError(f"the test data of the installed gensim has no {file}: pass a file")
    return ByteSource(f"gensim's {file}", file, stream=io.BytesIO(place.read_bytes()))


def user_file(name: str | os.PathLike[str]) -> ByteSource:
    """Return a user's file; ``-`` is standard input.

    Raises:
        DataError: The file does not exist or is a directory.
    """
    if name == STDIN:
        (source,) = expand(STDIN)
        assert isinstance(source, ByteSource)
        return source
    if os.fspath(name).startswith(CORPUS_PREFIXES) and not os.path.exists(name):
        raise MissingFileError("a corpus is text, and a file of word pairs or analogies is expected", source=f"{name}")
    return path_source(name)


def lines_of(source: ByteSource, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Yield numbered lines, without blank lines and comments, which start with ``#``.

    Raises:
        DataError: The file cannot be read, or is not text in that encoding.
    """
    decoding = Decoding(encoding)
    with ByteReader(source, utf8=decoding.is_utf8) as reader:
        for block in byte_blocks(reader, decoding, source.name, size=BLOCK_BYTES, characters=True):
            for number, line in enumerate(block.text().split("\n")[:-1], start=block.first_line):
                if line.strip(" \t\r") and not line.startswith("#"):
                    yield number, line


def unit_rows(representation: WordVectors, ids: NDArray[np.int64]) -> Any:
    """Return the vectors of ids, each divided by its length; zero vectors stay zero.

    Returns:
        float32 [ids, d]: an array, sparse if the representation's matrix is sparse.
    """
    import numpy as np

    rows: Any = representation.matrix[ids]
    if _is_sparse(rows):
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), np.float64)).reshape(-1, 1)
        return rows.multiply(1 / np.where(lengths > 0, lengths, 1)).tocsr()
    # The squares of a row can overflow float32 even if its values do not.
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None]
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def products(rows: Any, others: Any) -> NDArray[np.float32]:
    """Return the products of all rows with all others, float32 [rows, others], for dense and sparse arrays."""
    import numpy as np

    values = rows @ others.T
    return np.asarray(values.toarray() if _is_sparse(values) else values, np.float32)


def _is_sparse(values: Any) -> bool:
    """Return whether an array is a scipy sparse array, without importing scipy."""
    return hasattr(values, "tocsr")
