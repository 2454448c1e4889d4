"""What a neural tagger knows of its training words beside the vocabulary: characters, feature values, pairs of words.

Id 0 is padding, and id 1 stands for what training lacks or has only once, so that its vector is trained; if all occurs
more often, it is zero.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.vocabulary import BOS_ID, EOS_ID

if TYPE_CHECKING:
    from nlmkit.text.tagged import TaggedSentences

UNKNOWN_VALUE: Final = 1
"""Id of unknown values."""

FIRST_ID: Final = 2
"""First id of a known value."""

BEGIN, END = FIRST_ID, FIRST_ID + 1
"""Marks around the characters of a word; known characters follow."""

MARKS: Final = 2

PREFIX: Final = "tables."
"""Prefix of the names of saved arrays."""

LONGEST: Final = 24
"""Characters of a word that are read: of a longer one, the first and the last half as many."""

_SMALLEST: Final = 1e-9

Indices = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """Known characters, feature values and pairs of words.

    Attributes:
        characters: The known characters, sorted; their ids are ``FIRST_ID + MARKS`` and following.
        features: Known values of each feature column, sorted.
        pairs: Known pairs of neighbouring words, sorted: left id · words + right id; int64 [pairs].
        words: Size of the vocabulary.
        pair_counts: How often each pair occurs in training: int64 [pairs]; not saved.
    """

    characters: str
    features: tuple[tuple[str, ...], ...]
    pairs: Indices
    words: int
    pair_counts: Indices = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, data: TaggedSentences, ids: Indices, words: int, *, characters: bool, pairs_from: int | None) -> Self:
        """Return the tables of training sentences.

        Args:
            data: The sentences.
            ids: Vocabulary id of each token: int64 [tokens].
            words: Size of the vocabulary.
            characters: Whether characters are read.
            pairs_from: Minimum count of a pair; None if pairs are not used.
        """
        used = data.words.compact().types if characters else ()
        pairs = counts = np.empty(0, np.int64)
        if pairs_from is not None:
            pairs, counts = np.unique(_pair_keys(ids, data.offsets, words)[0], return_counts=True)
            frequent = counts >= pairs_from
            pairs, counts = pairs[frequent], counts[frequent]
        features = tuple(
            tuple(sorted(value for value, count in zip(each.types, each.counts().tolist(), strict=True) if count > 1))
            for each in data.features
        )
        return cls("".join(sorted(_in_several(used))), features, pairs, words, counts)

    # ------------------------------------------------------------------------------------------------- look-up

    def spellings(self, words: Sequence[str]) -> tuple[Indices, Indices]:
        """Return the character ids of all words between marks, and where each word begins and the last ends.

        Args:
            words: Words, from which long ones lose their middle; see ``LONGEST``.

        Returns:
            int64 [characters] and int64 [words + 1].
        """
        half = LONGEST // 2
        read = [word if len(word) <= LONGEST else word[:half] + word[-half:] for word in words]
        offsets = np.append(0, np.cumsum([len(word) for word in read], dtype=np.int64))
        ids = _places(_codes(self.characters), _codes("".join(read)), FIRST_ID + MARKS)
        marked = np.insert(np.insert(ids, offsets[1:], END), offsets[:-1] + np.arange(len(read)), BEGIN)
        return marked, offsets + MARKS * np.arange(len(offsets))

    def feature_ids(self, number: int, values: Sequence[str]) -> Indices:
        """Return the ids of values of a feature column: int64 [values]."""
        known = {value: id_ for id_, value in enumerate(self.features[number], FIRST_ID)}
        return np.array([known.get(value, UNKNOWN_VALUE) for value in values], np.int64)

    def pair_ids(self, ids: Indices, offsets: Indices) -> tuple[Indices, Indices]:
        """Return the id of the pair of each token with its left, and with its right neighbour: int64 [tokens] each.

        Args:
            ids: Vocabulary ids: int64 [tokens].
            offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        """
        keys, left = _pair_keys(ids, offsets, self.words)
        found = _places(self.pairs, keys, FIRST_ID)
        return found[left], found[left + 1]

    # -------------------------------------------------------------------------------------------------- saving

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return characters, feature values and pairs as arrays for saving; strings are code points, each with LF."""
        strings = {"characters": self.characters, **dict(zip(_names(len(self.features)), self.features, strict=True))}
        found = {name: _codes("".join(f"{each}\n" for each in values)) for name, values in strings.items()}
        return {f"{PREFIX}{name}": array for name, array in {**found, "pairs": self.pairs}.items()}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], words: int, *, features: int) -> Self:
        """Return the tables of a saved tagger.

        Args:
            arrays: Result of ``arrays``.
            words: Size of the vocabulary.
            features: Number of feature columns.

        Raises:
            SavedModelError: They are missing or invalid.
        """
        from nlmkit.saving import ascends, require, require_array

        names = ["characters", *_names(features)]
        characters, *values = (_restored_strings(arrays, f"{PREFIX}{name}") for name in names)
        single = all(len(character) == 1 for character in characters)
        require(single, "its table of characters is invalid; save the model again")
        pairs = require_array(arrays, f"{PREFIX}pairs", dtype="int64", shape=(None,))
        require(ascends(pairs), "its pairs of words are not sorted; save the model again")
        return cls("".join(characters), tuple(values), np.array(pairs, np.int64), words)


def _names(features: int) -> list[str]:
    return [f"feature {number}" for number in range(1, features + 1)]


def _restored_strings(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[str, ...]:
    """Return strings from their code points, checked to be sorted.

    Raises:
        SavedModelError: They are missing or invalid.
    """
    from nlmkit.saving import require, require_array

    codes = require_array(arrays, name, dtype="int64", shape=(None,))
    require(not len(codes) or 0 <= codes.min() <= codes.max() <= sys.maxunicode, f"array {name!r} is no text")
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    *found, rest = text.split("\n")
    rises = all(one < two for one, two in itertools.pairwise(found))
    require(not rest and rises, f"array {name!r} is not sorted; save the model again")
    return tuple(found)


def unknown_chances(rule: str, rate: float, counts: Indices, least: int) -> NDArray[np.float32]:
    """Return the probability of reading each of some values as unknown: float32 [values].

    Args:
        rule: ``frequency`` or ``once-seen``; see the hyper-parameter ``unknown_rule``.
        rate: Rate of the rule.
        counts: How often each value occurs in training: int64 [values].
        least: Count of the rarest values, which the rule ``once-seen`` concerns.
    """
    by_count = rate / np.maximum(rate + counts, _SMALLEST)
    return np.asarray(by_count if rule == "frequency" else np.where(counts == least, rate, 0.0), np.float32)


def _in_several(words: Iterable[str]) -> set[str]:
    """Return the characters that at least two words contain."""
    once: set[str] = set()
    several: set[str] = set()
    for word in words:
        letters = set(word)
        several |= once & letters
        once |= letters
    return several


def _pair_keys(ids: Indices, offsets: Indices, words: int) -> tuple[Indices, Indices]:
    """Return the keys of all pairs, with the marks ``<s>`` and ``</s>`` around sentences, and where tokens find theirs.

    Returns:
        int64 [tokens + sentences], and the index of the pair with the left neighbour, int64 [tokens]; that with the
        right one is the next.
    """
    known = np.where(ids < words, ids, 0)  # words known only to the representation
    ends = offsets[1:]
    right = np.insert(known, ends, EOS_ID)
    left = np.insert(known, offsets[:-1], BOS_ID)
    sentence = np.repeat(np.arange(len(ends)), np.diff(offsets))
    return left * words + right, np.arange(len(ids)) + sentence


def _codes(text: str) -> Indices:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)


def _places(known: Indices, values: Indices, first: int) -> Indices:
    """Return the ids of values: ``first`` plus the place in the sorted ``known``, or that of what is unknown."""
    if not len(known):
        return np.full(len(values), UNKNOWN_VALUE, np.int64)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[places] == values, places + first, UNKNOWN_VALUE)
