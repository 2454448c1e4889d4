"""GloVe's objective and its optimizer, as in the Stanford tool (Pennington, Socher & Manning 2014).

For each ordered pair of words with the count x, in an order that is shuffled once, the cost is ½ · f(x) · diff², where
diff = w·w̃ + b + b̃ − ln x and f(x) = min(1, (x / x_max)^alpha). Each value of a vector is moved by its gradient (without
the factor 2, clipped to ±``clip``) times lr, divided by the root of its accumulator. That starts at 1, grows by the
square of the same product, and is updated after use; so it is AdaGrad with a first accumulator of 1 / lr².

``bias_update`` says what the biases do: ``stanford`` moves them without lr and clipping, as the tool does since 2019,
``paper`` like the vectors.

This module imports numba, which compiles the loop over the records; import it only where something is trained.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Self, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from nlmkit.representations.glove.cooccurrence import Cooccurrences
from nlmkit.representations.glove.spool import Spool, Spools
from nlmkit.training.randomness import ArrayPurpose, array_generator

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SHUFFLED_AT_ONCE: Final = 1 << 24
"""Records; more are dealt out to piles first, and each pile is shuffled. That is the same distribution."""

_LANES: Final = 16
"""Values that vectors are padded to a multiple of: the widest registers leave no rest then."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Training settings; see ``GloVe``."""

    dimension: int = 100
    x_max: float = 10.0
    alpha: float = 0.75
    lr: float = 0.05
    clip: float = 100.0
    bias_update: str = "stanford"
    precision: str = "float32"
    seed: int = 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of weights, accumulators and records."""
        return np.dtype(self.precision)


# ---------------------------------------------------------------------------------------------------- records


def shuffled_records(
    counts: Cooccurrences,
    settings: Settings,
    spools: Spools,
    *,
    advance: Callable[[float], None] = lambda amount: None,
) -> NDArray[Any]:
    """Return the pairs to train on, in random order: fields ``row``, ``column``, ``log_count``, ``weight``.

    The order follows from the seed and the number of records alone.

    Args:
        counts: Counts of pairs; they are discarded.
        settings: Seed, precision, ``x_max`` and ``alpha``.
        spools: Hold the records.
        advance: Told how many records were made.

    Raises:
        DataError: A temporary file cannot be written.
    """
    value = settings.dtype
    dtype = np.dtype([("row", np.int32), ("column", np.int32), ("log_count", value), ("weight", value)])
    generator = array_generator(settings.seed, ArrayPurpose.PAIR_ORDER)
    piles = [spools.new(dtype) for _ in range(max(1, math.ceil(len(counts) / _SHUFFLED_AT_ONCE)))]
    for rows, columns, values in counts.blocks():
        block = np.empty(len(rows), dtype)
        block["row"], block["column"], block["log_count"] = rows, columns, np.log(values)
        block["weight"] = np.minimum(1.0, (values / settings.x_max) ** settings.alpha)
        _deal(block, piles, generator)
        advance(len(block))
    counts.stored.discard()
    records = spools.new(dtype)
    for pile in piles:
        block = pile.array()
        records.append(block[generator.permutation(len(block))])
        del block
        pile.discard()
    return records.array()


def _deal(block: NDArray[Any], piles: list[Spool], generator: np.random.Generator) -> None:
    if len(piles) == 1:
        piles[0].append(block)
        return
    drawn = generator.integers(len(piles), size=len(block))
    order = np.argsort(drawn, kind="stable")
    ends = np.cumsum(np.bincount(drawn, minlength=len(piles)))
    for pile, part in zip(piles, np.split(block[order], ends[:-1]), strict=True):
        pile.append(part.copy())


# ---------------------------------------------------------------------------------------------------- weights


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """Trained parameters: words first, their context vectors (w̃) second.

    Attributes:
        dimension: Length d of a vector.
        vectors: [2, words, p]; p is d made a multiple of some number of lanes, with zeros that stay zeros.
        squares: The vectors' accumulators: [2, words, p].
        biases: The biases and their accumulators: [2, words, 2].
    """

    dimension: int
    vectors: NDArray[Any]
    squares: NDArray[Any]
    biases: NDArray[Any]

    @classmethod
    def initial(cls, words: int, settings: Settings) -> Self:
        """Vectors and biases uniform in ±.5/d, accumulators 1.

        Raises:
            MemoryError: There is not so much memory.
        """
        padded = -(-settings.dimension // _LANES) * _LANES
        try:
            weights = cls(
                settings.dimension,
                np.zeros((2, words, padded), settings.dtype),
                np.ones((2, words, padded), settings.dtype),
                np.ones((2, words, 2), settings.dtype),
            )
        except MemoryError:
            size = 4 * words * padded * settings.dtype.itemsize
            raise MemoryError(
                f"{size / 2**30:.1f} GiB of memory are not available for vectors of {words} words in "
                f"{settings.dimension} "
                "dimensions; a smaller dimension or vocabulary needs less"
            ) from None
        generator = array_generator(settings.seed, ArrayPurpose.PAIR_WEIGHTS)
        for side in range(2):
            for begin in range(0, words, 4096):
                rows = slice(begin, min(begin + 4096, words))
                drawn = generator.random((rows.stop - begin, settings.dimension + 1))
                drawn = (drawn - 0.5) / settings.dimension
                weights.vectors[side, rows, : settings.dimension] = drawn[:, :-1]
                weights.biases[side, rows, 0] = drawn[:, -1]
        return weights

    def rows(self, *, with_contexts: bool) -> NDArray[Any]:
        """Return W + W̃, or W alone, without biases: [words, d]."""
        values: NDArray[Any] = self.vectors[0, :, : self.dimension]
        return values + self.vectors[1, :, : self.dimension] if with_contexts else values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Views without the padding, by name."""
        inside = (..., slice(self.dimension))
        return {"vectors": self.vectors[inside], "squares": self.squares[inside], "biases": self.biases}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the values of ``arrays``."""
        for name, values in self.arrays().items():
            values[...] = arrays[name]


# ------------------------------------------------------------------------------------------------------- loop


def _compiled(function: _Function) -> _Function:
    """Return the compiled function, cached on disk from the first run on.

    Sums may be taken in any order and roots by approximation; not-a-number stays what it is, as the guard needs it.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "arcp", "nsz", "afn"}}
    njit: Any = numba.njit
    try:
        return cast("_Function", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could hold it
        return cast("_Function", njit(**options)(function))


@_compiled
def train_records(  # noqa: PLR0917
    records: NDArray[Any],
    begin: int,
    end: int,
    vectors: NDArray[Any],
    squares: NDArray[Any],
    biases: NDArray[Any],
    lr: float,
    clip: float,
    clips_biases: bool,
) -> float:
    """Take a step on each record from ``begin`` to ``end``, in order; returns the sum of ½ · f · diff² before the
    updates."""
    width = vectors.shape[2]
    cost = 0.0
    for at in range(begin, end):
        record = records[at]
        row, column = record["row"], record["column"]
        # Rows of arrays of their own, each in one piece: else the inner loop is not vectorised.
        word, context = vectors[0, row], vectors[1, column]
        word_squares, context_squares = squares[0, row], squares[1, column]

        diff = biases[0, row, 0] + biases[1, column, 0] - record["log_count"]
        for k in range(width):
            diff += word[k] * context[k]
        slope = record["weight"] * diff
        cost += 0.5 * slope * diff

        for k in range(width):
            value, other = word[k], context[k]
            step = min(max(slope * other, -clip), clip) * lr
            other_step = min(max(slope * value, -clip), clip) * lr
            square, other_square = word_squares[k], context_squares[k]
            word[k] = value - step / math.sqrt(square)
            context[k] = other - other_step / math.sqrt(other_square)
            word_squares[k] = square + step * step
            context_squares[k] = other_square + other_step * other_step

        if clips_biases:
            slope = min(max(slope, -clip), clip) * lr
        biases[0, row, 0] -= slope / math.sqrt(biases[0, row, 1])
        biases[1, column, 0] -= slope / math.sqrt(biases[1, column, 1])
        biases[0, row, 1] += slope * slope
        biases[1, column, 1] += slope * slope
    return cost
