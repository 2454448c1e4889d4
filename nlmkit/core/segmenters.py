"""Saved segmenters as tokenizers: ``model:FOLDER``."""

from __future__ import annotations

from typing import cast

from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.text.segmenter import PREFIX, Segmenter, SegmenterTokenizer


def load_segmenter(folder: str) -> SegmenterTokenizer:
    """Return the tokenizer of the segmenter saved in a folder.

    Raises:
        HyperParameterError: The folder contains a model that is not a segmenter.
        SavedModelError: It cannot be loaded.
        RegistryError: The package that the segmenter comes from is missing or cannot be used.
    """
    if not folder:
        raise HyperParameterError(f"the tokenizer {PREFIX} lacks the folder of a segmenter: {PREFIX}FOLDER")
    try:
        model = load(folder)
    except NlmkitError as error:
        error.args = (f"tokenizer {PREFIX}{folder}: {error}", *error.args[1:])
        raise
    return SegmenterTokenizer(cast(Segmenter, model), folder=folder)
