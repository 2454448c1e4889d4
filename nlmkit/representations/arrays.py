"""Word vectors from arrays: validation, and conversion to vocabulary order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.representations.neighbours import is_finite
from nlmkit.text.tables import words_of
from nlmkit.text.vocabulary import SPECIAL, Vocabulary


def vocabulary_and_rows(
    words: Sequence[str] | Vocabulary, matrix: ArrayLike, counts: Sequence[int] | None
) -> tuple[Vocabulary, NDArray[np.float32]]:
    """Return the vocabulary of ``words``, and the vectors by its ids: float32 [V, d].

    See ``Vectors.from_arrays`` for the arguments.

    Raises:
        DataError: words and rows do not fit together, or a word or a value is unusable.
    """
    if not isinstance(words, Vocabulary):
        words = words_of(words)
    try:
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(matrix, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"not a matrix of numbers: {error}") from None
    if rows.ndim != 2 or len(rows) != len(words) or rows.shape[1] == 0:
        raise DataError(f"the matrix has shape {list(rows.shape)}, expected [{len(words)}, d]")
    if not len(rows):
        raise DataError("no words")
    if counts is not None and len(counts) != len(rows):
        raise DataError(f"{len(counts)} counts for {len(rows)} words")
    if not is_finite(rows):
        raise DataError(f"the vector of {_first_not_finite(words, rows)!r} contains NaN or an infinite value")
    if isinstance(words, Vocabulary):
        vocabulary = words
    else:
        listed = list(words)
        order = [listed.index(word) if word in listed else -1 for word in SPECIAL]
        order += [index for index, word in enumerate(listed) if word not in SPECIAL]
        if len(set(listed)) != len(listed):
            raise DataError("duplicate word in the matrix")
        of_words = None if counts is None else np.where(np.array(order) < 0, 0, np.array(counts)[order])
        vocabulary = Vocabulary([listed[index] for index in order[len(SPECIAL) :]], of_words)
        rows = np.where(np.array(order)[:, np.newaxis] < 0, np.float32(0), rows[order])
    return vocabulary, rows


def stacked(data: Mapping[str, ArrayLike]) -> NDArray[np.float32]:
    """Return the vectors of a mapping as one matrix: float32 [words, d]."""
    first: int | None = None
    rows = []
    for word, vector in data.items():
        try:
            with np.errstate(over="ignore"):
                row = np.asarray(vector, np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"{word!r} has an invalid vector: {error}") from None
        first = len(row) if first is None and row.ndim == 1 else first
        if row.ndim != 1 or len(row) != first:
            raise DataError(f"the vector of {word!r} has shape {list(row.shape)}, expected [{first}]")
        rows.append(row)
    if not rows:
        raise DataError("no vectors")
    return np.stack(rows)


def _first_not_finite(words: Sequence[str] | Vocabulary, rows: Any) -> str:
    return list(words)[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
