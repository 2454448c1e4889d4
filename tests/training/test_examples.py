"""Passes over examples in batches."""

from __future__ import annotations

import numpy as np

from nlmkit.training.examples import Chosen, ExampleEpoch

SIZES = np.array([3, 0, 5, 2])
BATCHES = [np.array([2, 0]), np.array([1]), np.array([3])]


def test_an_example_is_one_event_unless_it_says_otherwise() -> None:
    epoch = ExampleEpoch(2, "data", BATCHES, SIZES)
    assert len(epoch) == 3
    first, empty, last = (epoch[index] for index in range(3))
    assert isinstance(first.data, Chosen)
    assert first.data.data == "data"
    assert first.data.numbers.tolist() == [2, 0]
    assert (first.events, first.items, first.work) == (2, 8, 8)
    assert (empty.events, empty.items, empty.work) == (1, 0, 1)  # takes time, too
    assert (last.events, last.items) == (1, 2)


def test_events_of_their_own() -> None:
    epoch = ExampleEpoch(0, "data", BATCHES, SIZES, events=np.array([4, 1, 6, 3]))
    assert [epoch[index].events for index in range(3)] == [10, 1, 3]


def test_passes_are_counted_from_the_first_epoch() -> None:
    epoch = ExampleEpoch(2, "data", BATCHES, SIZES)
    assert [epoch.passed(index) for index in range(3)] == [2.0, (2 * 3 + 1) / 3, (2 * 3 + 2) / 3]
