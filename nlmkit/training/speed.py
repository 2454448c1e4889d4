"""Speed of steps: of the first ones, of the last windows of steps, and the number of steps that fit into a time.

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
"""Factor of the usual time of a step from which the machine counts as nearly stopped."""

_SKIPPED, _FEWEST = 3, 5
_MEASURED_SHARE, _MEASURED_SECONDS, _MEASURED_MOST = 0.02, 20.0, 0.1
_WINDOWS, _FEWEST_RECENT = 9, 3
_DOUBLINGS = 10


class SpeedTest:
    """Timer of the first steps of a run, except the first one, which allocates memory.

    The median step counts, so that a few slow steps do not affect the plan. The test ends early
    if it takes a tenth of the budget, with fewer steps.

    Args:
        budget: Budget of the whole run in seconds.
    """

    def __init__(self, budget: float) -> None:
        self._wanted, self._most = min(_MEASURED_SHARE * budget, _MEASURED_SECONDS), _MEASURED_MOST * budget
        self._skipped: list[float] = []
        self._timed = self._seconds = self._work = 0.0
        self._paces: list[float] = []

    def add(self, seconds: float, amount: float) -> None:
        """Record the time of a step and its amount of work."""
        self._seconds += seconds
        self._work += amount
        if len(self._skipped) < _SKIPPED:
            self._skipped.append(seconds / amount)
            return
        self._paces.append(seconds / amount)
        self._timed += seconds

    @property
    def done(self) -> bool:
        """Return whether enough steps have been timed."""
        enough = len(self._paces) >= _FEWEST and self._timed >= self._wanted
        return enough or (self._seconds >= self._most and bool(self._skipped))

    @property
    def lost(self) -> float:
        """Return the seconds lost to pauses of the machine, beyond the time of all steps at the median pace."""
        if not self._skipped:
            return 0.0
        usual = self._work * self.pace
        return self._seconds - usual if self._seconds > STANDSTILL * usual else 0.0

    @property
    def pace(self) -> float:
        """Return the seconds per amount of work of the median step."""
        return statistics.median_low(self._paces) if self._paces else min(self._skipped)


def steps_that_fit(
    seconds: float,
    *,
    taken: int,
    step_seconds: float,
    evaluation_seconds: float,
    evaluations: Callable[[int], int],
    cost: Callable[[int], float] | None = None,
) -> int:
    """Return the total number of steps that fit into a run.

    Args:
        seconds: Seconds left for steps and evaluations.
        taken: Number of steps already taken; the result is at least one more.
        step_seconds: Seconds per step.
        evaluation_seconds: Seconds per evaluation.
        evaluations: Function from a total number of steps to the number of remaining evaluations.
        cost: Function from a total number of steps to the mean time of the remaining ones, relative to
            ``step_seconds``; None if it is 1.
    """

    def fits(more: int) -> bool:
        relative = 1.0 if cost is None else cost(taken + more)
        return more * step_seconds * relative + evaluations(taken + more) * evaluation_seconds <= seconds

    low, high = 1, max(1, math.floor(seconds / max(step_seconds, 1e-9)))
    for _ in range(_DOUBLINGS if cost is not None else 0):
        if not fits(high):
            break
        low, high = high, 2 * high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return taken + low


class Pace:
    """Median seconds per amount of work over the last windows of steps."""

    def __init__(self) -> None:
        self.windows: deque[tuple[float, float]] = deque(maxlen=_WINDOWS)
        self.amount = 0.0
        self.steps = 0
        self._since, self._carried = 0.0, 0.0

    def begin(self, stepping: float) -> None:
        """Start to count steps, given the seconds spent on steps so far."""
        self._since = stepping

    def add(self, amount: float) -> None:
        """Record a step with this amount of work."""
        self.amount += amount
        self.steps += 1

    def open(self, stepping: float) -> float:
        """Return the seconds of the current, incomplete window."""
        return self._carried + stepping - self._since

    def close(self, stepping: float) -> None:
        """Close the current window."""
        self.windows.append((self.amount, self.open(stepping)))
        self.amount, self.steps, self._carried, self._since = 0.0, 0, 0.0, stepping

    def scale(self, factor: float) -> None:
        """Multiply the time of the windows by a factor."""
        self.windows = deque(((amount, seconds * factor) for amount, seconds in self.windows), maxlen=_WINDOWS)

    @property
    def median(self) -> float | None:
        """Return the median seconds per amount of work; None before the first window."""
        return statistics.median(seconds / amount for amount, seconds in self.windows) if self.windows else None

    def recent(self, seconds: float) -> float | None:
        """Return the median over the last windows that took at most ``seconds`` together, but at least three."""
        found: list[float] = []
        for amount, taken in reversed(self.windows):
            seconds -= taken
            if seconds < 0 and len(found) >= _FEWEST_RECENT:
                break
            found.append(taken / amount)
        return statistics.median(found) if found else None

    @property
    def last(self) -> float | None:
        """Return the same for the last window."""
        return self.windows[-1][1] / self.windows[-1][0] if self.windows else None

    def to_json(self, stepping: float) -> dict[str, Any]:
        """Return the windows as JSON types."""
        return {
            "windows": [list(window) for window in self.windows],
            "open": [self.amount, self.steps, self.open(stepping)],
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """Restore the result of `to_json`; raises a ValueError, KeyError or TypeError if it is invalid."""
        windows = [(as_amount(amount), as_amount(seconds)) for amount, seconds in value["windows"]]
        if len(windows) > _WINDOWS or not all(amount > 0 for amount, _ in windows):
            raise ValueError("a window without work, or too many of them")
        amount, steps, seconds = value["open"]
        self.amount, self.steps, self._carried = as_amount(amount), steps, as_amount(seconds)
        if type(steps) is not int or not 0 <= steps < 2**53 or bool(steps) != (self.amount > 0):
            raise ValueError(f"a window has {steps!r} steps and the work {amount!r}")
        self.windows.extend(windows)


def as_amount(value: object) -> float:
    """Return a number from a checkpoint as an amount of time or work; raises a ValueError if it is invalid."""
    # Amounts beyond are not those of a run, and could overflow in products.
    if type(value) not in (int, float) or not 0 <= value < 1e15:  # type: ignore[operator]
        raise ValueError(f"the pace holds {value!r}")
    return float(value)  # type: ignore[arg-type]
