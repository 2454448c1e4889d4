"""Lookup of words in a representation, and comparison of their vectors.

Figures are computed in float64 in blocks of rows, which keeps the memory overhead small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.rules import LOOKUP_RULES, Measure
from nlmkit.text.tables import problem_of_item, refuse_columns, words_of
from nlmkit.text.vocabulary import SPECIAL, UNK_ID

if TYPE_CHECKING:
    from nlmkit.representations.rules import WordVectors

RAREST: Final = 100
"""Number of rarest words averaged for a word without a vector, as in Stanford's GloVe."""

METHODS: Final = ("3cosadd", "3cosmul")
"""Methods to answer analogies."""

_EPSILON: Final = 1e-3  # of 3cosmul, as Levy & Goldberg have it
_BLOCK_VALUES: Final = 1 << 21
_SPELLINGS: Final = 20_000

Vector = NDArray[np.float64]


# ------------------------------------------------------------------------------------------------------- lookup


def rows_of(representation: WordVectors, words: Sequence[str]) -> NDArray[np.int64]:
    """See ``Representation.ids``."""
    words = words_of(words)
    vocabulary, pipeline = representation.vocabulary_, representation.pipeline_
    special = dict(zip(SPECIAL, representation.has_special(), strict=True))
    rows = np.empty(len(words), np.int64)
    for index, word in enumerate(words):
        if not isinstance(word, str):
            problem = problem_of_item(word) or f"is {type(word).__name__}, not a string"
            raise DataError(f"word {index + 1} {problem}")
        known = word if word in vocabulary else pipeline.normalize(word)
        rows[index] = vocabulary.id(known) if known in vocabulary and special.get(known, True) else -1
    return rows


def vectors_of(representation: WordVectors, words: Sequence[str], oov: str) -> NDArray[np.float32]:
    """See ``Representation.vectors``."""
    check_choice("oov", oov, LOOKUP_RULES)
    words = words_of(words)
    rows = representation.ids(words)
    found = take_rows(representation.matrix, np.maximum(rows, 0))
    substitute: NDArray[np.float32] | None = None
    for index in np.flatnonzero(rows < 0).tolist():
        made = representation._vector_of_unknown(words[index])
        if made is None:
            if substitute is None:
                substitute = _substitute(representation, words[index], oov)
            made = substitute
        found[index] = made
    return found


def _substitute(representation: WordVectors, word: str, oov: str) -> NDArray[np.float32]:
    """Return the vector of a word without one under the rule."""
    if oov == "error":
        raise representation._missing(word)
    if oov == "unk":
        if not representation.has_special()[UNK_ID]:
            raise DataError(f"{representation.name} has no vector for <unk>: choose another oov rule")
        found: NDArray[np.float32] = take_rows(representation.matrix, np.array([UNK_ID]))[0]
        return found
    return mean_of_rarest(representation) if oov == "mean-rare" else np.zeros(representation.dimension, np.float32)


def take_rows(matrix: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return copies of rows of a dense or sparse matrix: float32 [rows, d]."""
    taken = matrix[rows]
    return np.asarray(taken.toarray() if hasattr(taken, "toarray") else taken, np.float32)


def most_frequent(representation: WordVectors, n: int | None = None) -> NDArray[np.int64]:
    """Ids of the ``n`` most frequent words (all of them if None), most frequent first, without the three special ones.

    Without counts, words are assumed to be sorted by descending frequency, as in most files of vectors.
    """
    counts = representation.vocabulary_.counts[len(SPECIAL) :]
    ranked = np.argsort(-counts, kind="stable") if counts.any() else np.arange(len(counts))
    return np.asarray(ranked[:n] + len(SPECIAL), np.int64)


def mean_of_rarest(representation: WordVectors) -> NDArray[np.float32]:
    """Mean vector of the 100 rarest words: float32 [d]; zeros if there are no words."""
    rarest = most_frequent(representation)[-RAREST:]
    if not len(rarest):
        return np.zeros(representation.dimension, np.float32)
    mean: NDArray[np.float32] = (
        take_rows(representation.matrix, rarest).mean(axis=0, dtype=np.float64).astype(np.float32)
    )
    return mean


def similar_spellings(representation: WordVectors, word: str) -> Iterator[str]:
    """Return candidates for a misspelt word: of similar length, with its first or last letter."""
    length, first, last = len(word), word[:1].lower(), word[-1:].lower()
    words = representation.vocabulary_.words
    left = _SPELLINGS
    for id_ in most_frequent(representation).tolist():
        known = words[id_]
        if abs(len(known) - length) <= 2 and (known[0].lower() == first or known[-1].lower() == last):
            yield known
            left -= 1
        if not left:
            return


# --------------------------------------------------------------------------------------------------- comparison


def pairwise(a: ArrayLike, b: ArrayLike, measure: Measure = "cosine") -> Vector:
    """Return the similarity of vectors, row by row: float64 [n]; see ``Representation.similarity``.

    Args:
        a: [n, d].
        b: [n, d].
        measure: ``cosine`` or ``euclidean``.

    Raises:
        HyperParameterError: The measure is unknown.
    """
    check_choice("measure", measure, get_args(Measure))
    one, two = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if measure == "euclidean":
        return np.asarray(1 / (1 + np.linalg.norm(one - two, axis=1)), np.float64)
    return np.asarray(np.clip((_units(one) * _units(two)).sum(axis=1), -1, 1), np.float64)


def similarities(matrix: Any, queries: ArrayLike, measure: Measure = "cosine") -> Vector:
    """Return the similarity of every row to each query: float64 [V, queries].

    Args:
        matrix: [V, d], dense or sparse.
        queries: [queries, d].
        measure: ``cosine`` or ``euclidean``.

    Raises:
        HyperParameterError: The measure is unknown.
    """
    check_choice("measure", measure, get_args(Measure))
    asked = np.asarray(queries, np.float64)
    found = np.empty((matrix.shape[0], len(asked)), np.float64)
    targets = _units(asked).T if measure == "cosine" else asked
    for begin, rows in _blocks(matrix):
        part = found[begin : begin + rows.shape[0]]
        if measure == "cosine":
            part[:] = np.clip(_units(rows) @ targets, -1, 1)
        elif isinstance(rows, np.ndarray):
            for column, target in enumerate(targets):
                part[:, column] = 1 / (1 + np.linalg.norm(rows - target, axis=1))
        else:
            squares = _squares(rows)[:, np.newaxis] + (targets**2).sum(axis=1) - 2 * (rows @ targets.T)
            part[:] = 1 / (1 + np.sqrt(np.maximum(squares, 0)))
    return found


def most_similar(
    representation: WordVectors,
    word: str | ArrayLike,
    n: int,
    *,
    measure: Measure,
    exclude: Iterable[str],
    restrict: int | None,
) -> list[tuple[str, float]]:
    """See ``Representation.most_similar``."""
    left_out = [exclude] if isinstance(exclude, str) else list(exclude)
    query: NDArray[Any]
    if isinstance(word, str):
        query = representation.vectors([word])
        left_out.append(word)
    else:
        refuse_columns(word, "the word", "a word or a vector")
        query = _as_query(word, representation.dimension)
    found = similarities(representation.matrix, query, measure)[:, 0]
    return _best(representation, found, n, left_out, restrict)


def analogy(
    representation: WordVectors, a: str, b: str, c: str, n: int, *, method: str, restrict: int | None
) -> list[tuple[str, float]]:
    """See ``Representation.analogy``."""
    check_choice("method", method, METHODS)
    units = _units(representation.vectors([a, b, c]).astype(np.float64))
    if method == "3cosadd":
        found = similarities(representation.matrix, [units[1] - units[0] + units[2]])[:, 0]
    else:
        to_a, to_b, to_c = ((1 + similarities(representation.matrix, units)) / 2).T
        found = to_b * to_c / (to_a + _EPSILON)
    return _best(representation, found, n, [a, b, c], restrict)


def doesnt_match(representation: WordVectors, words: Sequence[str]) -> str:
    """See ``Representation.doesnt_match``."""
    words = words_of(words)
    if len(words) < 3:
        raise DataError("doesnt_match requires a list of at least three words")
    units = _units(representation.vectors(words).astype(np.float64))
    return words[int(np.argmin(units @ units.mean(axis=0)))]


def _best(
    representation: WordVectors, found: Vector, n: int, left_out: Sequence[str], restrict: int | None
) -> list[tuple[str, float]]:
    """Return the ``n`` words with the greatest values; ties are ordered by id."""
    for name, value in (("n", n), ("restrict", restrict)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
            raise HyperParameterError(f"{name} must be a whole number of at least 1, not {value!r}")
    candidates = np.sort(most_frequent(representation, restrict))
    rows = representation.ids(left_out)
    candidates = candidates[~np.isin(candidates, rows)]
    values = found[candidates]
    if n < len(values):  # only what may be among the best is sorted; ties at the border included
        border = np.partition(values, len(values) - n)[len(values) - n]
        candidates = candidates[values >= border]
    ranked = candidates[np.argsort(-found[candidates], kind="stable")][:n]
    words = representation.vocabulary_.words
    return [(words[id_], float(found[id_])) for id_ in ranked.tolist()]


def _as_query(vector: ArrayLike, dimension: int) -> Vector:
    try:
        query = np.asarray(vector, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected a word or a vector: {error}") from None
    if query.shape != (dimension,):
        raise DataError(f"the vector has shape {list(query.shape)}, expected [{dimension}]")
    if not np.isfinite(query).all():
        raise DataError("the vector contains NaN or an infinite value")
    return query[np.newaxis]


# -------------------------------------------------------------------------------------------------------- rows


def is_finite(matrix: Any) -> bool:
    """Return whether all values of a dense matrix are finite."""
    step = _block_rows(matrix)
    return all(bool(np.isfinite(matrix[begin : begin + step]).all()) for begin in range(0, matrix.shape[0], step))


def _blocks(matrix: Any) -> Iterator[tuple[int, Any]]:
    """Yield parts of the matrix in float64, each with the index of its first row."""
    step = _block_rows(matrix)
    for begin in range(0, matrix.shape[0], step):
        yield begin, matrix[begin : begin + step].astype(np.float64)


def _block_rows(matrix: Any) -> int:
    if not isinstance(matrix, np.ndarray):  # sparse: the rows are short whatever the dimension
        return _BLOCK_VALUES
    return max(1, _BLOCK_VALUES // max(1, int(matrix.shape[1])))


def _units(rows: Any) -> Any:
    """Return the rows scaled to length one, float64; zero rows stay zero."""
    if not isinstance(rows, np.ndarray):
        from scipy.sparse import diags_array

        squares = _squares(rows)
        return diags_array(np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)) @ rows
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _squares(rows: Any) -> Vector:
    """Return the squared lengths of the rows of a sparse matrix: float64 [rows]."""
    return np.asarray(rows.multiply(rows).sum(axis=1), np.float64).ravel()


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that a value is among the choices.

    Raises:
        HyperParameterError: It is not.
    """
    if value not in choices:
        near = suggestion(value, choices) if isinstance(value, str) else ""
        raise HyperParameterError(f"{name} must be one of {', '.join(choices)}, not {value!r}{near}")


def standard_deviation(matrix: Any, rows: NDArray[np.int64]) -> float:
    """Return the standard deviation of all values of some rows, 0 without rows."""
    total = squares = 0.0
    values = 0
    step = _block_rows(matrix)
    for begin in range(0, len(rows), step):
        part = take_rows(matrix, rows[begin : begin + step]).astype(np.float64)
        total += float(part.sum())
        squares += float((part**2).sum())
        values += part.size
    if not values:
        return 0.0
    return math.sqrt(max(0.0, squares / values - (total / values) ** 2))
