"""Words that a table lists after a context, found from the bigrams up: no index of the longer n-grams is needed.

Words listed after a context are listed after the shorter ones too, so that each level is a selection of the one below.
What is left backs off to the unigrams, all with one weight. ``distribution`` spells that out; ``draw`` samples from it
without a pass over the vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.text.vocabulary import BOS_ID, UNK_ID

Indices = NDArray[np.integer]


class Lookup(Protocol):
    """What both forms of a table can do."""

    unseen_backoff: float

    @property
    def order(self) -> int:
        """Highest order."""
        ...

    @property
    def bigrams_by_context(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start of each word's bigrams, and the bigrams by their first word, in order."""
        ...

    @property
    def unigrams(self) -> Unigrams:
        """Probabilities of single words."""
        ...

    def context_ids(self, context: tuple[int, ...]) -> list[int]:
        """Indices at orders 1, 2, … of the suffixes of a context."""
        ...

    def suffixes_of(self, k: int, ids: Indices) -> NDArray[np.int64]:
        """Suffixes of n-grams of order k."""
        ...

    def find(self, k: int, suffixes: Any, words: Any) -> Any:
        """Index of n-grams of order k, −1 where there is none."""
        ...

    def log_probs_of(self, k: int, ids: Any) -> NDArray[np.floating[Any]]:
        """Log-probabilities of n-grams of order k."""
        ...

    def backoffs_of(self, k: int, ids: Any) -> NDArray[np.floating[Any]]:
        """Logarithms of the backoff weights of n-grams of order k."""
        ...


class Unigrams(NamedTuple):
    """Probabilities of single words, float64 [V] each, and their running sum."""

    probs: Floats
    sums: Floats

    @classmethod
    def of(cls, log_probs: NDArray[np.floating[Any]]) -> Unigrams:
        """Take exponentials."""
        probs = np.exp(log_probs.astype(np.float64))
        probs[BOS_ID] = 0.0
        return cls(probs, probs.cumsum())


class Level(NamedTuple):
    """What is listed after the context of k words.

    Attributes:
        weight: Logarithm of the context's backoff weight.
        places: Which of the first level's words are listed, int64 [n]; None if the table lacks the context.
        log_probs: Their log-probabilities, [n].
    """

    weight: float
    places: NDArray[np.int64] | None
    log_probs: NDArray[np.floating[Any]] | None


def bigrams_by_context(first: Indices, vocabulary_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the start of each first word's bigrams, int64 [V + 1], and the bigrams by first word, int64 [n_2]."""
    keys = first.astype(np.int64) << 32
    keys |= np.arange(len(first))
    keys.sort()
    begins = np.concatenate([[0], np.cumsum(np.bincount(first, minlength=vocabulary_size))])
    return begins, keys & 0xFFFFFFFF


def levels(table: Lookup, context: tuple[int, ...]) -> tuple[NDArray[np.int64], list[Level]]:
    """Return the words listed after the last word of ``context``, sorted, and the levels of 1, 2, … words."""
    ids = table.context_ids(context)
    words = grams = places = np.empty(0, np.int64)
    found: list[Level] = []
    for k in range(1, len(context) + 1):
        if k > len(ids):
            if table.unseen_backoff == 0.0:
                break
            found.append(Level(table.unseen_backoff, None, None))
            continue
        if k == 1:
            begins, by_context = table.bigrams_by_context
            grams = by_context[begins[ids[0]] : begins[ids[0] + 1]]
            words = table.suffixes_of(2, grams)
            places = np.arange(len(grams))
        elif len(grams):
            longer = table.find(k + 1, grams, np.full(len(grams), context[-k], np.int32))
            kept = np.flatnonzero(longer >= 0)
            grams, places = longer[kept], places[kept]
        weight = float(table.backoffs_of(k, np.array([ids[k - 1]]))[0])
        found.append(Level(weight, places, table.log_probs_of(k + 1, grams)))
    return words, found


def distribution(table: Lookup, log_probs: NDArray[np.floating[Any]], context: tuple[int, ...]) -> Floats:
    """Return the log-probability of every vocabulary id after ``context``: float64 [V].

    Args:
        table: The model.
        log_probs: Log-probabilities of the unigrams, [V].
        context: At most order − 1 ids.
    """
    scores = log_probs.astype(np.float64)
    words, found = levels(table, context)
    for level in found:
        scores += level.weight
        if level.places is not None:
            scores[words[level.places]] = level.log_probs
    scores[BOS_ID] = -np.inf
    return scores


def _listed(table: Lookup, context: tuple[int, ...]) -> tuple[NDArray[np.int64], Floats, float]:
    """Return listed words, their probabilities, and the factor of the unigram probabilities of all others."""
    words, found = levels(table, context)
    logs = table.log_probs_of(1, words).astype(np.float64)
    rest = 0.0
    for level in found:
        logs += level.weight
        rest += level.weight
        if level.places is not None and level.log_probs is not None:
            logs[level.places] = level.log_probs
    probs = np.exp(logs)
    probs[words == BOS_ID] = 0.0
    return words, probs, float(np.exp(rest))


def total(table: Lookup, context: tuple[int, ...]) -> float:
    """Return the sum of the probabilities of all words after ``context``."""
    with np.errstate(over="ignore", invalid="ignore"):
        words, probs, factor = _listed(table, context)
        unigrams = table.unigrams
        left = max(0.0, float(unigrams.sums[-1] - unigrams.probs[words].sum()))
        return float(probs.sum() + (factor * left if left else 0.0))


def draw(table: Lookup, context: tuple[int, ...], place: float, *, allow_unk: bool) -> int | None:
    """Return the first word at which the running sum of the distribution, in the order of ids, exceeds a share.

    Args:
        table: The model.
        context: At most order − 1 ids.
        place: Share of the whole, from 0 to below 1.
        allow_unk: Whether ``<unk>`` takes part.

    Returns:
        The id; None if rounding leaves it open, or the sum is not a positive number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        words, probs, factor = _listed(table, context)
        if not allow_unk:
            if len(words) and words[0] == UNK_ID:
                probs[0] = 0.0
            else:
                words, probs = np.concatenate([[UNK_ID], words]), np.concatenate([[0.0], probs])
        unigrams = table.unigrams
        # the running sum of all words as if they backed off, and what the listed ones change
        changes = (probs - factor * unigrams.probs[words]).cumsum()
        sums = factor * unigrams.sums[words] + changes
        whole = factor * float(unigrams.sums[-1]) + (float(changes[-1]) if len(changes) else 0.0)
    if not 0.0 < whole < np.inf:
        return None
    wanted = place * whole
    at = int(np.searchsorted(sums, wanted, side="right"))
    if at < len(words) and wanted >= sums[at] - probs[at]:
        return int(words[at]) if probs[at] > 0.0 else None
    if not factor > 0.0:
        return None
    before = float(changes[at - 1]) if at else 0.0
    word = int(np.searchsorted(unigrams.sums, (wanted - before) / factor, side="right"))
    low = int(words[at - 1]) if at else -1
    high = int(words[at]) if at < len(words) else len(unigrams.sums)
    return word if low < word < high and unigrams.probs[word] > 0.0 else None
