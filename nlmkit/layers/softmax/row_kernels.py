"""Softmax of rows of logits, and the gradient by them in place, as machine code. This module imports numba."""

# ruff: noqa: PLR0917  (functions of arrays, called by position)

from __future__ import annotations

from typing import Any, Final

import numpy as np

from nlmkit.layers.fused.arithmetic import compiled, exp, load, store

_LANES: Final = 64
"""Partial sums and maxima of a row, so that they can be vectorized without changing their order."""


@compiled
def _read(row: Any, given: Any, bias: Any, lanes: Any) -> Any:
    """Set a row to logits plus bias; return the largest."""
    lanes[:] = -np.inf
    whole = len(row) // _LANES * _LANES
    for begin in range(0, whole, _LANES):
        end = begin + _LANES
        places, values, offsets = row[begin:end], given[begin:end], bias[begin:end]
        for k in range(_LANES):
            value = load(values, k) + offsets[k]
            places[k] = value
            lanes[k] = value if value > lanes[k] else lanes[k]
    largest = np.float32(-np.inf)
    for k in range(_LANES):
        largest = lanes[k] if lanes[k] > largest else largest
    for j in range(whole, len(row)):
        row[j] = load(given, j) + bias[j]
        largest = row[j] if row[j] > largest else largest
    return largest


@compiled
def _exponentiate(row: Any, largest: Any, lanes: Any) -> Any:
    """Replace a row by e to the power of it minus the largest; return the sum."""
    lanes[:] = 0
    whole = len(row) // _LANES * _LANES
    for begin in range(0, whole, _LANES):
        places = row[begin : begin + _LANES]
        for k in range(_LANES):
            value = exp(places[k] - largest)
            places[k] = value
            lanes[k] += value
    total = np.float64(0)
    for k in range(_LANES):
        total += lanes[k]
    for j in range(whole, len(row)):
        row[j] = exp(row[j] - largest)
        total += row[j]
    return total


@compiled
def _write(given: Any, row: Any, share: Any) -> None:
    for j in range(len(row)):
        store(given, j, row[j] * share)


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
        largest = _read(row, given, bias, lanes)
        picked = row[target] - largest
        total = _exponentiate(row, largest, lanes)
        log_probs[at] = np.float32(np.float64(picked) - np.log(total))
        share = np.float32(1 / total)
        _write(given, row, share)
        store(given, target, row[target] * share - np.float32(1))


@compiled
def differentiate_sampled(
    begin: int, end: int, logits: Any, bias: Any, hits: Any, scores: Any, log_probs: Any, by_scores: Any
) -> None:
    """Replace rows of logits by the gradient of −ln p(target) by them, where the target has a logit of its own.

    Args:
        begin: First row.
        end: Row after the last.
        logits: float32, or int16 for bfloat16: [n, S], without the bias; the target's, if it is among them, is ignored.
        bias: float32 [S].
        hits: Column of the target, −1 if there is none: int64 [n].
        scores: Logit of the target: float32 [n].
        log_probs: ln p(target), set here: float32 [n].
        by_scores: Gradient by the target's logit, set here: float32 [n].
    """
    words = logits.shape[1]
    row, lanes = np.empty(words, np.float32), np.empty(_LANES, np.float32)
    for at in range(begin, end):
        given, hit, score = logits[at], hits[at], scores[at]
        largest = _read(row, given, bias, lanes)
        largest = score if score > largest else largest
        if hit >= 0:
            row[hit] = -np.inf
        own = np.float64(exp(score - largest))
        total = _exponentiate(row, largest, lanes) + own
        log_probs[at] = np.float32(np.float64(score - largest) - np.log(total))
        by_scores[at] = np.float32(own / total - 1)
        _write(given, row, np.float32(1 / total))
        if hit >= 0:
            store(given, hit, np.float32(0))


@compiled
def add_rows(begin: int, end: int, total: Any, rows: Any, scale: Any) -> None:
    """Add Σ scale[i] · rows[i] over i to columns ``begin`` to ``end`` of ``total``: float32 [V]."""
    places = total[begin:end]
    for at in range(len(rows)):
        row, factor = rows[at, begin:end], scale[at]
        for j in range(len(places)):
            places[j] += factor * load(row, j)
