"""Files of word vectors as other programs write and read them: which formats there are, and how a name tells them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

FORMATS: Final = ("word2vec", "word2vec-binary", "glove")
"""word2vec text, which fastText's ``.vec`` is too; word2vec binary; GloVe text, which is the first without header."""

SUFFIXES: Final[Mapping[str, str]] = {".vec": "word2vec", ".bin": "word2vec-binary"}
"""The formats that a name tells. ``.txt`` tells only that it is text."""

TEXT_SUFFIX: Final = ".txt"

PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of compressed files, which may follow the others."""


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file's name, lower-cased, without that of its compression."""
    name = PurePath(os.fspath(path).lower())
    return (name.with_suffix("") if name.suffix in PACKED else name).suffix
