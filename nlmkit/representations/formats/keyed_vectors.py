"""Conversion to and from gensim's ``KeyedVectors`` in memory; gensim's files are pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import note
from nlmkit.errors import DataError, NlmkitError
from nlmkit.representations.formats.rows import Repeated
from nlmkit.representations.formats.writing import rows_to_write
from nlmkit.representations.neighbours import check_choice, take_rows

if TYPE_CHECKING:
    from nlmkit.representations.rules import WordVectors


def to_keyed_vectors(representation: WordVectors) -> Any:
    """See ``Representation.to_keyed_vectors``."""
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        raise NlmkitError("KeyedVectors require gensim: pip install 'nlmkit[gensim]'") from None
    rows = rows_to_write(representation)
    vocabulary = representation.vocabulary_
    keyed = KeyedVectors(vector_size=representation.dimension)
    keyed.add_vectors([vocabulary.word(id_) for id_ in rows.tolist()], take_rows(representation.matrix, rows))
    if vocabulary.counts.any():
        for word, count in zip(keyed.index_to_key, vocabulary.counts[rows].tolist(), strict=True):
            keyed.set_vecattr(word, "count", count)
    return keyed


def from_keyed_vectors(
    keyed: Any, repeated: Repeated = "first"
) -> tuple[list[str], NDArray[np.float32], list[int] | None]:
    """Return the words, vectors and counts (or None) of a ``KeyedVectors``.

    Raises:
        DataError: It is not a ``KeyedVectors``, or a word is duplicate with ``repeated="error"``.
        HyperParameterError: ``repeated`` is invalid.
    """
    check_choice("repeated", repeated, get_args(Repeated))
    words, vectors = getattr(keyed, "index_to_key", None), getattr(keyed, "vectors", None)
    if words is None or vectors is None:
        raise DataError(f"expected KeyedVectors, not {type(keyed).__name__}")
    counts = None
    if "count" in getattr(keyed, "expandos", {}):
        counts = np.asarray(keyed.expandos["count"]).astype(np.int64).tolist()
    matrix = np.asarray(vectors, np.float32)
    first: dict[str, int] = {}
    kept = [index for index, word in enumerate(words) if first.setdefault(word, index) == index]
    repeats = len(words) - len(kept)
    if repeats and len(matrix) == len(words):
        again = next(index for index, word in enumerate(words) if first[word] != index)
        example = f"{words[again]!r}, number {again + 1}, which was number {first[words[again]] + 1} already"
        if repeated == "error":
            raise DataError(f"duplicate word in the KeyedVectors: {example}")
        note(
            f"{repeats} of {len(words)} KeyedVectors repeat a word; the first vector of each "
            f"word was kept (first: {example}); use repeated='error' to raise an error instead"
        )
        matrix = matrix[kept]
        counts = None if counts is None else [counts[index] for index in kept]
        return list(first), matrix, counts
    return list(words), matrix, counts
