"""Counts saved with a model: ``KeptCounts``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import SavedModelError
from nlmkit.language_models.ngram.counting import Ids, Level, NGramCounts, adjust, unigram_level

PREFIX = "count."
"""Prefix of the names of the arrays."""

_NO_IDS: Ids = np.empty(0, np.int32)


class KeptCounts:
    """Counts of the training text as arrays; those of pruned n-grams are among them.

    Attributes:
        arrays: For each order k, ``count.raw.k``: occurrences, the smallest unsigned integers that hold them, [n_k].
            From order 2, ``count.first.k`` and ``count.history.k``, int32 [n_k], as in ``Level``; and
            ``count.children.(k − 1)``, int32 [n_(k−1) + 1], the index of the first k-gram with each suffix.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    @classmethod
    def of(cls, counts: NGramCounts) -> KeptCounts:
        """Return counts as arrays."""
        arrays: dict[str, NDArray[Any]] = {}
        for k, level in enumerate(counts.levels, 1):
            arrays[f"count.raw.{k}"] = level.raw.astype(np.min_scalar_type(int(level.raw.max(initial=0))))
            if k > 1:
                arrays[f"count.first.{k}"] = level.first
                arrays[f"count.history.{k}"] = level.history
                numbers = np.bincount(level.suffix, minlength=len(counts.levels[k - 2]))
                arrays[f"count.children.{k - 1}"] = np.concatenate([[0], np.cumsum(numbers)]).astype(np.int32)
        return cls(arrays)

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], order: int) -> KeptCounts:
        """Return the counts of a saved model; ``counts`` checks their content.

        Raises:
            SavedModelError: Arrays are missing, or others are there.
        """
        wanted = {f"count.raw.{k}" for k in range(1, order + 1)}
        wanted |= {f"count.{name}.{k}" for name in ("first", "history") for k in range(2, order + 1)}
        wanted |= {f"count.children.{k}" for k in range(1, order)}
        _require(set(arrays) == wanted, f"its counts do not match an n-gram model of order {order}")
        return cls(arrays)

    def counts(self, order: int, vocabulary_size: int) -> NGramCounts:
        """Return the counts.

        Raises:
            SavedModelError: The arrays contradict each other.
        """
        levels = [unigram_level(self._raw(1, vocabulary_size))]
        for k in range(2, order + 1):
            first, history = self.arrays[f"count.first.{k}"], self.arrays[f"count.history.{k}"]
            children, below = self.arrays[f"count.children.{k - 1}"], len(levels[-1])
            _require(first.dtype == history.dtype == children.dtype == np.int32, f"counts of order {k} are not int32")
            _require(
                first.ndim == 1 and history.shape == first.shape and children.shape == (below + 1,),
                f"counts of order {k} have different lengths",
            )
            numbers = np.diff(children)
            _require(
                bool(children[0] == 0 and children[-1] == len(first) and (numbers >= 0).all()),
                f"count.children.{k - 1} does not span order {k}",
            )
            _require(_within(first, vocabulary_size), f"count.first.{k} points outside the vocabulary")
            _require(_within(history, below), f"count.history.{k} points outside order {k - 1}")
            suffix = np.repeat(np.arange(below, dtype=np.int32), numbers)
            keys = (suffix.astype(np.int64) << 32) | first
            _require(bool((keys[1:] > keys[:-1]).all()), f"count.first.{k} is not sorted")
            raw = self._raw(k, len(first))
            levels.append(Level(first, suffix, history, raw, raw))
        adjust(levels)
        return NGramCounts(levels)

    def _raw(self, k: int, size: int) -> NDArray[np.int64]:
        raw = self.arrays[f"count.raw.{k}"]
        _require(raw.dtype.kind == "u" and raw.shape == (size,), f"count.raw.{k} does not hold {size} counts")
        _require(bool((raw < 2**62).all()), f"count.raw.{k} has a count that is too large")
        return raw.astype(np.int64)


def _within(ids: NDArray[Any], size: int) -> bool:
    return len(ids) == 0 or bool(ids.min() >= 0 and ids.max() < size)


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")
