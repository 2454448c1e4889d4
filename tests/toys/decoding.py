"""Small machines whose every probability and attention is drawn by their history, and searches that try everything."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.decoding.hypotheses import BeamOptions
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID, Vocabulary

History = tuple[int, ...]
State = tuple[int, History]
"""The source, and the ids read."""


@dataclass
class DrawnMachine:
    """A conditional machine: weights of next events are drawn anew for each source and history.

    Few weights are possible, so that there are many ties and zeros.
    """

    seed: int
    words: int = 3
    weights: Sequence[float] = (0, 1, 1, 2, 4)
    calls: int = 0

    def __post_init__(self) -> None:
        self._rows: dict[State, list[float]] = {}
        self.vocabulary_ = Vocabulary([f"w{number}" for number in range(self.words)])

    def start(self, condition: int) -> State:
        return condition, ()

    def advance(self, state: State, word_id: int) -> State:
        source, history = state
        return source, (*history, int(word_id))

    def next_log_probs(self, state: State) -> NDArray[np.float64]:
        self.calls += 1
        return np.array(self.row(state))

    def row(self, state: State) -> list[float]:
        """The log-probabilities as floats of Python."""
        if state not in self._rows:
            drawn = random.Random(repr((self.seed, state)))
            weights = [drawn.choice(self.weights) for _ in range(self.words + 3)]
            weights[BOS_ID] = 0
            total = sum(weights)
            self._rows[state] = [math.log(weight / total) if weight else -math.inf for weight in weights]
        return self._rows[state]

    def attention(self, state: State, positions: int) -> list[float]:
        """Attention for the event after a state, to that many positions."""
        drawn = random.Random(repr((self.seed, state, "attention")))
        weights = [drawn.choice((0.01, 1.0, 3.0)) for _ in range(positions)]
        return [weight / sum(weights) for weight in weights]


@dataclass
class DrawnRows:
    """The rows of a ``DrawnMachine``, with attention to as many positions as the source is long."""

    machine: DrawnMachine
    states: list[State]
    lengths: Sequence[int]
    dtype: Any = np.float64

    @classmethod
    def of(cls, machine: DrawnMachine, lengths: Sequence[int], dtype: Any = np.float64) -> DrawnRows:
        return cls(machine, [machine.start(source) for source in range(len(lengths))], lengths, dtype)

    def log_probs(self) -> NDArray[Any]:
        return np.array([self.machine.row(state) for state in self.states], self.dtype)

    def attention(self) -> NDArray[Any]:
        found = np.zeros((len(self.states), max(self.lengths)))
        for row, state in zip(found, self.states, strict=True):
            length = self.lengths[state[0]]
            row[:length] = self.machine.attention(state, length)
        return found

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> DrawnRows:
        states = [self.machine.advance(self.states[row], int(id_)) for row, id_ in zip(rows, ids, strict=True)]
        return DrawnRows(self.machine, states, self.lengths, self.dtype)


@dataclass(frozen=True)
class Found:
    """A finished hypothesis of a reference search."""

    ids: History
    log_prob: float
    score: float


def permitted(options: BeamOptions, words: int) -> list[int]:
    """The ids that are not ``</s>`` and may be produced."""
    return [UNK_ID] * options.allow_unk + list(range(3, words + 3))


def scored(machine: DrawnMachine, source: int, ids: History, length: int, options: BeamOptions) -> Found | None:
    """A sequence of words and ``</s>``, from its definition; None if it is impossible."""
    total, attention = 0.0, [0.0] * length
    for place, id_ in enumerate((*ids, EOS_ID)):
        state = source, ids[:place]
        total += machine.row(state)[id_]
        if length:
            attention = [a + b for a, b in zip(attention, machine.attention(state, length), strict=True)]
    if total == -math.inf:
        return None
    events = len(ids) + 1
    score = total
    if options.normalization == "average":
        score = total / events
    elif options.normalization == "gnmt":
        score = total * 6.0**options.alpha / (5 + events) ** options.alpha if options.alpha is not None else math.nan
    if options.coverage:
        score += options.coverage * sum(math.log(min(value, 1.0)) for value in attention)
    return Found(ids, total, score)


def exhaustive(machine: DrawnMachine, source: int, length: int, limit: int, options: BeamOptions) -> list[Found]:
    """The best of all sequences of ``min_length`` to ``limit`` words, best first."""
    choices = permitted(options, machine.words)
    sequences = (
        ids for words in range(options.min_length, limit + 1) for ids in itertools.product(choices, repeat=words)
    )
    return ranked((scored(machine, source, ids, length, options) for ids in sequences), options)


def narrow(machine: DrawnMachine, source: int, length: int, limit: int, options: BeamOptions) -> list[Found]:
    """What a beam finds that goes on to the last word, and whose every finished hypothesis is kept: best first."""
    live: list[tuple[float, History]] = [(0.0, ())]
    finished: list[Found | None] = []
    for words in range(limit + 1):
        candidates = []
        for rank, (total, ids) in enumerate(live):
            row = machine.row((source, ids))
            going_on = permitted(options, machine.words) if words < limit else []
            for id_ in [EOS_ID] * (words >= options.min_length) + going_on:
                if row[id_] > -math.inf:
                    candidates.append((-(total + row[id_]), rank, -row[id_], id_, ids))
        candidates.sort()
        live = []
        for negative, _, _, id_, ids in candidates[: options.beam]:
            if id_ == EOS_ID:
                finished.append(scored(machine, source, ids, length, options))
            else:
                live.append((-negative, (*ids, id_)))
    return ranked(finished, options)


def ranked(found: Sequence[Found | None] | Iterator[Found | None], options: BeamOptions) -> list[Found]:
    """The ``n_best``; of equals the shorter, then the one with lower ids."""
    kept = sorted((each for each in found if each), key=lambda each: (-each.score, len(each.ids), each.ids))
    return kept[: options.n_best]
