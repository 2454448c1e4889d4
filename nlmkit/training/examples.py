"""Passes over examples, such as texts, sentences or pairs, in batches of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from nlmkit.training.batches import Indices
from nlmkit.training.task import Batch

D = TypeVar("D")


class Chosen(NamedTuple, Generic[D]):
    """Examples of one step.

    Attributes:
        data: All examples, as read in the epoch.
        numbers: Indices of those in the step: int64 [B].
    """

    data: D
    numbers: Indices


class ExampleEpoch(Generic[D]):
    """One pass over training examples, in batches.

    Args:
        number: Number of the epoch, from 0.
        data: All examples, as read in this epoch.
        batches: Indices of the examples of each step: int64 [B] each.
        sizes: Number of words, tokens or events of each example, to which time is proportional: int64 [examples].
        events: Number of terms of each example in the mean loss: int64 [examples]; None for one each.
    """

    def __init__(
        self, number: int, data: D, batches: Sequence[Indices], sizes: Indices, *, events: Indices | None = None
    ) -> None:
        self._number, self._data, self._batches = number, data, batches
        self._sizes, self._events = sizes, events

    def with_events(self, events: Indices) -> ExampleEpoch[D]:
        """Return the same pass with other numbers of terms in the mean loss: int64 [examples]."""
        return ExampleEpoch(self._number, self._data, self._batches, self._sizes, events=events)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Batch[Chosen[D]]:
        numbers = self._batches[index]
        size = int(self._sizes[numbers].sum())
        events = len(numbers) if self._events is None else int(self._events[numbers].sum())
        # An example without words takes time, too.
        return Batch(Chosen(self._data, numbers), events, size, max(1, size))

    def passed(self, index: int) -> float:
        """Return the number of passes over the examples before a batch, a fraction."""
        return (self._number * len(self) + index) / len(self)
