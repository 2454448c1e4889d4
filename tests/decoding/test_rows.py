"""State machines as batches of hypotheses."""

from __future__ import annotations

import numpy as np
import pytest
from toys.decoding import DrawnMachine
from toys.language_models import Bigram

from nlmkit.decoding import rows as module
from nlmkit.decoding.rows import MachineRows


def test_rows_are_states_of_the_machine() -> None:
    machine = DrawnMachine(2)
    rows = MachineRows(machine, [machine.start(0), machine.start(1)])
    taken = rows.take(np.array([1, 0, 1]), np.array([4, 5, 3]))
    assert taken.states == ((1, (4,)), (0, (5,)), (1, (3,)))
    assert rows.states == ((0, ()), (1, ()))
    assert taken.attention() is None
    np.testing.assert_array_equal(taken.log_probs(), [machine.row(state) for state in taken.states])


def test_distributions_of_equal_states_are_calculated_once() -> None:
    machine = DrawnMachine(2)
    start = machine.start(0)
    rows = MachineRows(machine, [start, machine.start(1), start])
    rows.log_probs()
    assert machine.calls == 2
    taken = rows.take(np.array([0, 2]), np.array([4, 4]))
    first = taken.log_probs()
    assert machine.calls == 3
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(rows.take(np.array([0]), np.array([4])).log_probs()[0], first[0])
    assert machine.calls == 3


def test_what_is_remembered_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = DrawnMachine(2)
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 2 * 8 * len(machine.vocabulary_))
    states = [machine.start(source) for source in range(3)]
    rows = MachineRows(machine, states)
    expected = [machine.row(state) for state in states]
    for calls in (3, 6):  # the first is forgotten when the third comes, and so on
        np.testing.assert_array_equal(rows.log_probs(), expected)
        assert machine.calls == calls
    MachineRows(machine, states[2:]).log_probs()
    assert machine.calls == 7


def test_no_rows() -> None:
    machine = DrawnMachine(2)
    rows = MachineRows(machine, [])
    assert rows.log_probs().shape == (0, 6)
    assert rows.take(np.zeros(0, np.int64), np.zeros(0, np.int64)).states == ()


def test_a_language_model_is_a_machine() -> None:
    model = Bigram().fit(["a b", "b a"])
    rows = MachineRows(model, [model.start()]).take(np.array([0]), np.array([model.vocabulary_.id("b")]))
    np.testing.assert_array_equal(rows.log_probs()[0], model.next_log_probs(model.vocabulary_.id("b")))
