"""One long stream in pieces that are read side by side, with the state that reading it in one column would give.

A recurrent network reads a stream step by step, and a step of a single column is bound by memory: it reads all
recurrent weights. But trained networks forget: the state after some hundreds of words hardly depends on where reading
began. So the stream is cut into pieces, which are read as the columns of a batch:

1. All pieces are read from the zero state. The first one is right, and of the others at most what is after their
   first steps.
2. Each further piece is read again from the state at the end of the one before, but only until its states equal those
   of the first reading, within ``TOLERANCE``: from there on nothing would change.
3. If a piece does not get there, its end has changed, and the next one is read again in the same way. If this happens
   several times in a row, the network does not forget, and the rest is read in one column.

Nothing is assumed of the network: the states of both readings are compared. Differences within the tolerance have the
size of those between batches of different sizes, and go on fading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

State = tuple[Tensor, ...]

Read = Callable[[NDArray[np.int64], State], tuple[Tensor, State]]
"""Function from ids [T, B] and the state before them to features [T, B, d] and the state after them."""

Write = Callable[[NDArray[np.int64], Tensor], None]
"""Receives features [n, d] of n ≥ 1 events and their positions, int64 [n]; later calls replace earlier."""

MOST_COLUMNS: Final = 64
"""Maximum number of pieces: with more, steps are bound by arithmetic, and pieces are shorter."""

SHORTEST_PIECE: Final = 1024
"""Minimum events of a piece: shorter ones would be read twice from one end to the other."""

LONGEST_CALL: Final = 1024
"""Maximum time steps of one call for a single column."""

ROWS: Final = 64
"""Time steps between two comparisons of states."""

UNSURE: Final = 4
"""Comparisons before whose last one no piece is expected to have the right state: its features are not written."""

TOLERANCE: Final = 1e-6
"""Maximum difference of the values of two states that count as equal."""

_ROUNDS: Final = 3


class _Pieces(NamedTuple):
    """Pieces of a stream as columns; the last may be shorter, and is filled up.

    Attributes:
        inputs: int64 [rows, columns], with rows a multiple of ``ROWS``.
        places: Position of each event in the stream, −1 after its end: int64 [rows, columns].
    """

    inputs: NDArray[np.int64]
    places: NDArray[np.int64]


def read_in_parallel(inputs: NDArray[np.int64], initial: Callable[[int], State], read: Read, write: Write) -> None:
    """Read a stream, and write the features of all its events.

    Args:
        inputs: Inputs of the events: int64 [events].
        initial: Returns the state at the beginning of a stream for a number of columns.
        read: Reads some steps of some columns.
        write: Receives the features.
    """
    columns = min(MOST_COLUMNS, len(inputs) // SHORTEST_PIECE)
    if columns < 2:
        _read_on(inputs, 0, initial(1), read, write)
        return
    pieces = _cut(inputs, columns)
    reading = _Reading(pieces, read, write)
    everything = np.arange(pieces.inputs.shape[1])
    reading.go(everything, initial(len(everything)), until_equal=False)
    changed = everything[1:]
    for _ in range(_ROUNDS):
        ends = reading.ends(changed - 1)
        changed = reading.go(changed, ends, until_equal=True) + 1
        changed = changed[changed < len(everything)]
        if not len(changed):
            return
    first = int(changed[0])
    begin = first * len(pieces.inputs)
    _read_on(inputs[begin:], begin, reading.ends(np.array([first - 1])), read, write)


def _cut(inputs: NDArray[np.int64], columns: int) -> _Pieces:
    """Cut a stream into about so many pieces."""
    rows = -(-len(inputs) // (columns * ROWS)) * ROWS
    columns = -(-len(inputs) // rows)
    padded = np.full(rows * columns, inputs[-1])
    padded[: len(inputs)] = inputs
    places = np.arange(rows * columns)
    places[len(inputs) :] = -1
    return _Pieces(padded.reshape(columns, rows).T.copy(), places.reshape(columns, rows).T.copy())


class _Reading:
    """States of the latest reading of each piece at every comparison."""

    def __init__(self, pieces: _Pieces, read: Read, write: Write) -> None:
        self._pieces, self._read, self._write = pieces, read, write
        self._states: list[State] = []

    def go(self, columns: NDArray[np.int64], state: State, *, until_equal: bool) -> NDArray[np.int64]:
        """Read pieces from their start.

        Args:
            columns: Numbers of the pieces: int64 [n].
            state: State before the first word of each.
            until_equal: Whether to stop where a piece has the state of the reading before.

        Returns:
            The pieces that did not get there.
        """
        for number, begin in enumerate(range(0, len(self._pieces.inputs), ROWS)):
            window = slice(begin, begin + ROWS)
            features, state = self._read(self._pieces.inputs[window, columns], state)
            places = self._pieces.places[window, columns]
            real = places >= 0
            if number < UNSURE and not until_equal:
                real[:, 1:] = False
            if real.any():
                self._write(places[real], features[torch.from_numpy(real).to(features.device)])
            if not until_equal:
                self._states.append(tuple(part.clone() for part in state))
                continue
            index = torch.from_numpy(columns).to(features.device)
            before = self._states[number]
            equal = _equal(state, tuple(part.index_select(1, index) for part in before))
            for old, new in zip(before, state, strict=True):
                old[:, index] = new
            if number + 1 >= UNSURE and equal.any():
                left = (~equal).nonzero()[:, 0]
                columns = columns[left.cpu().numpy()]
                state = tuple(part.index_select(1, left) for part in state)
                if not len(columns):
                    break
        return columns

    def ends(self, columns: NDArray[np.int64]) -> State:
        """Return the states at the ends of pieces."""
        return tuple(part[:, torch.from_numpy(columns).to(part.device)] for part in self._states[-1])


def _equal(one: State, other: State) -> Tensor:
    """Return in which columns two states are equal, within the tolerance: bool [B]."""
    found = [
        ((first - second).abs() <= TOLERANCE).transpose(0, 1).flatten(1).all(dim=1)
        for first, second in zip(one, other, strict=True)
    ]
    return torch.stack(found).all(dim=0)


def _read_on(inputs: NDArray[np.int64], begin: int, state: State, read: Read, write: Write) -> None:
    """Read the rest of a stream in one column."""
    for start in range(0, len(inputs), LONGEST_CALL):
        part = inputs[start : start + LONGEST_CALL]
        features, state = read(part[:, None], state)
        write(np.arange(begin + start, begin + start + len(part)), features[:, 0])
