"""Backoff weights for quantised probabilities: ``quantised``.

Quantisation moves the probabilities listed after a context, so that they and the mass of its backoff weight no longer
sum to one. The weights are therefore changed by the factor by which quantisation changed what normalises them, and
quantised themselves after that. What remains is the rounding of the weights.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nlmkit.language_models.ngram.compact.table import CompactTable
from nlmkit.language_models.ngram.compact.values import Values
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.renormalize import BackoffWeights, backoff_weights
from nlmkit.language_models.ngram.table import BackoffTable

_MOST_CHANGE: Final = math.log(2)
"""Largest change of the logarithm of a weight; where more would be needed, rounding ate the mass, and none is made."""


def quantised(table: BackoffTable, bits: int, *, normalized: bool = True) -> CompactTable:
    """Return the compact table with logarithms of ``bits`` bits for orders from 2 on.

    Args:
        table: Exact table.
        bits: 2 to 16.
        normalized: Whether the probabilities sum to one; the weights of others stay.
    """
    if not normalized:
        return CompactTable.of(table, bits)
    before = [np.exp(values.astype(np.float64)) for values in table.log_probs]
    rounded = [Values.of(values, bits if k else None).all() for k, values in enumerate(table.log_probs)]
    after = [np.exp(values.astype(np.float64)) for values in rounded]
    was: BackoffWeights | None = None
    now: BackoffWeights | None = None
    backoffs = []
    for k in range(2, table.order + 1):
        was = backoff_weights(k, before, table.history, table.suffix, was)
        now = backoff_weights(k, after, table.history, table.suffix, now)
        backoffs.append(table.backoffs[k - 2] + _change(was, now))
    return CompactTable.of(table, bits, backoffs)


def _change(was: BackoffWeights, now: BackoffWeights) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(now.left / was.left) - np.log(now.unseen / was.unseen)
    change[was.complete | now.complete | ~(np.abs(change) <= _MOST_CHANGE)] = 0.0
    found: Floats = change
    return found
