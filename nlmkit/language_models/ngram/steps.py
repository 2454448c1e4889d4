"""One word at a time, for decoders: ``Steps`` looks words up without arrays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, Final

from nlmkit.text.vocabulary import BOS_ID, EOS_ID

State = tuple[int, ...]

_REMEMBERED: Final = 1 << 16
"""States whose contexts are kept."""


class Steps:
    """The state machine of a table for single words.

    Values equal those of ``distribution`` to the digit: additions are in the same order. The contexts of states are
    remembered; several threads can share an object.

    Args:
        first: First word of each n-gram, per order from 2 on; anything that is indexed by integers, like the others.
        children: Index of the first n-gram one word longer with this suffix, per order below the highest.
        log_probs: Natural logarithms, per order.
        backoffs: Natural logarithms of the backoff weights, per order below the highest.
        unseen_backoff: That of contexts outside the table.
    """

    def __init__(
        self,
        first: Sequence[Any],
        children: Sequence[Any],
        log_probs: Sequence[Any],
        backoffs: Sequence[Any],
        unseen_backoff: float,
    ) -> None:
        self._first, self._children, self._log_probs, self._backoffs = first, children, log_probs, backoffs
        self._unseen = unseen_backoff
        self._order = len(log_probs)
        self._start: State = (BOS_ID,) if self._order > 1 else ()
        self._below = list(zip(children, first, strict=True))
        self._known: dict[State, list[int]] = {}

    def places(self, words: State) -> list[int]:
        """Return the indices at orders 1, 2, … of the suffixes of ``words`` that the table contains."""
        place = words[-1]
        found = [place]
        for k in range(2, min(len(words), self._order) + 1):
            children, first, word = self._children[k - 2], self._first[k - 2], words[-k]
            low, high = children[place], children[place + 1]
            place = bisect_left(first, word, low, high)
            if place == high or first[place] != word:
                break
            found.append(place)
        return found

    def step(self, state: State, word_id: int) -> tuple[float, State]:
        """Return the log-probability of a word after ``state``, and the state after it."""
        score, places = self._score(state, word_id)
        return score, self._after(state, word_id, places)

    def score(self, word_ids: Iterable[int]) -> tuple[list[float], list[int]]:
        """Return the log-probability of each event of a text, and the length of the n-gram that it is of."""
        state, scores, lengths = self._start, [], []
        for word_id in word_ids:
            score, places = self._score(state, word_id)
            scores.append(score)
            lengths.append(len(places))
            state = self._after(state, word_id, places)
        return scores, lengths

    def _score(self, state: State, word_id: int) -> tuple[float, list[int]]:
        """Return the log-probability of a word after ``state``, and the ``places`` of the n-gram that it is of."""
        places, place = [word_id], word_id
        for (children, first), word in zip(self._below, reversed(state), strict=False):
            low, high = children[place], children[place + 1]
            if low == high:
                break
            place = bisect_left(first, word, low, high)
            if place == high or first[place] != word:
                break
            places.append(place)
        matched = len(places)
        score: float = self._log_probs[matched - 1][places[-1]]
        length = len(state)
        if matched <= length:
            contexts = self._known.get(state)
            if contexts is None:
                contexts = self._remember(state, self.places(state))
            known = len(contexts)
            for k in range(matched - 1, length):
                score += self._backoffs[k][contexts[k]] if k < known else self._unseen
        if word_id == BOS_ID:
            score = -inf
        return score, places

    def advance(self, state: State, word_id: int) -> State:
        """Return the state after a word."""
        return self._after(state, word_id, self.places((*state, word_id)))

    def _after(self, state: State, word_id: int, places: list[int]) -> State:
        most = self._order - 1
        if word_id == EOS_ID or not most:
            return self._start
        length = most if self._unseen != 0.0 else min(len(places), most)
        following = (*state, word_id)[-length:]
        if following not in self._known:
            self._remember(following, places[:most])
        return following

    def _remember(self, state: State, places: list[int]) -> list[int]:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[state] = places
        return places
