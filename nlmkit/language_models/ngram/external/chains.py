"""Ranks of n-grams in suffix order, and the n-grams after each context: the arithmetic of a part."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.vocabulary import BOS_ID

Ids = NDArray[np.int32]
Keys = NDArray[np.int64]

WORD_BITS = 32
_KEY_BITS = 63


@dataclasses.dataclass
class Contexts:
    """The contexts of one length in a part, in suffix order; arrays are [n].

    Attributes:
        first: First word of each.
        suffix: Index among the contexts one word shorter; of those of two words, the last word.
        raw: Occurrences in the text.
        of_window: Index of the context of each window, −1 where there is none.
    """

    first: Ids
    suffix: Ids
    raw: Keys
    of_window: Ids


@dataclasses.dataclass
class Followed:
    """The n-grams of one order whose contexts are in a part, in suffix order; arrays are [n].

    Attributes:
        word: Last word.
        history: Index of the context, or its word if it has one.
        first: First word.
        raw: Occurrences in the text.
    """

    word: Ids
    history: Ids
    first: Ids
    raw: Keys

    def __len__(self) -> int:
        return len(self.word)


def words_as_contexts(words: Ids) -> Contexts:
    """Return the contexts of one word, which have the indices of the vocabulary."""
    none = np.empty(0, np.int32)
    return Contexts(none, none, np.empty(0, np.int64), words)


def longer_contexts(shorter: Contexts, words: Ids, absent: int) -> Contexts:
    """Return the contexts one word longer.

    Args:
        shorter: The contexts that they extend.
        words: The word before each of those, by window; ``absent`` where there is none.
        absent: Greater than every word.
    """
    at = np.flatnonzero(words != absent)
    major, minor = shorter.of_window[at], words[at]
    keys, order = _sorted(major, minor, absent.bit_length())
    new = np.empty(len(keys), np.bool_)
    new[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    begins = np.flatnonzero(new)
    rank = np.cumsum(new, dtype=np.int32)
    rank -= 1
    del keys
    chosen = order[begins]
    of_window = np.full(len(words), -1, np.int32)
    of_window[at[order]] = rank
    return Contexts(minor[chosen], major[chosen], np.diff(begins, append=len(order)), of_window)


def followed(contexts: Contexts, length: int, words: Ids, absent: int) -> Followed:
    """Return the n-grams of one word after the contexts of ``length`` words.

    Args:
        contexts: The contexts.
        length: Their length.
        words: The event of each window; ``absent`` where there is none.
        absent: Greater than every word.
    """
    chosen = words != absent
    if length > 1:
        chosen &= contexts.of_window >= 0
    keys = words[chosen].astype(np.int64)
    keys <<= WORD_BITS
    keys |= contexts.of_window[chosen]
    keys.sort()
    new = np.empty(len(keys), np.bool_)
    new[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    begins = np.flatnonzero(new)
    raw = np.diff(begins, append=len(keys))
    keys = keys[begins]
    history = (keys & ((1 << WORD_BITS) - 1)).astype(np.int32)
    keys >>= WORD_BITS
    first = history if length == 1 else contexts.first[history]
    return Followed(keys.astype(np.int32), history, first, raw)


def suffixes(grams: Followed, contexts: Contexts, shorter: Followed) -> Ids:
    """Return the index of each n-gram's suffix among the n-grams one word shorter.

    Both are in suffix order, and all n-grams that do not begin with ``<s>`` are suffixes, so that the suffixes follow
    one another.

    Args:
        grams: The n-grams.
        contexts: Their contexts, two words or more.
        shorter: The n-grams one word shorter, whose contexts are in the same part.
    """
    if not len(grams):
        return np.empty(0, np.int32)
    history = contexts.suffix[grams.history]
    new = np.empty(len(grams), np.bool_)
    new[0] = False
    new[1:] = (history[1:] != history[:-1]) | (grams.word[1:] != grams.word[:-1])
    extended = np.flatnonzero(shorter.first != BOS_ID)
    return extended[np.cumsum(new)].astype(np.int32)


def _sorted(major: Ids, minor: Ids, word_bits: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return the sorted pairs as keys, and the order that sorts them."""
    least = int(major.min()) if len(major) else 0
    major_bits = (int(major.max()) - least).bit_length() if len(major) else 0
    position_bits = len(major).bit_length()
    keys = major.astype(np.int64)
    keys -= least
    if major_bits + word_bits + position_bits <= _KEY_BITS:
        keys <<= word_bits
        keys |= minor
        keys <<= position_bits
        keys |= np.arange(len(keys))
        keys.sort()  # values are sorted far faster than permutations
        order = keys & ((1 << position_bits) - 1)
        keys >>= position_bits
        return keys, order
    keys <<= WORD_BITS
    keys |= minor
    order = np.argsort(keys, kind="stable")
    return keys[order], order
