"""Estimation of a part: probabilities of the n-grams after its contexts, from order three up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.external.files import ArrayFile
from nlmkit.language_models.ngram.external.formulas import Grams, formula
from nlmkit.language_models.ngram.external.store import Store


def estimate_part(store: Store, settings: dict[str, Any], part: int) -> dict[str, Any]:
    """Task: estimate the n-grams whose contexts are in a part.

    Writes ``scored/K/PART`` with the kept n-grams of order K ≥ 3 (``word``, ``history`` in the finished table,
    ``first``, ``log_prob`` and, below the highest order, ``kept``), and ``weights/K/PART`` with the logarithms of the
    backoff weights of kept contexts of K ≥ 2 words: ``backoff``.

    Returns:
        ``zeros``: whether a kept n-gram or backoff weight is zero.
    """
    dtype, pruned, order = np.dtype(settings["dtype"]), settings["pruned"], settings["order"]
    zeros = False
    lower: Floats = store.read(f"lower/{part}", ["prob"])["prob"]
    for k in range(3, order + 1):
        contexts = store.read(f"contexts/{k - 1}/{part}")
        rows = store.read(f"grams/{k}/{part}")
        first = contexts["first"][rows["history"]]
        size = len(contexts["first"])
        keep = rows["keep"] if pruned else np.ones(len(first), np.bool_)
        grams = Grams(rows["value"], keep, rows["history"], first)
        own = formula(settings, k)
        sums = [_sums(grams.history, values, size) for values in own.summed(grams)]
        suffix = store.read(f"suffixes/{k}/{part}", ["suffix"])["suffix"]
        probs = own.probs(grams, sums, lower[suffix])
        del suffix
        weights = own.backoffs(sums)
        del sums
        weights = weights[contexts["keep"]] if pruned else weights
        kept = keep if pruned else slice(None)
        zeros |= bool((weights == 0.0).any()) or bool((probs[kept] == 0.0).any())
        base = settings["bases"][k - 3][part]
        ids = np.cumsum(contexts["keep"]) - 1 + base if pruned else np.arange(base, base + size)
        columns: dict[str, NDArray[Any]] = {"word": rows["word"][kept], "history": ids[rows["history"][kept]]}
        columns["first"] = first[kept]
        with np.errstate(divide="ignore"):
            store.write(f"weights/{k - 1}/{part}", {"backoff": np.log(weights).astype(dtype)})
            columns["log_prob"] = np.log(probs[kept]).astype(dtype)
        if k < order:
            columns["kept"] = rows["kept"][kept]
        store.write(f"scored/{k}/{part}", columns)
        lower = probs
        del columns, rows, grams, contexts, ids, first, weights
        if settings["tidy"]:
            remove_counts(store, k, part)
    return {"zeros": zeros}


def remove_counts(store: Store, k: int, part: int) -> None:
    """Remove the counts of order ``k`` of a part that is estimated."""
    for name in (f"grams/{k}/{part}", f"contexts/{k - 1}/{part}", f"suffixes/{k}/{part}"):
        store.remove(name)


def _sums(history: NDArray[np.int32], values: NDArray[Any], number: int) -> Floats:
    return np.bincount(history, weights=values, minlength=number).astype(np.float64, copy=False)


def write_weights(store: Store, settings: dict[str, Any], k: int) -> None:
    """Write the backoff weights of the contexts of ``k`` words of all parts into ``folder``, and remove them."""
    with ArrayFile(settings["folder"], f"backoff.{k}", settings["dtype"]) as file:
        for part in range(settings["parts"]):
            name = f"weights/{k}/{part}"
            for block in store.blocks(name, "backoff"):
                file.append(block)
            if settings["tidy"]:
                store.remove(name)
