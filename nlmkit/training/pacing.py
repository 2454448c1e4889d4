"""Training by the clock: measure the speed, plan a number of steps, and plan anew where the machine does otherwise.

The first steps of a run with a budget are timed, and count as training. From their speed and that of validation follows
how many steps fit. From then on everything is a function of the step and the plan, as in a run with a given number of
epochs. At fixed steps the run is looked at: the speed of the last windows of steps (the median, so that a pause is
forgiven, and a machine that stays slower or faster is followed) says when it would end. Where that is too early or too
late, the number of steps is changed, and the schedule goes through its rest in the steps that are left, so that the
rate is annealed at the end.

Speed is time per amount of work (rows of columns, words, records), not per step, since steps differ in length. A change
is saved in the checkpoint when it is made, with the windows that it came from: a run that is interrupted and resumed
does the same steps.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from nlmkit.training.plan import Plan

NEAR: Final = 0.05
"""Share of the budget by which a run may miss its end without a note."""

EVALUATION_SHARE: Final = 0.25
"""Largest share of the budget for evaluations, without the one at the end."""

LOOKS: Final = 40
"""How often a run is looked at, at least; for long runs it is every `LONGEST_STRIDE` steps."""

LONGEST_STRIDE: Final = 25

_AIM = 0.985
_TOLERANCE, _TOLERANCE_OF_REST = 0.02, 0.04
_SKIPPED, _FEWEST = 3, 5
_MEASURED_SHARE, _MEASURED_SECONDS, _MEASURED_MOST = 0.02, 20.0, 0.1
_EVALUATION_MEASURED, _STEPS_AT_LEAST = 0.02, 0.1
_WINDOW_SHARE, _WINDOW_STEPS = 0.01, 0.05
_WINDOWS, _FEWEST_WINDOWS, _SPACING = 9, 3, 2
_CHANGED = 0.1
_PAUSE, _STANDSTILL = 0.1, 5.0
_FASTER, _NOTHING_LEFT = 0.5, 0.9


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
        return self._seconds - usual if self._seconds > _STANDSTILL * usual else 0.0

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
        windows = [(_amount(amount), _amount(seconds)) for amount, seconds in value["windows"]]
        if len(windows) > _WINDOWS or not all(amount > 0 for amount, _ in windows):
            raise ValueError("a window without work, or too many of them")
        amount, steps, seconds = value["open"]
        self.amount, self.steps, self._carried = _amount(amount), steps, _amount(seconds)
        if type(steps) is not int or not 0 <= steps < 2**53 or bool(steps) != (self.amount > 0):
            raise ValueError(f"a window has {steps!r} steps and the work {amount!r}")
        self.windows.extend(windows)


class Pacer:
    """How many steps a run takes and when it is evaluated: given by its epochs, or found from its budget.

    Several processes agree as long as all of them receive the same numbers.

    Args:
        plan: Steps of the run; None where a budget decides.
        budget: Seconds of the run, where one is given.
        windows: Steps of an epoch, about so many where they differ.
        amount: Work of a step, in the mean, in the unit of :meth:`worked`.
        is_evaluated: Whether there is a validation text.
        fewest: Steps that a run has at least, whatever the budget is.
        closing: What comes after the last evaluation, in which the weights are judged, as a share of an evaluation.
        unit: What notes call the steps.
        checkpoint_seconds: Time between two checkpoints; None where none are written.

    Attributes:
        plan: As it now stands; None while the speed is being measured.
        speed: The measurement of the speed.
        evaluation_seconds: What the last evaluation took, 0 before the first.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        budget: float | None,
        windows: int,
        amount: float = 1.0,
        is_evaluated: bool,
        fewest: int = 1,
        closing: float = 0.0,
        unit: str = "steps",
        checkpoint_seconds: float | None = None,
    ) -> None:
        self.plan = plan
        self.speed = SpeedTest(budget or 0.0)
        self.evaluation_seconds = 0.0
        self._budget, self._windows, self._amount, self._fewest = budget, windows, amount, fewest
        self._closing, self._unit = closing, unit
        self._is_evaluated, self._checkpoint_seconds = is_evaluated, checkpoint_seconds
        self._pace = Pace()
        self._measured: float | None = None
        self._evaluation_work, self._evaluated_faster = 0.0, 1.0
        self._since_change = _SPACING
        self._saving_seconds = self._prepared = self._lost = 0.0

    # ---------------------------------------------------------------------------------------------- the plan

    @property
    def most_for_measuring_evaluation(self) -> float:
        """Seconds after which measuring how long an evaluation takes ends: it must not take what it is to save."""
        return _EVALUATION_MEASURED * (self._budget or 0.0)

    @property
    def schedule_steps(self) -> int | None:
        """Length of the learning rate's schedule; None while it is not known."""
        return None if self.plan is None else self.plan.schedule_steps

    def place(self, step: int) -> float:
        """Where a step is in the schedule; at its beginning while its length is not known."""
        return 0.0 if self.plan is None else self.plan.place(step)

    def is_over(self, step: int) -> bool:
        """Whether all planned steps have been taken."""
        return self.plan is not None and step >= self.plan.steps

    def is_past_half(self, step: int) -> bool:
        """Whether half of the planned steps have been taken."""
        return self.plan is not None and step >= self.plan.steps // 2

    def evaluates_at(self, epoch: int, window: int, windows: int) -> bool:
        """Whether a run is evaluated between two steps; never while its speed is being measured.

        Args:
            epoch: Epochs finished.
            window: Steps taken of the next one.
            windows: Steps that it has.
        """
        return self.plan is not None and self.plan.evaluates_at(epoch, window, windows, usual=self._windows)

    # --------------------------------------------------------------------------------------------- the clock

    def begin(self, *, seconds: float, stepping: float) -> None:
        """Steps are taken from now on: seconds so far, and those of them that were steps."""
        if self.plan is None and not self._pace.steps:
            self._prepared = seconds
        self._pace.begin(stepping)

    def worked(self, amount: float) -> None:
        """A step with so much work was taken."""
        self._pace.add(amount)

    def evaluated(self, seconds: float) -> None:
        """An evaluation took so long; a machine that becomes slower is taken to evaluate more slowly, too."""
        self.evaluation_seconds = seconds
        usual = self._pace.median
        self._evaluated_faster = seconds / (self._evaluation_work * usual) if usual and self._evaluation_work else 1.0
        pace = self._pace.last or self._measured
        self._evaluation_work = seconds / pace if pace else 0.0

    def freeze(self, *, seconds: float, stepping: float, step: int, pace: float, evaluation_seconds: float) -> None:
        """Plan a number of steps, once the speed is known.

        Args:
            seconds: Seconds so far.
            stepping: Those of them that were steps.
            step: Steps so far.
            pace: Seconds per amount of work.
            evaluation_seconds: What an evaluation takes.
        """
        assert self._budget is not None
        self._measured = pace
        self._lost += self.speed.lost
        self.evaluated(evaluation_seconds)
        self._pace = Pace()
        self._pace.begin(stepping)
        steps = self._fitting(Plan.of(step + 1), seconds, step, pace).steps
        if self._is_evaluated and seconds + self._evaluation_work * pace > _AIM * self._budget:
            # Too slow for even one evaluation; that may be so at the beginning only, which the next steps show.
            steps = max(steps, step + math.ceil(_STEPS_AT_LEAST * self._budget / max(pace * self._amount, 1e-9)))
        self.plan = self._with_evaluations(Plan.of(steps), pace)

    def looks_at(self, step: int) -> bool:
        """Whether the run is looked at after a step: a function of the plan, so alike in all processes."""
        if self._budget is None or self.plan is None:
            return False
        stride = max(1, min(LONGEST_STRIDE, self.plan.steps // LOOKS))
        return step % stride == 0 or step >= self.plan.steps

    def look(self, *, seconds: float, stepping: float, saving: float, step: int, is_evaluated: bool = False) -> bool:
        """Change the number of steps where the run would end too early or too late; whether it was changed.

        Args:
            seconds: Seconds so far.
            stepping: Those of them that were neither evaluation nor checkpoints.
            saving: What a checkpoint takes.
            step: Steps so far.
            is_evaluated: Whether the last evaluation is over. It may have taken less than was left for it; then the
                run goes on to another one, if the steps to it are worth it.
        """
        if self._budget is None or self.plan is None:
            return False
        self._saving_seconds = saving
        is_over = step >= self.plan.steps
        fewest = 1 if is_over else _FEWEST_WINDOWS
        if not self._window_is_full(stepping, is_over=is_over) or len(self._pace.windows) < fewest:
            return False
        if is_evaluated and self._evaluated_faster < _FASTER:
            # Windows of steps were slow, and the evaluation after them was not: the machine is as fast as that was.
            self._pace.scale(self._evaluated_faster)
            self.evaluated(self.evaluation_seconds)
        pace = self._pace.median
        assert pace is not None
        end = seconds + self._rest(step, pace)
        near = max(_TOLERANCE * self._budget, _TOLERANCE_OF_REST * (self._budget - seconds))
        is_late = end > _AIM * self._budget
        too_soon = is_late if is_over else self._since_change < _SPACING
        if too_soon or abs(end - _AIM * self._budget) <= near:
            return False
        before, changed = self.plan, self._fitting(self.plan, seconds, step, pace)
        if changed.steps == before.steps or (is_over and changed.steps == step + 1):
            return False
        if is_evaluated and (changed.steps - step) * self._amount * pace < NEAR * self._budget:
            return False
        self.plan = self._with_evaluations(changed, pace)
        self._since_change = 0
        return True

    def _rest(self, step: int, pace: float) -> float:
        """Seconds that the rest of the plan takes."""
        assert self.plan is not None
        seconds = (self.plan.steps - step) * self._amount * pace
        if self._is_evaluated:
            evaluations = self.plan.evaluations_after(step, self._windows) + self._closing
            seconds += evaluations * self._evaluation_work * pace
        return seconds + self._saves(seconds)

    def _window_is_full(self, stepping: float, *, is_over: bool) -> bool:
        """Close the window of steps if it is long enough."""
        assert self.plan is not None
        assert self._budget is not None
        if not self._pace.steps:
            return is_over
        full = self._pace.open(stepping) >= _WINDOW_SHARE * self._budget
        if full or is_over or self._pace.steps >= _WINDOW_STEPS * self.plan.steps:
            usual = self._pace.median
            self._pace.close(stepping)
            amount, seconds = self._pace.windows[-1]
            if usual is not None and seconds > _STANDSTILL * amount * usual:
                self._lost += seconds - amount * usual
            self._since_change += 1
            return True
        return False

    def _fitting(self, plan: Plan, seconds: float, step: int, pace: float) -> Plan:
        """The plan with the steps that fit into what is left of the budget."""
        assert self._budget is not None
        left = _AIM * self._budget - seconds - self._closing * self._evaluation_work * pace
        steps = steps_that_fit(
            left - self._saves(left),
            taken=step,
            step_seconds=pace * self._amount,
            evaluation_seconds=self._evaluation_work * pace,
            evaluations=lambda steps: self._evaluations(step, steps, pace),
        )
        return plan.bent(step, max(steps, self._fewest) - step)

    def _evaluations(self, step: int, steps: int, pace: float) -> int:
        if not self._is_evaluated:
            return 0
        return self._with_evaluations(Plan.of(steps), pace).evaluations_after(step, self._windows)

    def _with_evaluations(self, plan: Plan, pace: float) -> Plan:
        assert self._budget is not None
        taking = self._evaluation_work * pace
        most = int(min(EVALUATION_SHARE * self._budget / taking, 1e9)) if taking > 0 else 10**9
        return plan.evaluated(self._windows, max(1, most))

    def _saves(self, seconds: float) -> float:
        """What the checkpoints of so many seconds take, the last one included."""
        if self._checkpoint_seconds is None:
            return 0.0
        return (max(0.0, seconds) / self._checkpoint_seconds + 1) * self._saving_seconds

    # ------------------------------------------------------------------------------------- notes, checkpoints

    def notes(self, *, seconds: float, finished: bool) -> list[str]:
        """What whoever gave a budget should know.

        Args:
            seconds: Of the whole run.
            finished: Whether the run took all of its planned steps.
        """
        if self._budget is None or self.plan is None:
            return []
        found = []
        steps, first = self.plan.steps, self.plan.first_steps
        if finished and abs(steps / first - 1) > _CHANGED:
            slower = "slower" if steps < first else "faster"
            found.append(
                f"the machine became {slower} than it was measured, so {steps} {self._unit} were taken where {first} "
                "were planned at first"
            )
        if finished and abs(seconds / self._budget - 1) > NEAR:
            found.append(f"{seconds / self._budget:.0%} of the budget was used: {self._reason(seconds)}")
        return found

    def _reason(self, seconds: float) -> str:
        """Why the budget was missed."""
        assert self._budget is not None
        if self._lost > _PAUSE * self._budget and seconds > self._budget:
            return f"the machine stood nearly still for about {self._lost:.0f} s"
        pace = self._pace.median or self._measured or 0.0
        shares = {
            "an evaluation": self.evaluation_seconds if self._is_evaluated else 0.0,
            "a step" if self._unit == "steps" else f"each of the {self._unit}": self._amount * pace,
            "a checkpoint": self._saving_seconds,
        }
        if self._fewest > 1:
            shares[f"an epoch of {self._fewest} {self._unit}, which a run has at least,"] = (
                self._fewest * self._amount * pace
            )
        name = max(shares, key=shares.__getitem__)
        if self._prepared > _NOTHING_LEFT * self._budget:
            name, shares = "what comes before the first step", {"what comes before the first step": self._prepared}
        if shares[name] > NEAR * self._budget:
            return f"{name} takes {shares[name] / self._budget:.0%} of it, so a larger budget would be met more closely"
        return f"the machine became {'slower' if seconds > self._budget else 'faster'} at the end"

    def to_json(self, stepping: float) -> dict[str, Any] | None:
        """What a resumed run needs beside the plan, as JSON types; None without a budget.

        Args:
            stepping: Seconds of steps so far.
        """
        if self._budget is None or self.plan is None:
            return None
        return {
            **self._pace.to_json(stepping),
            "measured": self._measured,
            "evaluation_seconds": self.evaluation_seconds,
            "evaluation_work": self._evaluation_work,
            "saving_seconds": self._saving_seconds,
            "since_change": self._since_change,
            "lost": self._lost,
        }

    def restore(self, value: object) -> None:
        """Take over what `to_json` gave, None included; a ValueError, KeyError or TypeError if it makes no sense."""
        if value is None or self._budget is None or self.plan is None:
            return
        if not isinstance(value, Mapping):
            raise TypeError(f"the pace is {value!r}")
        since = value["since_change"]
        if type(since) is not int or not 0 <= since < 2**53:
            raise ValueError(f"since_change is {since!r}")
        self._measured = None if value["measured"] is None else _amount(value["measured"])
        self.evaluation_seconds = _amount(value["evaluation_seconds"])
        self._evaluation_work = _amount(value["evaluation_work"])
        self._saving_seconds = _amount(value["saving_seconds"])
        self._since_change = since
        self._lost = _amount(value.get("lost", 0.0))
        self._pace.restore(value)


def _amount(value: object) -> float:
    # Amounts beyond are not those of a run, and could overflow in products.
    if type(value) not in (int, float) or not 0 <= value < 1e15:  # type: ignore[operator]
        raise ValueError(f"the pace holds {value!r}")
    return float(value)  # type: ignore[arg-type]
