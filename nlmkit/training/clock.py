"""The time that a training run takes, and what part of it went into evaluation and checkpoints."""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator
from typing import Final

Clock = Callable[[], float]
"""Seconds that only go up."""

_in_force: Final[contextvars.ContextVar[Clock]] = contextvars.ContextVar("nlmkit-clock", default=time.perf_counter)


def seconds() -> float:
    """What the clock in force shows: that of the machine, unless :func:`clock_of` has put another in its place."""
    return _in_force.get()()


@contextlib.contextmanager
def clock_of(clock: Clock) -> Iterator[None]:
    """Let training in the body go by another clock."""
    mark = _in_force.set(clock)
    try:
        yield
    finally:
        _in_force.reset(mark)


class Stopwatch:
    """Seconds of training, those before an interruption included.

    Args:
        clock: Seconds that only go up.
        before: Seconds that an interrupted run had taken.
        started: When this run began on that clock; now if not given.

    Attributes:
        evaluating: Seconds of this session that were evaluation.
        saving: Seconds of this session in which checkpoints were written.
        last_saving: Seconds that the last checkpoint took.
    """

    def __init__(self, clock: Clock = seconds, *, before: float = 0.0, started: float | None = None) -> None:
        self._clock = clock
        self._zero = (clock() if started is None else started) - before
        self.evaluating = self.saving = self.last_saving = 0.0

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._clock() - self._zero

    @property
    def stepping(self) -> float:
        """Seconds so far that were neither evaluation nor checkpoints of this session."""
        return self.seconds - self.evaluating - self.saving

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """The body is evaluation."""
        begins = self.seconds
        try:
            yield
        finally:
            self.evaluating += self.seconds - begins

    @contextlib.contextmanager
    def checkpoint(self) -> Iterator[None]:
        """The body writes a checkpoint."""
        begins = self.seconds
        try:
            yield
        finally:
            self.last_saving = self.seconds - begins
            self.saving += self.last_saving
