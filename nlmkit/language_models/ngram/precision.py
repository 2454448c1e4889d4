"""Forms in which a fitted table is kept: plain float64 or float32, packed, or quantised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.language_models.ngram.compact.quantising import quantised
from nlmkit.language_models.ngram.compact.table import CompactTable, sums_of_sample
from nlmkit.language_models.ngram.table import BackoffTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = BackoffTable | CompactTable

_SAMPLED: Final = 32
"""Contexts of each length whose sums are checked."""


def is_compact(precision: str) -> bool:
    """Return whether a precision is that of a ``CompactTable``."""
    return not precision.startswith("float")


def bits_of(precision: str) -> int | None:
    """Return the bits of a quantised logarithm, None for those that are not quantised."""
    return int(precision[1:]) if precision.startswith("q") else None


def in_precision(table: Table, precision: str, *, normalized: bool) -> Table:
    """Return a table in another form, or the same if it has that form.

    Args:
        table: Exact or compact table.
        precision: ``float64``, ``float32``, ``packed`` (float32 values) or ``q2`` to ``q16``.
        normalized: Whether the probabilities sum to one.
    """
    bits = bits_of(precision)
    if isinstance(table, CompactTable):
        if is_compact(precision) and bits == table.bits:
            return table
        table = table.expanded()
    if bits is not None:
        return quantised(table, bits, normalized=normalized)
    if is_compact(precision):
        return CompactTable.of(table, None)
    if all(values.dtype == precision for values in (*table.log_probs, *table.backoffs)):
        return table
    return dataclasses.replace(
        table,
        log_probs=[values.astype(precision) for values in table.log_probs],
        backoffs=[values.astype(precision) for values in table.backoffs],
    )


def plain(table: Table) -> BackoffTable:
    """Return a table with plain arrays."""
    return table.expanded() if isinstance(table, CompactTable) else table


def from_arrays(
    arrays: Mapping[str, NDArray[Any]], precision: str, order: int, vocabulary_size: int, unseen_backoff: float
) -> Table:
    """Rebuild a saved table.

    Raises:
        SavedModelError: An array is missing, or its dtype, shape or content contradicts the others.
    """
    if not is_compact(precision):
        return BackoffTable.from_arrays(arrays, order, vocabulary_size, unseen_backoff)
    return CompactTable.from_arrays(arrays, order, vocabulary_size, unseen_backoff, bits_of(precision))


def sum_gap(table: Table) -> float | None:
    """Return by how much the sum of a compact table's probabilities differs from one, after a sample of contexts.

    Contexts are sampled at equal distances, so that a damaged file shows in another gap. None for plain tables.
    """
    if not isinstance(table, CompactTable):
        return None
    return float(np.max([abs(total - 1.0) for _, total in sums_of_sample(table, _SAMPLED)]))
