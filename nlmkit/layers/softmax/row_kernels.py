"""Softmax of rows of logits, and the gradient by them in place, as machine code. This module imports numba."""

# ruff: noqa: PLR0917  (functions of arrays, called by position)

from __future__ import annotations

from typing import Any, Final

import numpy as np

from nlmkit.layers.fused.arithmetic import compiled, exp, load, store

_LANES: Final = 64
"""Partial sums and maxima of a row, so that they can be vectorized without changing their order."""


@compiled
def _largest(row: Any, lanes: Any) -> Any:
    lanes[:] = -np.inf
    whole = len(row) // _LANES * _LANES
    for begin in range(0, whole, _LANES):
        part = row[begin : begin + _LANES]
        for k in range(_LANES):
            lanes[k] = part[k] if part[k] > lanes[k] else lanes[k]
    found = np.float32(-np.inf)
    for k in range(_LANES):
        found = lanes[k] if lanes[k] > found else found
    for j in range(whole, len(row)):
        found = row[j] if row[j] > found else found
    return found


@compiled
def _sum(row: Any, lanes: Any) -> Any:
    lanes[:] = 0
    whole = len(row) // _LANES * _LANES
    for begin in range(0, whole, _LANES):
        part = row[begin : begin + _LANES]
        for k in range(_LANES):
            lanes[k] += part[k]
    found = np.float64(0)
    for k in range(_LANES):
        found += lanes[k]
    for j in range(whole, len(row)):
        found += row[j]
    return found


@compiled
def differentiate(begin: int, end: int, logits: Any, bias: Any, targets: Any, log_probs: Any) -> None:
    """Replace rows of logits by the gradient of −ln p(target) by them: softmax − [word is target].

    Args:
        begin: First row.
        end: Row after the last.
        logits: float32, or int16 for bfloat16: [n, V], without the bias.
        bias: float32 [V].
        targets: int64 [n].
        log_probs: ln p(target), set here: float32 [n].
    """
    words = logits.shape[1]
    row, lanes = np.empty(words, np.float32), np.empty(_LANES, np.float32)
    for at in range(begin, end):
        given, target = logits[at], targets[at]
        for j in range(words):
            row[j] = load(given, j) + bias[j]
        largest, picked = _largest(row, lanes), row[target]
        for j in range(words):
            row[j] = exp(row[j] - largest)
        total = _sum(row, lanes)
        log_probs[at] = np.float32(np.float64(picked - largest) - np.log(total))
        share = np.float32(1 / total)
        for j in range(words):
            row[j] *= share
        row[target] -= np.float32(1)
        for j in range(words):
            store(given, j, row[j])


@compiled
def add_rows(begin: int, end: int, total: Any, rows: Any, scale: Any) -> None:
    """Add Σ scale[i] · rows[i] over i to columns ``begin`` to ``end`` of ``total``: float32 [V]."""
    places = total[begin:end]
    for at in range(len(rows)):
        row, factor = rows[at, begin:end], scale[at]
        for j in range(len(places)):
            places[j] += factor * load(row, j)
