"""Time of a training run, and its parts spent on evaluation and checkpoints."""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator
from typing import Final

Clock = Callable[[], float]
"""Monotonic clock, in seconds."""

_in_force: Final[contextvars.ContextVar[Clock]] = contextvars.ContextVar("nlmkit-clock", default=time.perf_counter)


def seconds() -> float:
    """Return the time of the current clock: that of the machine, unless replaced by ``clock_of``."""
    return _in_force.get()()


@contextlib.contextmanager
def clock_of(clock: Clock) -> Iterator[None]:
    """Use another clock for training within the ``with`` block."""
    mark = _in_force.set(clock)
    try:
        yield
    finally:
        _in_force.reset(mark)


class Stopwatch:
    """Seconds of training, including those before an interruption.

    Args:
        clock: Monotonic clock, in seconds.
        before: Seconds of training before the interruption.
        started: Start of this run on that clock; by default now.

    Attributes:
        evaluating: Seconds of evaluation in this session.
        saving: Seconds of writing checkpoints in this session.
        last_saving: Seconds of writing the last checkpoint.
    """

    def __init__(self, clock: Clock = seconds, *, before: float = 0.0, started: float | None = None) -> None:
        self._clock = clock
        self._zero = (clock() if started is None else started) - before
        self.evaluating = self.saving = self.last_saving = 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds so far."""
        return self._clock() - self._zero

    @property
    def stepping(self) -> float:
        """Return the seconds so far, without evaluation and checkpoints of this session."""
        return self.seconds - self.evaluating - self.saving

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Count the time of the ``with`` block as evaluation."""
        begins = self.seconds
        try:
            yield
        finally:
            self.evaluating += self.seconds - begins

    @contextlib.contextmanager
    def checkpoint(self) -> Iterator[None]:
        """Count the time of the ``with`` block as writing a checkpoint."""
        begins = self.seconds
        try:
            yield
        finally:
            self.last_saving = self.seconds - begins
            self.saving += self.last_saving
