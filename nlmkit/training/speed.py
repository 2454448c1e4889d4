"""How fast steps are: the speed of the first ones, that of the last windows of them, and how many fit into a time.

Speed is time per amount of work, not per step, since steps differ in length. This module imports neither torch nor
NumPy.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

STANDSTILL: Final = 5.0
"""How many times as long as usual steps take where the machine stands nearly still."""

_SKIPPED, _FEWEST = 3, 5
_MEASURED_SHARE, _MEASURED_SECONDS, _MEASURED_MOST = 0.02, 20.0, 0.1
_WINDOWS = 9


class SpeedTest:
    """Times a run's first steps, but for the very first, in which memory is claimed.

    The median step counts: what the machine does beside a few of them leaves the plan as it is. The test ends early
    where it takes a tenth of the budget: then fewer steps have to do.

    Args:
        budget: Seconds of the whole run.
    """

    def __init__(self, budget: float) -> None:
        self._wanted, self._most = min(_MEASURED_SHARE * budget, _MEASURED_SECONDS), _MEASURED_MOST * budget
        self._skipped: list[float] = []
        self._timed = self._seconds = self._work = 0.0
        self._paces: list[float] = []

    def add(self, seconds: float, amount: float) -> None:
        """A step with so much work took so long."""
        self._seconds += seconds
        self._work += amount
        if len(self._skipped) < _SKIPPED:
            self._skipped.append(seconds / amount)
            return
        self._paces.append(seconds / amount)
        self._timed += seconds

    @property
    def done(self) -> bool:
        """Whether enough steps have been timed."""
        enough = len(self._paces) >= _FEWEST and self._timed >= self._wanted
        return enough or (self._seconds >= self._most and bool(self._skipped))

    @property
    def lost(self) -> float:
        """Seconds in which the machine stood nearly still: beyond those that all steps take at the median pace."""
        if not self._skipped:
            return 0.0
        usual = self._work * self.pace
        return self._seconds - usual if self._seconds > STANDSTILL * usual else 0.0

    @property
    def pace(self) -> float:
        """Seconds per amount of work in the median step."""
        return statistics.median_low(self._paces) if self._paces else min(self._skipped)


def steps_that_fit(
    seconds: float, *, taken: int, step_seconds: float, evaluation_seconds: float, evaluations: Callable[[int], int]
) -> int:
    """How many steps a run may have in all.

    Args:
        seconds: What is left for steps and evaluations.
        taken: Steps taken already; the result is larger by one at least.
        step_seconds: What a step takes.
        evaluation_seconds: What an evaluation takes.
        evaluations: How many evaluations are still to come in a run of so many steps in all.
    """

    def fits(more: int) -> bool:
        return more * step_seconds + evaluations(taken + more) * evaluation_seconds <= seconds

    low, high = 1, max(1, math.floor(seconds / max(step_seconds, 1e-9)))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return taken + low


class Pace:
    """Seconds per amount of work, as the median of the last windows of steps."""

    def __init__(self) -> None:
        self.windows: deque[tuple[float, float]] = deque(maxlen=_WINDOWS)
        self.amount = 0.0
        self.steps = 0
        self._since, self._carried = 0.0, 0.0

    def begin(self, stepping: float) -> None:
        """Steps are taken from now on; ``stepping`` are seconds of steps so far."""
        self._since = stepping

    def add(self, amount: float) -> None:
        """A step with so much work was taken."""
        self.amount += amount
        self.steps += 1

    def open(self, stepping: float) -> float:
        """Seconds of the window that is not full."""
        return self._carried + stepping - self._since

    def close(self, stepping: float) -> None:
        """The window is full."""
        self.windows.append((self.amount, self.open(stepping)))
        self.amount, self.steps, self._carried, self._since = 0.0, 0, 0.0, stepping

    def scale(self, factor: float) -> None:
        """Let the windows have taken so many times as long."""
        self.windows = deque(((amount, seconds * factor) for amount, seconds in self.windows), maxlen=_WINDOWS)

    @property
    def median(self) -> float | None:
        """Seconds per amount of work; None before the first window."""
        return statistics.median(seconds / amount for amount, seconds in self.windows) if self.windows else None

    @property
    def last(self) -> float | None:
        """The same of the last window."""
        return self.windows[-1][1] / self.windows[-1][0] if self.windows else None

    def to_json(self, stepping: float) -> dict[str, Any]:
        """The windows as JSON types."""
        return {
            "windows": [list(window) for window in self.windows],
            "open": [self.amount, self.steps, self.open(stepping)],
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave; a ValueError, KeyError or TypeError if it makes no sense."""
        windows = [(as_amount(amount), as_amount(seconds)) for amount, seconds in value["windows"]]
        if len(windows) > _WINDOWS or not all(amount > 0 for amount, _ in windows):
            raise ValueError("a window without work, or too many of them")
        amount, steps, seconds = value["open"]
        self.amount, self.steps, self._carried = as_amount(amount), steps, as_amount(seconds)
        if type(steps) is not int or not 0 <= steps < 2**53 or bool(steps) != (self.amount > 0):
            raise ValueError(f"a window has {steps!r} steps and the work {amount!r}")
        self.windows.extend(windows)


def as_amount(value: object) -> float:
    """A number of a checkpoint as an amount of time or work; a ValueError where it is none."""
    # Amounts beyond are not those of a run, and could overflow in products.
    if type(value) not in (int, float) or not 0 <= value < 1e15:  # type: ignore[operator]
        raise ValueError(f"the pace holds {value!r}")
    return float(value)  # type: ignore[arg-type]
