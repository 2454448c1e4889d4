"""The tokenizers of saved models: ``model:FOLDER``, a segmenter or a model with a trained subword tokenizer."""

from __future__ import annotations

from typing import Any, cast

from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.text.segmenter import PREFIX, Segmenter, SegmenterTokenizer
from nlmkit.text.subwords import SubwordTokenizer, is_trained
from nlmkit.text.tokenizer_lookup import SavedTokenizer


def load_tokenizer(folder: str) -> SavedTokenizer:
    """Return the tokenizer in a folder: the segmenter saved there, or the trained one of any other model.

    Raises:
        HyperParameterError: The folder contains a model that is not a segmenter and has no trained tokenizer.
        SavedModelError: It cannot be loaded.
        RegistryError: The package that the model comes from is missing or cannot be used.
    """
    if not folder:
        raise HyperParameterError(f"the tokenizer {PREFIX} lacks the folder of a model: {PREFIX}FOLDER")
    try:
        model: Any = load(folder)
    except NlmkitError as error:
        error.args = (f"tokenizer {PREFIX}{folder}: {error}", *error.args[1:])
        raise
    pipeline = getattr(model, "pipeline_", None)
    tokenizer = pipeline.resolved_tokenizer if pipeline is not None and is_trained(pipeline.tokenizer) else None
    if isinstance(tokenizer, SubwordTokenizer):
        return type(tokenizer)(tokenizer.model, folder=folder)
    return SegmenterTokenizer(cast(Segmenter, model), folder=folder)
