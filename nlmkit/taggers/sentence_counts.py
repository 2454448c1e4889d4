"""Counts by sentence, the figures of their sums, and figures of resampled sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Name: TypeAlias = str | tuple[str, str]
"""What is counted, or what of which type."""

_SPANS: Final = ("correct", "gold", "predicted")
_AT_ONCE: Final = 1 << 22  # drawn numbers in memory at once

_RATIOS: Final = {
    "accuracy": ("right", "tokens"),
    "sentence_accuracy": ("sentences_right", "sentences"),
    "oov_accuracy": ("oov_right", "oov_tokens"),
    "iv_accuracy": ("iv_right", "iv_tokens"),
    "oov_recall": ("oov_correct", "oov_spans"),
    "iv_recall": ("iv_correct", "iv_spans"),
}
"""Figures that are undefined without anything to count, by numerator and denominator."""


class SentenceCounts:
    """Numbers of things in each sentence.

    Args:
        offsets: Where each sentence begins among the tokens, and where the last one ends: int64 [sentences + 1].
    """

    def __init__(self, offsets: NDArray[np.int64]) -> None:
        self._offsets = offsets
        self._sentence = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        self._counts: dict[Name, NDArray[np.int64]] = {}

    def add(self, name: Name, places: NDArray[np.int64]) -> None:
        """Count things, each of which is at a token: int64 [things]."""
        self._counts[name] = np.bincount(self._sentence[places], minlength=len(self._offsets) - 1)

    def add_sentences(self, name: str, right: str, hits: NDArray[np.bool_]) -> None:
        """Count the sentences with tokens under one name, and those of which all tokens are right under another."""
        lengths = np.diff(self._offsets)
        correct = np.bincount(self._sentence[hits], minlength=len(lengths))
        self._counts[name] = (lengths > 0).astype(np.int64)
        self._counts[right] = ((lengths > 0) & (correct == lengths)).astype(np.int64)

    @property
    def by_sentence(self) -> dict[Name, NDArray[np.int64]]:
        """Counts of each sentence, by name: int64 [sentences]."""
        return dict(self._counts)

    def totals(self) -> dict[Name, NDArray[Any]]:
        """Return the sum of each count."""
        return {name: counts.sum() for name, counts in self._counts.items()}

    def resampled(self, resamples: int, seed: int) -> dict[Name, NDArray[np.float64]]:
        """Return the figures of resamples: float64 [resamples] each; nothing without resamples.

        Args:
            resamples: How many times as many sentences are drawn, with replacement.
            seed: Seed of the draws.
        """
        if not resamples:
            return {}
        random, n = np.random.default_rng(seed), len(self._offsets) - 1
        table = np.stack(list(self._counts.values()), axis=1).astype(np.float64)  # sums of integers stay exact
        sums = []
        step = max(1, _AT_ONCE // n)
        for start in range(0, resamples, step):
            rows = min(step, resamples - start)
            drawn = random.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
            weights = np.bincount(drawn.reshape(-1), minlength=rows * n).reshape(rows, n)
            sums.append(weights.astype(np.float64) @ table)
        return figures(dict(zip(self._counts, np.concatenate(sums).T, strict=True)))


def figures(sums: Mapping[Name, NDArray[Any]]) -> dict[Name, NDArray[np.float64]]:
    """Return the figures of sums of counts, all of one shape; NaN where undefined.

    Args:
        sums: Sums of the counts by name.
    """
    found: dict[Name, NDArray[np.float64]] = {}
    for name, (part, whole) in _RATIOS.items():
        if whole in sums:
            found[name] = _ratio(sums[part], sums[whole], np.nan)
    types = [name[1] for name in sums if isinstance(name, tuple) and name[0] == "gold"]
    for key in ([None] if "gold" in sums else []) + types:
        correct, gold, predicted = (sums[what if key is None else (what, key)] for what in _SPANS)
        three = {
            "precision": _ratio(correct, predicted, 0.0),
            "recall": _ratio(correct, gold, 0.0),
            "f1": _ratio(2 * correct, gold + predicted, 0.0),
        }
        found |= {what if key is None else (what, key): value for what, value in three.items()}
    return found


def _ratio(part: NDArray[Any], whole: NDArray[Any], otherwise: float) -> NDArray[np.float64]:
    """Return the quotients, and ``otherwise`` where the divisor is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), otherwise)
