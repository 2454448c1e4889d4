"""The time that a training run takes, and what part of it went into evaluation and checkpoints."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

Clock = Callable[[], float]
"""Seconds that only go up."""


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

    def __init__(self, clock: Clock = time.perf_counter, *, before: float = 0.0, started: float | None = None) -> None:
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
