"""Weightings of co-occurrence counts for LSA: PPMI, log-entropy, tf-idf."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ppmi(counts: Any, *, smoothing: float = 1.0, shift: float = 1.0) -> Any:
    """Return the positive pointwise mutual information of words and their contexts (Levy, Goldberg & Dagan 2015).

    max(0, ln(P(w, c) / (P(w) · P_α(c))) − ln k), where P_α(c) is proportional to the context's count to the power α.

    Args:
        counts: Pair counts: a scipy CSR matrix [words, contexts] without explicit zeros.
        smoothing: α; values below 1 reduce the weight of rare contexts.
        shift: k; word2vec with k negative samples factorises the matrix shifted by ln k (Levy & Goldberg 2014).

    Returns:
        A CSR matrix of the same shape, float64, only its positive values stored.
    """
    weights = counts.astype(np.float64)
    words = np.asarray(weights.sum(axis=1)).ravel()
    contexts = np.asarray(weights.sum(axis=0)).ravel()
    # Rows and columns of zeros have no entries, so their logarithm is never used.
    log_words = _log(words)
    log_contexts = smoothing * _log(contexts) - _log(np.array([(contexts[contexts > 0] ** smoothing).sum()]))
    values = np.log(weights.data)
    values -= np.repeat(log_words, np.diff(weights.indptr))
    values -= log_contexts[weights.indices]
    values -= math.log(shift)
    weights.data = np.maximum(values, 0.0, out=values)
    weights.eliminate_zeros()
    return weights


def log_entropy(counts: Any) -> Any:
    """Return the log-entropy weights of a term–document matrix (Dumais 1991; Landauer & Dumais 1997).

    ln(1 + tf) · (1 + Σ p ln p / ln n), where p is the share of the term's occurrences in a document and n the number of
    documents: the second factor is 1 for a term of one document, 0 for one distributed evenly over all.

    Args:
        counts: A scipy CSR matrix [terms, documents] without explicit zeros.

    Returns:
        A CSR matrix of the same shape, float64, zeros not stored.
    """
    weights = counts.astype(np.float64)
    lengths = np.diff(weights.indptr)
    totals = np.asarray(weights.sum(axis=1)).ravel()
    shares = weights.data / np.repeat(totals, lengths)
    entropies = -_row_sums(shares * np.log(shares), weights)
    documents = weights.shape[1]
    information = 1 - entropies / math.log(documents) if documents > 1 else np.ones(len(totals))
    # Rounding may leave a trace of a term that is spread evenly.
    information[np.abs(information) < 1e-12] = 0.0
    weights.data = np.log1p(weights.data) * np.repeat(information, lengths)
    weights.eliminate_zeros()
    return weights


def tf_idf(counts: Any) -> Any:
    """Return the tf-idf weights of a term–document matrix: tf · ln(n / df), without further normalisation.

    Args:
        counts: A scipy CSR matrix [terms, documents] without explicit zeros.

    Returns:
        A CSR matrix of the same shape, float64, without stored zeros (of terms that occur in every document).
    """
    weights = counts.astype(np.float64)
    lengths = np.diff(weights.indptr)
    inverse = math.log(max(weights.shape[1], 1)) - _log(lengths.astype(np.float64))
    weights.data *= np.repeat(inverse, lengths)
    weights.eliminate_zeros()
    return weights


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithms, with 0 for 0, which no entry of the matrix uses."""
    return np.log(np.where(values > 0, values, 1.0))


def _row_sums(values: NDArray[np.float64], matrix: Any) -> NDArray[np.float64]:
    """Sum values of the entries of ``matrix`` by row."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return np.bincount(rows, weights=values, minlength=matrix.shape[0]).astype(np.float64)
