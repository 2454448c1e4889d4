"""SHA-256 of payloads without writing them, to identify unsaved models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlmkit.saving.vocabulary import encode_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNSAVED = Path("the model")  # stands in front of the messages


def arrays_sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of the arrays' payload: 64 hex digits, as in the manifest of a folder saved with these arrays.

    Raises:
        SavedModelError: An array's name or dtype cannot be saved.
    """
    from nlmkit.saving.tensors import TensorFile

    return _sha256(TensorFile(arrays, _UNSAVED).blocks())


def vocabulary_sha256(words: Sequence[str]) -> str:
    """Return the SHA-256 of the vocabulary's payload: 64 hex digits, as in the manifest of a folder with these words.

    Raises:
        SavedModelError: A word cannot be saved.
    """
    return _sha256(encode_vocabulary(words, _UNSAVED))


def _sha256(blocks: Iterable[bytes | memoryview]) -> str:
    import hashlib

    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
