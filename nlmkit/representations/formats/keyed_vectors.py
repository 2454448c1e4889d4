"""Word vectors as gensim holds them, made and read in memory: gensim's own files are pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, NlmkitError
from nlmkit.representations.formats.writing import rows_to_write
from nlmkit.representations.neighbours import take_rows

if TYPE_CHECKING:
    from nlmkit.representation import Representation


def to_keyed_vectors(representation: Representation) -> Any:
    """See :meth:`nlmkit.representation.Representation.to_keyed_vectors`."""
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        raise NlmkitError("KeyedVectors need gensim: pip install 'nlmkit[gensim]'") from None
    rows = rows_to_write(representation)
    vocabulary = representation.vocabulary_
    keyed = KeyedVectors(vector_size=representation.dimension)
    keyed.add_vectors([vocabulary.word(id_) for id_ in rows.tolist()], take_rows(representation.matrix, rows))
    if vocabulary.counts.any():
        for word, count in zip(keyed.index_to_key, vocabulary.counts[rows].tolist(), strict=True):
            keyed.set_vecattr(word, "count", count)
    return keyed


def from_keyed_vectors(keyed: Any) -> tuple[list[str], NDArray[np.float32], list[int] | None]:
    """Words, vectors and counts of a ``KeyedVectors``; counts are None where it has none.

    Raises:
        DataError: It is no ``KeyedVectors``.
    """
    words, vectors = getattr(keyed, "index_to_key", None), getattr(keyed, "vectors", None)
    if words is None or vectors is None:
        raise DataError(f"these are no KeyedVectors, but {type(keyed).__name__}")
    counts = None
    if "count" in getattr(keyed, "expandos", {}):
        counts = [int(keyed.get_vecattr(word, "count")) for word in words]
    return list(words), np.asarray(vectors, np.float32), counts
