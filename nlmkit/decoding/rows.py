"""Batches of hypotheses that searches extend: the interface ``Rows``, and any state machine as one, ``MachineRows``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from nlmkit.decoding.machine import Machine, StateMachine

if TYPE_CHECKING:
    from numpy.typing import NDArray

REMEMBERED_BYTES: Final = 64 * 2**20
"""Size of the distributions that ``MachineRows`` remembers by state."""


class Rows(Protocol):
    """A batch of hypotheses, each with the words it has read so far. Immutable; values of a row depend on it alone."""

    def log_probs(self) -> NDArray[Any]:
        """Natural log-probability of each vocabulary id as the next event: float32 or float64 [rows, V].

        −inf at ``<s>``. The caller does not change the array.
        """
        ...

    def attention(self) -> NDArray[Any] | None:
        """Weights of the positions of the source for the next event: [rows, S], zero at padding.

        None if the model does not look at positions.
        """
        ...

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> Rows:
        """Hypotheses of which number i continues row ``rows[i]`` with the word ``ids[i]``: int64 [m] each."""
        ...


class SearchableMachine(StateMachine, Protocol):
    """A language model whose texts can be searched, many at a time."""

    def check_fitted(self) -> None:
        """Raise ``NotFittedError`` unless the model is fitted."""
        ...

    def rows(self, count: int) -> Rows:
        """Beginnings of that many texts."""
        ...


class MachineRows:
    """Hypotheses of a state machine, one state each.

    Distributions are remembered by state, also in the rows made by ``take``: models whose states are equal when
    their futures are, such as n-gram models, calculate the same one once.

    Args:
        machine: Fitted language model, or another state machine.
        states: State of each hypothesis, such as ``machine.start()``.
    """

    def __init__(self, machine: Machine, states: Sequence[Any], *, _memory: _Memory | None = None) -> None:
        self._machine = machine
        self._states = tuple(states)
        self._memory = _memory or _Memory(len(machine.vocabulary_))

    @property
    def states(self) -> tuple[Any, ...]:
        """State of each hypothesis."""
        return self._states

    def log_probs(self) -> NDArray[np.float64]:
        """Natural log-probabilities of the next event: float64 [rows, V]."""
        found = np.empty((len(self._states), len(self._machine.vocabulary_)))
        first: dict[Any, int] = {}
        for row, state in enumerate(self._states):
            if not _has_hash(state):
                found[row] = self._machine.next_log_probs(state)
                continue
            same = first.setdefault(state, row)
            found[row] = found[same] if same < row else self._memory.recall(self._machine, state)
        return found

    def attention(self) -> None:
        """None: a state says nothing of positions."""
        return

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> MachineRows:
        """Advance the states of ``rows`` by ``ids``."""
        known: dict[tuple[Any, int], Hashable] = {}
        states = []
        for row, word_id in zip(rows.tolist(), ids.tolist(), strict=True):
            step = self._states[row], word_id
            if not _has_hash(step):
                states.append(self._machine.advance(*step))
                continue
            if step not in known:
                known[step] = self._machine.advance(*step)
            states.append(known[step])
        return MachineRows(self._machine, states, _memory=self._memory)


def _has_hash(value: Any) -> bool:
    """Whether a value can be remembered by; states of a model that breaks its contract cannot."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


class _Memory:
    """Distributions by state: those used last."""

    def __init__(self, width: int) -> None:
        self._room = max(1, REMEMBERED_BYTES // (8 * width))
        self._known: OrderedDict[Any, NDArray[np.float64]] = OrderedDict()

    def recall(self, machine: Machine, state: Any) -> NDArray[np.float64]:
        found = self._known.get(state)
        if found is None:
            self._known[state] = found = machine.next_log_probs(state)
            if len(self._known) > self._room:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(state)
        return found
