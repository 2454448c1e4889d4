"""File formats of word vectors, and their detection from file names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

FORMATS: Final = ("word2vec", "word2vec-binary", "glove")
"""word2vec text (also fastText's ``.vec``), word2vec binary, and GloVe text (word2vec text without header)."""

SUFFIXES: Final[Mapping[str, str]] = {".vec": "word2vec", ".bin": "word2vec-binary"}
"""Formats by suffix. ``.txt`` is text of either format."""

TEXT_SUFFIX: Final = ".txt"

PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of compressed files, after the others."""


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the lower-cased suffix of a file's name, without that of a compression."""
    name = PurePath(os.fspath(path).lower())
    return (name.with_suffix("") if name.suffix in PACKED else name).suffix
