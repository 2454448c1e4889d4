"""Bigrams and unigrams: the bigrams of all parts are merged, estimated, and sent back to the parts.

Parts share bigrams, because a part may hold a range of the contexts that end in one word. Sums over the contexts of one
word are kept for the whole vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.external.counts import LARGEST
from nlmkit.language_models.ngram.external.files import ArrayFile
from nlmkit.language_models.ngram.external.formulas import Grams, formula
from nlmkit.language_models.ngram.external.merging import Cursor, together
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.text.vocabulary import BOS_ID

_WORD_BITS: Final = 32
_MASK: Final = (1 << _WORD_BITS) - 1
MERGED: Final = "bigrams"
UNIGRAMS: Final = "unigrams"


def merge_bigrams(store: Store, settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Task: write the bigrams of all parts in suffix order, and the counts of unigrams.

    Writes ``bigrams`` (``key``, ``value``, ``keep``, ``kept``) and ``unigrams`` (``value``, ``raw``, ``kept``).

    Returns:
        ``numbers`` of unigrams and bigrams by count, with the last n-gram by its raw count where the order is below the
        highest and the method adjusts counts; ``total`` and ``kept`` bigrams.
    """
    del number
    size, highest, threshold = settings["vocabulary"], settings["order"] == 2, settings["thresholds"][1]
    raw_unigrams = store.read("words", ["raw"])["raw"]
    extensions, kept_children = np.zeros(size, np.int64), np.zeros(size, np.int64)
    by_count = np.zeros(LARGEST + 1, np.int64)
    total = kept = 0
    last: tuple[int, int] | None = None
    names = ["key", "raw"] if highest else ["key", "raw", "extensions", "kept"]
    cursors = [Cursor(store, f"grams/2/{part}", names) for part in range(settings["parts"])]
    with store.writer(MERGED) as table:
        empty = np.empty(0, np.int64)
        table.append({"key": empty, "value": empty, "keep": np.empty(0, np.bool_), "kept": empty})
        for batch in together(cursors, unique=True):
            keys = np.sort(np.concatenate([rows["key"] for _, rows in batch]))
            keys = keys[np.diff(keys, prepend=-1) != 0]  # keys are not negative
            sums = {name: np.zeros(len(keys), np.int64) for name in names[1:]}
            for _, rows in batch:
                at = np.searchsorted(keys, rows["key"])
                for name, values in sums.items():
                    values[at] += rows[name]
            raw = sums["raw"]
            word = keys >> _WORD_BITS
            adjusted = raw if highest else np.where((keys & _MASK) == BOS_ID, raw, sums["extensions"])
            value = adjusted if settings["adjusted"] else raw
            keep = raw > threshold
            table.append({"key": keys, "value": value, "keep": keep, "kept": sums.get("kept", raw)})
            by_count += np.bincount(np.minimum(value, LARGEST), minlength=LARGEST + 1)
            extensions += np.bincount(word, minlength=size)
            kept_children += np.bincount(word[keep], minlength=size)
            total += len(keys)
            kept += int(np.count_nonzero(keep))
            last = (int(value[-1]), int(raw[-1]))
    if settings["adjusted"] and not highest and last is not None:
        by_count[min(last[0], LARGEST)] -= 1
        by_count[min(last[1], LARGEST)] += 1
    values = extensions if settings["adjusted"] else raw_unigrams.copy()
    values[BOS_ID] = 0
    of_words = np.bincount(np.minimum(values, LARGEST), minlength=LARGEST + 1)
    if settings["adjusted"]:
        of_words[min(int(values[-1]), LARGEST)] -= 1
        of_words[min(int(raw_unigrams[-1]), LARGEST)] += 1
    store.write(UNIGRAMS, {"value": values, "kept": kept_children})
    numbers = [[int(number) for number in each[1:LARGEST]] for each in (of_words, by_count)]
    return {"numbers": numbers, "total": total, "kept": kept}


def estimate_bigrams(store: Store, settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Task: estimate unigrams and bigrams.

    Writes the arrays of the table's first two orders into ``folder``, except the backoff weights of bigrams, and
    ``lower/PART`` with the probability of each bigram of a part: ``prob``, float64.

    Returns:
        ``zeros``: whether a kept n-gram or backoff weight is zero.
    """
    del number
    size, folder, dtype = settings["vocabulary"], settings["folder"], settings["dtype"]
    words = store.read(UNIGRAMS)
    everything = np.ones(size, np.bool_)
    ids = np.arange(size, dtype=np.int32)
    unigrams = formula(settings, 1).unigrams(Grams(words["value"], everything, np.zeros(size, np.int32), ids), size)
    zeros = _write_unigrams(folder, dtype, unigrams, words["kept"])
    own = formula(settings, 2)
    sums: list[Floats] = []
    for grams, _ in _merged(store):
        summed = own.summed(grams)
        sums = sums or [np.zeros(size) for _ in summed]
        sums = [_added(total, grams.history, values) for total, values in zip(sums, summed, strict=True)]
    backoffs = own.backoffs(sums)
    zeros |= bool((backoffs == 0.0).any())
    with np.errstate(divide="ignore"), ArrayFile(folder, "backoff.1", dtype) as file:
        file.append(np.log(backoffs))
    cursors = [Cursor(store, f"grams/2/{part}", ["key"]) for part in range(settings["parts"])]
    highest = settings["order"] == 2
    with contextlib.ExitStack() as stack:
        names = ("history.2", "first.2")
        history, first = (stack.enter_context(ArrayFile(folder, name, np.int32)) for name in names)
        log_probs = stack.enter_context(ArrayFile(folder, "log_prob.2", dtype))
        children = None if highest else stack.enter_context(ArrayFile(folder, "children.2", np.int32))
        tables = [stack.enter_context(store.writer(f"lower/{part}")) for part in range(settings["parts"])]
        for table in tables:
            table.append({"prob": np.empty(0)})
        if children is not None:
            children.append(np.zeros(1, np.int32))
        ends = 0
        for grams, rows in _merged(store):
            probs = own.probs(grams, sums, unigrams[rows["key"] >> _WORD_BITS])
            keep = grams.keep
            for values in (history, first):
                values.append(grams.history[keep])
            with np.errstate(divide="ignore"):
                log_probs.append(np.log(probs[keep]))
            zeros |= bool((probs[keep] == 0.0).any())
            if children is not None:
                running = np.cumsum(rows["kept"][keep]) + ends
                ends = int(running[-1]) if len(running) else ends
                children.append(running)
            bound = int(rows["key"][-1]) + 1
            for cursor, table in zip(cursors, tables, strict=True):
                while (taken := cursor.below(bound)) is not None:
                    table.append({"prob": probs[np.searchsorted(rows["key"], taken["key"])]})
    return {"zeros": zeros}


def _write_unigrams(folder: str, dtype: str, probs: Floats, kept: NDArray[np.int64]) -> bool:
    with np.errstate(divide="ignore"):
        log_probs = np.log(probs)
    log_probs[BOS_ID] = -np.inf
    zero = probs == 0.0
    zero[BOS_ID] = False
    with ArrayFile(folder, "log_prob.1", dtype) as file:
        file.append(log_probs)
    with ArrayFile(folder, "children.1", np.int32) as file:
        file.append(np.concatenate([[0], np.cumsum(kept)]))
    return bool(zero.any())


def _merged(store: Store) -> Iterator[tuple[Grams, dict[str, NDArray[Any]]]]:
    for rows in store.rows(MERGED):
        if len(rows["key"]):
            history = (rows["key"] & _MASK).astype(np.int32)
            yield Grams(rows["value"], rows["keep"], history, history), rows


def _added(total: Floats, history: NDArray[np.int32], values: NDArray[Any]) -> Floats:
    """Add values to the sums of their contexts, one after the other as one ``bincount`` of all values would."""
    index = np.concatenate([np.arange(len(total), dtype=np.int32), history])
    sums = np.bincount(index, weights=np.concatenate([total, values]), minlength=len(total))
    return sums.astype(np.float64, copy=False)
