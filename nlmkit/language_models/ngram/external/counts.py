"""Counting of a part: its contexts, and the n-grams after them, with counts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.external import chains
from nlmkit.language_models.ngram.external.chains import Followed
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.external.windows import context_words, read_windows
from nlmkit.text.vocabulary import BOS_ID

LARGEST: Final = 5
"""Counts from this on are one class in the numbers of n-grams by count."""


def count_part(store: Store, settings: dict[str, Any], part: int) -> dict[str, Any]:
    """Task: count the n-grams whose contexts are in a part.

    Writes ``contexts/J/PART`` (for contexts of J ≥ 2 words: ``first``, and ``keep`` if n-grams are pruned) and
    ``grams/K/PART`` for order K ≥ 2: ``word``, ``history``, ``value`` and, where they differ from it or are needed,
    ``raw``, ``extensions``, ``keep`` and ``suffix``.

    Returns:
        ``contexts`` and ``kept`` (by length, from 2); ``numbers`` (by order from 3): n-grams by count, and the last.
    """
    order, absent, thresholds = settings["order"], settings["absent"], settings["thresholds"]
    columns = read_windows(store, part, context_words(order))
    words, before = columns[0], columns[1:]
    contexts, grams = chains.words_as_contexts(before[0]), None
    result: dict[str, Any] = {"contexts": [], "kept": [], "numbers": []}
    for k in range(2, order + 1):
        if k > 2:
            contexts = chains.longer_contexts(contexts, before[k - 2], absent)
            keep = contexts.raw > thresholds[k - 2]
            columns_of = {"first": contexts.first} | ({"keep": keep} if settings["pruned"] else {})
            store.write(f"contexts/{k - 1}/{part}", columns_of)
            del columns_of
            result["contexts"].append(len(keep))
            result["kept"].append(int(np.count_nonzero(keep)))
            del keep
        longer = chains.followed(contexts, k - 1, words, absent)
        if grams is not None:
            suffix = chains.suffixes(longer, contexts, grams)
            extensions = np.bincount(suffix, minlength=len(grams))
            kept = extensions
            if settings["pruned"]:
                kept = np.bincount(suffix[longer.raw > thresholds[k - 1]], minlength=len(grams))
            result["numbers"] += _write(store, settings, (k - 1, part), grams, (extensions, kept))
            del extensions, kept
            store.write(f"suffixes/{k}/{part}", {"suffix": suffix})
            del suffix
        grams = longer
    assert grams is not None
    result["numbers"] += _write(store, settings, (order, part), grams, None)
    if settings["tidy"]:
        remove_windows(store, part)
    return result


def remove_windows(store: Store, part: int) -> None:
    """Remove the windows of a part that is counted."""
    for name in store.names(f"windows/{part}/"):
        store.remove(name)


def _write(
    store: Store,
    settings: dict[str, Any],
    place: tuple[int, int],
    grams: Followed,
    longer: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
) -> list[dict[str, Any]]:
    """Write n-grams of an order and part, and the number of n-grams one word longer, and of those that are kept."""
    k, part = place
    columns: dict[str, NDArray[Any]] = {"word": grams.word, "history": grams.history}
    adjusted = grams.raw if longer is None else np.where(grams.first == BOS_ID, grams.raw, longer[0])
    if k == 2:  # shared with other parts, and merged later
        columns = {"key": (grams.word.astype(np.int64) << chains.WORD_BITS) | grams.history, "raw": grams.raw}
        if longer is not None:
            columns |= {"extensions": longer[0], "kept": longer[1]}
        store.write(f"grams/2/{part}", columns)
        return []
    columns["value"] = adjusted if settings["adjusted"] else grams.raw
    if settings["pruned"]:
        columns["keep"] = grams.raw > settings["thresholds"][k - 1]
    if longer is not None:
        columns["kept"] = longer[1]
    store.write(f"grams/{k}/{part}", columns)
    return [numbers_of(columns["value"], grams)]


def numbers_of(values: NDArray[np.int64], grams: Followed) -> dict[str, Any]:
    """Return the number of n-grams by count, from 0 to ``LARGEST``, and those of all; the last n-gram."""
    if not len(values):
        return {"by_count": [0] * (LARGEST + 1), "total": 0, "last": None}
    by_count = np.bincount(np.minimum(values, LARGEST), minlength=LARGEST + 1)
    last = {"word": int(grams.word[-1]), "value": int(values[-1]), "raw": int(grams.raw[-1])}
    return {"by_count": by_count.tolist(), "total": len(values), "last": last}


def numbers_by_count(found: list[dict[str, Any]], *, last_is_raw: bool) -> tuple[list[int], int]:
    """Add up the numbers of all parts: those of n-grams with a count of 1, 2, 3 and 4, and of all.

    Args:
        found: What ``numbers_of`` returned, by part.
        last_is_raw: Whether the last n-gram counts by its raw count, as in KenLM.
    """
    by_count = np.sum([numbers["by_count"] for numbers in found], axis=0)
    ends = [numbers["last"] for numbers in found if numbers["last"] is not None]
    if last_is_raw and ends:
        word = max(end["word"] for end in ends)
        last = [end for end in ends if end["word"] == word][-1]
        by_count[min(last["value"], LARGEST)] -= 1
        by_count[min(last["raw"], LARGEST)] += 1
    return [int(number) for number in by_count[1:LARGEST]], sum(numbers["total"] for numbers in found)
