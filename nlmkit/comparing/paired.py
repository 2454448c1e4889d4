"""Significance of figures of several models on the same items: paired bootstrap and approximate randomization.

A figure, such as accuracy or F1, is a function of sums over items (texts, sentences, sources): each model has a row of
numbers per item, and the figure is that of their sums. The intervals are percentiles of a paired bootstrap (Efron &
Tibshirani 1993; Koehn 2004), which draws the same items for all models. The p-values are those of approximate
randomization (Noreen 1989; Yeh 2000): the two models' results on each item are exchanged with probability 1/2, and p is
the frequency of a difference at least as large, two-sided. For accuracy this is McNemar's test, sampled. Both assume
independent items, and p-values are not corrected for the number of pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

FigureOf: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Function from sums over items, float64 [m, k], to a figure, float64 [m]; NaN where it is undefined."""

_ENTRIES: Final = 1 << 22  # numbers drawn at a time
_ROUNDING: Final = 1e-12  # sums of the same numbers in another order may differ in their last bits


def figure(counts: NDArray[np.float64], of: FigureOf) -> float:
    """Return the figure of all items: those of ``counts``, float64 [items, k]."""
    return float(of(counts.sum(axis=0, keepdims=True))[0])


def bootstrap(counts: NDArray[np.float64], of: FigureOf, samples: int, seed: int) -> NDArray[np.float64]:
    """Return the figure of items drawn with replacement, the same ones for all models with this seed.

    Args:
        counts: Numbers of each item: float64 [items, k].
        of: The figure.
        samples: Number of samples.
        seed: Random seed.

    Returns:
        float64 [samples]; empty for a single item.
    """
    items = len(counts)
    if items < 2:
        samples = 0
    values = np.empty(samples)
    random = np.random.Generator(np.random.PCG64(seed))
    for begin, end in _steps(samples, items):
        drawn = random.integers(items, size=(end - begin, items)) + np.arange(end - begin)[:, None] * items
        weights = np.bincount(drawn.reshape(-1), minlength=(end - begin) * items).reshape(end - begin, items)
        values[begin:end] = of(weights.astype(np.float64) @ counts)
    return values


def randomization(
    one: NDArray[np.float64], other: NDArray[np.float64], of: FigureOf, samples: int, seed: int
) -> float | None:
    """Return the p-value of the difference of a figure between two models.

    Args:
        one: Numbers of each item of one model: float64 [items, k].
        other: Those of the other.
        of: The figure.
        samples: Number of random exchanges; 0 for none.
        seed: Random seed.

    Returns:
        (c + 1) / (samples + 1), where c of the exchanges have a difference at least as large; None without samples,
        or where a figure is undefined.
    """
    difference = figure(one, of) - figure(other, of)
    if not samples or np.isnan(difference):
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    least = abs(difference) * (1 - _ROUNDING) - _ROUNDING
    change, first, second = other - one, one.sum(axis=0), other.sum(axis=0)
    as_large = 0
    for begin, end in _steps(samples, len(one)):
        exchanged = random.integers(0, 2, (end - begin, len(one)), np.int8).astype(np.float64) @ change
        as_large += int((np.abs(of(first + exchanged) - of(second - exchanged)) >= least).sum())
    return (as_large + 1) / (samples + 1)


def _steps(samples: int, items: int) -> Iterator[tuple[int, int]]:
    step = max(1, _ENTRIES // max(1, items))
    for begin in range(0, samples, step):
        yield begin, min(begin + step, samples)
