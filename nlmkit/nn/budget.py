"""Training by the clock: measure the speed, fix a number of steps, and keep to it.

The first steps of a run with a budget are timed, and count as training. From their speed and that of validation follows
how many steps fit; that number is frozen, and from then on everything is a function of the step, as in a run with a
given number of epochs: the schedule ends annealed, and a run that is interrupted and resumed does the same steps.

Overrun policy, ``shorten``: the frozen steps are finished, unless the machine has become so slow that they would
take over 1.1 times the budget. Then the rest is shortened to what still fits, and the schedule goes through its rest
in that many steps, so that the rate is annealed at the end all the same. Where the machine recovers, so that a
shortened run would end before 0.9 times the budget, it gets back what fits, but never goes through its schedule more
slowly than was planned at first. Each of these changes is saved in the checkpoint when it is made.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

Clock = Callable[[], float]

OVERRUN: Final = 1.1
"""How many times the budget the projected end may be before the run is shortened."""

RECOVERED: Final = 0.9
"""How many times the budget the projected end of a shortened run may be before it gets steps back."""

EVALUATIONS: Final = 4
"""How often a run is evaluated at least; one of fewer epochs is evaluated within them."""

_AIM = 0.97
_SKIPPED = 3
_FEWEST = 5
_MEASURED_SHARE, _MEASURED_SECONDS = 0.02, 20.0
_JUDGED_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many steps a run takes, and where in its schedule each of them is.

    Attributes:
        steps: Steps of the run.
        schedule_steps: Length of the schedule in its own steps; equal to ``steps`` unless the run was shortened.
        bent_at: Step at which the number of steps was last changed, 0 if never.
        bent_from: Place in the schedule of that step.
    """

    steps: int
    schedule_steps: int
    bent_at: int = 0
    bent_from: float = 0.0

    @classmethod
    def of(cls, steps: int) -> Self:
        """A plan of so many steps."""
        return cls(steps, steps)

    @property
    def is_shortened(self) -> bool:
        """Whether the machine became too slow for the first plan."""
        return self.steps != self.schedule_steps

    def place(self, step: int) -> float:
        """Where a step is in the schedule, from 0 to ``schedule_steps`` − 1."""
        if not self.is_shortened:
            return float(step)
        left, own = self.schedule_steps - 1 - self.bent_from, self.steps - 1 - self.bent_at
        return self.bent_from + (step - self.bent_at) * left / own if own > 0 else self.schedule_steps - 1.0

    def bent(self, step: int, left: int) -> Plan:
        """The plan with ``left`` steps after ``step``, but one at least, and no more than the schedule has left."""
        place = self.place(step)
        left = max(1, min(left, math.ceil(self.schedule_steps - place)))
        if step + left == self.steps:
            return self
        return Plan(step + left, self.schedule_steps, bent_at=step, bent_from=place)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The plan that `to_json` gave; a ValueError if it makes no sense."""
        plan = cls(**value)
        whole = (plan.steps, plan.schedule_steps, plan.bent_at)
        if not all(isinstance(number, int) and not isinstance(number, bool) for number in whole):
            raise ValueError("a plan counts in whole steps")
        if not (0 <= plan.bent_at < plan.steps <= plan.schedule_steps and 0 <= plan.bent_from < plan.schedule_steps):
            raise ValueError("a plan's steps contradict each other")
        return plan


class Stopwatch:
    """Seconds of training, those before an interruption included.

    Args:
        clock: Seconds that only go up.
        before: Seconds that an interrupted run had taken.
        started: When this run began on that clock; now if not given.

    Attributes:
        evaluating: Seconds of this session that were evaluation.
        saving: Seconds of this session in which checkpoints were written.
    """

    def __init__(self, clock: Clock = time.perf_counter, *, before: float = 0.0, started: float | None = None) -> None:
        self._clock = clock
        self._zero = (clock() if started is None else started) - before
        self.evaluating = self.saving = 0.0

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
            self.saving += self.seconds - begins


class SpeedTest:
    """Times a run's first steps, but for the very first, in which memory is claimed.

    The median step counts: what the machine does beside a few of them leaves the plan as it is, and a machine that
    stays slower has the plan shortened later.

    Args:
        budget: Seconds of the whole run.
    """

    def __init__(self, budget: float) -> None:
        self._wanted = min(_MEASURED_SHARE * budget, _MEASURED_SECONDS)
        self._skipped = 0
        self._seconds = 0.0
        self._paces: list[float] = []

    def add(self, seconds: float, rows: int) -> None:
        """A step of so many rows took so long."""
        if self._skipped < _SKIPPED:
            self._skipped += 1
            return
        self._paces.append(seconds / rows)
        self._seconds += seconds

    @property
    def done(self) -> bool:
        """Whether enough steps have been timed."""
        return len(self._paces) >= _FEWEST and self._seconds >= self._wanted

    @property
    def seconds_a_row(self) -> float:
        """What a row of all columns takes in the median step."""
        return statistics.median(self._paces)


def steps_that_fit(
    seconds: float, *, taken: int, step_seconds: float, evaluation_seconds: float, evaluations: Callable[[int], int]
) -> int:
    """How many steps a run may have in all.

    Args:
        seconds: What is left of the budget. A little of it is kept back, since no machine runs evenly.
        taken: Steps taken already; the result is larger by one at least.
        step_seconds: What a step takes.
        evaluation_seconds: What an evaluation takes.
        evaluations: How many evaluations are still to come in a run of so many steps in all.
    """
    usable = seconds * _AIM

    def fits(more: int) -> bool:
        return more * step_seconds + evaluations(taken + more) * evaluation_seconds <= usable

    low, high = 1, max(1, math.floor(usable / max(step_seconds, 1e-9)))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return taken + low


class Overrun:
    """Watches the pace of a frozen plan's steps, checkpoints between them included.

    Args:
        budget: Seconds of the whole run.
    """

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self._first: int | None = None
        self._since: tuple[float, int] | None = None

    def judge(
        self,
        plan: Plan,
        *,
        seconds: float,
        stepping: float,
        step: int,
        evaluation_seconds: float,
        evaluations: Callable[[int], int],
    ) -> Plan:
        """The plan, shortened where it would take too long, or lengthened again where the machine recovered.

        The pace is the mean since the first steps: it follows a slower machine step by step, and forgives a pause.

        Args:
            plan: As it stands.
            seconds: Seconds so far.
            stepping: Those of them that were no evaluation.
            step: Steps so far.
            evaluation_seconds: What an evaluation takes.
            evaluations: How many evaluations are still to come in a run of so many steps in all.
        """
        if self._first is None:
            self._first = step
        if self._since is None and step >= self._first + _SKIPPED:
            self._since = (stepping, step)
        if self._since is None or step == self._since[1] or step >= plan.steps:
            return plan
        watched = stepping - self._since[0]
        if watched < _JUDGED_SHARE * self._budget:
            return plan
        pace = watched / (step - self._since[1])
        end = seconds + (plan.steps - step) * pace + evaluations(plan.steps) * evaluation_seconds
        if (RECOVERED * self._budget <= end or not plan.is_shortened) and end <= OVERRUN * self._budget:
            return plan
        steps = steps_that_fit(
            self._budget - seconds,
            taken=step,
            step_seconds=pace,
            evaluation_seconds=evaluation_seconds,
            evaluations=evaluations,
        )
        return plan.bent(step, steps - step)


class Pacer:
    """How many steps a run takes and when it is evaluated: given by its epochs, or found from its budget.

    Args:
        plan: Steps of the run; None where a budget decides.
        budget: Seconds of the run, where one is given.
        windows: Steps of an epoch, about so many where they differ.
        is_evaluated: Whether there is a validation text.

    Attributes:
        plan: As it now stands; None while the speed is being measured.
        evaluation_seconds: What an evaluation takes, as far as is known.
    """

    def __init__(self, plan: Plan | None, *, budget: float | None, windows: int, is_evaluated: bool) -> None:
        self.plan = plan
        self.evaluation_seconds = 0.0
        self._budget, self._windows, self._is_evaluated = budget, windows, is_evaluated
        self.speed = SpeedTest(budget or 0.0)
        self._overrun = None if budget is None else Overrun(budget)

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

    def evaluates_at(self, window: int, windows: int) -> bool:
        """Whether a run is evaluated within an epoch.

        Args:
            window: Steps of the epoch taken.
            windows: Steps that the epoch has.
        """
        parts = 1 if self.plan is None else self._parts(self.plan.schedule_steps)
        return any(window == math.ceil(windows * part / parts) for part in range(1, parts))

    def freeze(self, *, seconds: float, step: int, step_seconds: float) -> None:
        """Fix the number of steps.

        Args:
            seconds: Seconds so far.
            step: Steps so far.
            step_seconds: What a step takes.
        """
        assert self._budget is not None
        self.plan = Plan.of(
            steps_that_fit(
                self._budget - seconds,
                taken=step,
                step_seconds=step_seconds,
                evaluation_seconds=self.evaluation_seconds,
                evaluations=lambda steps: self._evaluations(step, steps, steps),
            )
        )

    def judge(self, *, seconds: float, stepping: float, step: int, evaluation_seconds: float) -> bool:
        """Shorten the plan where it would take too long, or give steps back; tells whether it was changed.

        Args:
            seconds: Seconds so far.
            stepping: Those of them that were no evaluation.
            step: Steps so far.
            evaluation_seconds: What an evaluation takes.
        """
        if self._overrun is None or self.plan is None:
            return False
        before, schedule = self.plan, self.plan.schedule_steps
        self.plan = self._overrun.judge(
            before,
            seconds=seconds,
            stepping=stepping,
            step=step,
            evaluation_seconds=evaluation_seconds,
            evaluations=lambda steps: self._evaluations(step, steps, schedule),
        )
        return self.plan != before

    def _parts(self, steps: int) -> int:
        """Parts of an epoch, after each of which a run of so many steps is evaluated."""
        return min(math.ceil(EVALUATIONS * self._windows / steps), self._windows)

    def _evaluations(self, step: int, steps: int, schedule: int) -> int:
        """Evaluations after ``step`` of a run of ``steps`` steps whose schedule has ``schedule``."""
        parts = self._parts(schedule)
        return math.ceil(steps * parts / self._windows) - step * parts // self._windows if self._is_evaluated else 0
