"""N-gram models that a command reads: saved ones, and ARPA files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nlmkit.cli import formats
from nlmkit.core.memory import as_size, out_of_memory
from nlmkit.core.run import RunOptions
from nlmkit.representations.formats import suffix_of

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.text import TextPipeline


def read_ngrams(paths: Sequence[str], run: RunOptions, pipeline: TextPipeline | None = None) -> list[NGram]:
    """Return the n-gram models at some paths.

    A file whose name ends in ``.arpa`` (and ``.gz``) is imported; its model reads text by ``pipeline``, by default that
    of the first of the saved models, or split at spaces.

    Raises:
        SavedModelError: A folder is not a saved n-gram model.
        DataError: An ARPA file cannot be read.
    """
    from nlmkit.core.storage import load
    from nlmkit.language_models.ngram.model import NGram

    saved = {path: load(path, NGram) for path in dict.fromkeys(paths) if not _is_arpa(path)}
    pipeline = pipeline or next((model.pipeline_ for model in saved.values()), None)
    imported: dict[str, NGram] = {}
    for path in dict.fromkeys(paths):
        if path in saved:
            continue
        with out_of_memory(f"{path}: reading it", lambda file=path: f"it has {as_size(os.path.getsize(file))}"):  # type: ignore[misc]
            imported[path] = NGram.from_arpa(Path(path), pipeline=pipeline, run=run)
    every = saved | imported
    return [every[path] for path in paths]


def _is_arpa(path: str) -> bool:
    return suffix_of(path) == f".{formats.ARPA}" and not os.path.isdir(path)
