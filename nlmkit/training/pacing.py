"""Training within a time budget: measure the speed, plan the number of steps, and adapt the plan.

The first steps of a run with a budget are timed, and count as training. Their speed and that of validation determine
how many steps fit. Afterwards everything is a function of the step and the plan, as in a run with a given number of
epochs. At fixed steps the speed is checked: from the last windows of steps (the median, so that a pause is
ignored, but a lasting change of speed is not; near the end of fewer of them) follows the end of the run. If it is too
early or too late, the number of steps is changed, and the rest of the schedule is spread over the remaining steps, so
that the rate is always annealed at the end.

Evaluations get little of the budget: if all of those usual would take more, each reads the same part of the held-out
data, and one more reads all of it at the end; where that is not possible, or does not suffice, there are fewer.

Speed is time per amount of work (rows of columns, words, records), not per step, since steps differ in length. A change
is saved in the checkpoint immediately, with the windows that caused it: a run that is interrupted and resumed
takes the same steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from nlmkit.training.plan import EVALUATIONS, Plan
from nlmkit.training.speed import STANDSTILL, Pace, SpeedTest, as_amount, steps_that_fit

NEAR: Final = 0.05
"""Deviation from the budget, as a share of it, above which a note is sent."""

EVALUATION_SHARE: Final = 0.25
"""Maximum share of the budget for `EVALUATIONS` evaluations."""

USUAL_EVALUATION_SHARE: Final = 0.015
"""The same for more of them; evaluations that would take more read a part of the held-out data, if it has enough."""

LOOKS: Final = 40
"""Minimum number of checks of the speed in a run; in long runs, every `LONGEST_STRIDE` steps."""

LONGEST_STRIDE: Final = 25

_AIM = 0.985
_TOLERANCE, _TOLERANCE_OF_REST = 0.02, 0.04
_EVALUATION_MEASURED, _STEPS_AT_LEAST = 0.02, 0.1
_WINDOW_SHARE, _WINDOW_STEPS = 0.01, 0.05
_FEWEST_WINDOWS, _SPACING = 3, 2
_RECENT = 0.25
_CHANGED = 0.1
_PAUSE = 0.1
_FASTER, _NOTHING_LEFT = 0.5, 0.9


class Pacer:
    """Control of the number of steps and of evaluations of a run, from its epochs or its budget.

    Several processes agree as long as all of them receive the same numbers.

    Args:
        plan: Steps of the run; None with a budget.
        budget: Budget of the run in seconds, or None.
        windows: Approximate number of steps per epoch.
        amount: Mean work per step, in the unit of ``worked``.
        cost: Mean work of the steps between two shares of the plan, relative to ``amount``; None if it is 1.
        is_evaluated: Whether there is a validation text.
        fewest: Minimum number of steps, for any budget.
        closing: Time to judge the final weights, as a share of an evaluation.
        divisor: Largest divisor of the held-out data for evaluations before the end.
        unit: Name of the steps in notes.
        checkpoint_seconds: Seconds between two checkpoints; None without checkpoints.

    Attributes:
        plan: Current plan; None while the speed is being measured.
        speed: Measurement of the speed.
        divisor: n if evaluations read an n-th of the held-out data, and at the end one more reads all of it; chosen
            with the plan, and constant, so that evaluations can be compared.
        evaluation_seconds: Seconds of an evaluation of all held-out data, by the last one; 0 before the first.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        budget: float | None,
        windows: int,
        amount: float = 1.0,
        cost: Callable[[float, float], float] | None = None,
        is_evaluated: bool,
        fewest: int = 1,
        closing: float = 0.0,
        divisor: int = 1,
        unit: str = "steps",
        checkpoint_seconds: float | None = None,
    ) -> None:
        self.plan = plan
        self.speed = SpeedTest(budget or 0.0)
        self.evaluation_seconds = 0.0
        self.divisor, self._most_divisor = 1, divisor
        self._budget, self._windows, self._amount, self._fewest = budget, windows, amount, fewest
        self._closing, self._unit, self._cost = closing, unit, cost
        self._is_evaluated, self._checkpoint_seconds = is_evaluated, checkpoint_seconds
        self._pace = Pace()
        self._measured: float | None = None
        self._evaluation_work, self._evaluated_faster = 0.0, 1.0
        self._since_change = _SPACING
        self._saving_seconds = self._prepared = self._lost = 0.0

    # ---------------------------------------------------------------------------------------------- the plan

    @property
    def most_for_measuring_evaluation(self) -> float:
        """Limit of seconds for estimating the time of an evaluation."""
        return _EVALUATION_MEASURED * (self._budget or 0.0)

    @property
    def schedule_steps(self) -> int | None:
        """Length of the learning rate's schedule; None while unknown."""
        return None if self.plan is None else self.plan.schedule_steps

    def place(self, step: int) -> float:
        """Return the position of a step in the schedule; its start while its length is unknown."""
        return 0.0 if self.plan is None else self.plan.place(step)

    def is_over(self, step: int) -> bool:
        """Return whether all planned steps have been taken."""
        return self.plan is not None and step >= self.plan.steps

    def is_past_half(self, step: int) -> bool:
        """Return whether half of the planned steps have been taken."""
        return self.plan is not None and step >= self.plan.steps // 2

    def share(self, step: int) -> float:
        """Return the share of the planned steps that have been taken before a step; 0 while their number is unknown."""
        return 0.0 if self.plan is None else step / self.plan.steps

    def evaluates_at(self, epoch: int, window: int, windows: int) -> bool:
        """Return whether to evaluate between two steps; never while the speed is being measured.

        Args:
            epoch: Number of finished epochs.
            window: Number of steps taken of the next one.
            windows: Number of steps of that epoch.
        """
        return self.plan is not None and self.plan.evaluates_at(epoch, window, windows, usual=self._windows)

    # --------------------------------------------------------------------------------------------- the clock

    def begin(self, *, seconds: float, stepping: float) -> None:
        """Start to count steps, given the seconds so far, and those spent on steps."""
        if self.plan is None and not self._pace.steps:
            self._prepared = seconds
        self._pace.begin(stepping)

    def worked(self, amount: float) -> None:
        """Record a step with this amount of work."""
        self._pace.add(amount)

    def evaluated(self, seconds: float) -> None:
        """Record the time of an evaluation of all held-out data, which is scaled if the machine becomes slower."""
        self.evaluation_seconds = seconds
        usual = self._pace.median
        self._evaluated_faster = seconds / (self._evaluation_work * usual) if usual and self._evaluation_work else 1.0
        pace = self._pace.last or self._measured
        # The machine may have become slower since the window before, so a larger value counts by half.
        work, before = seconds / pace if pace else 0.0, self._evaluation_work
        self._evaluation_work = (before + work) / 2 if 0 < before < work else work

    def freeze(self, *, seconds: float, stepping: float, step: int, pace: float, evaluation_seconds: float) -> None:
        """Plan the number of steps, once the speed is known.

        Args:
            seconds: Seconds so far.
            stepping: Those spent on steps.
            step: Number of steps so far.
            pace: Seconds per amount of work.
            evaluation_seconds: Seconds of an evaluation of all held-out data.
        """
        assert self._budget is not None
        self._measured = pace
        self._lost += self.speed.lost
        self.evaluated(evaluation_seconds)
        self._pace = Pace()
        self._pace.begin(stepping)
        self.divisor = self._chosen_divisor(evaluation_seconds, pace)
        steps = self._fitting(Plan.of(step + 1), seconds, step, pace).steps
        if self._is_evaluated and seconds + self._evaluation_work * pace > _AIM * self._budget:
            # Too slow for even one evaluation; perhaps only at the start, as the next steps will show.
            steps = max(steps, step + math.ceil(_STEPS_AT_LEAST * self._budget / max(pace * self._amount, 1e-9)))
        self.plan = self._with_evaluations(Plan.of(steps), pace)

    def looks_at(self, step: int) -> bool:
        """Return whether to check the speed after a step: a function of the plan, so equal in all processes."""
        if self._budget is None or self.plan is None:
            return False
        stride = max(1, min(LONGEST_STRIDE, self.plan.steps // LOOKS))
        return step % stride == 0 or step >= self.plan.steps

    def look(
        self,
        *,
        seconds: float,
        stepping: float,
        saving: float,
        step: int,
        is_due: bool = False,
        is_evaluated: bool = False,
    ) -> bool:
        """Change the number of steps if the run would end too early or too late; return whether it was changed.

        Args:
            seconds: Seconds so far.
            stepping: Those spent on neither evaluation nor checkpoints.
            saving: Seconds of a checkpoint.
            step: Number of steps so far.
            is_due: Whether an evaluation follows at once.
            is_evaluated: Whether the last evaluation is over. If it took less time than planned, the
                run continues to another one, if the steps before it are worthwhile.
        """
        if self._budget is None or self.plan is None:
            return False
        self._saving_seconds = saving
        is_over = step >= self.plan.steps
        fewest = 1 if is_over else _FEWEST_WINDOWS
        if not self._window_is_full(stepping, is_over=is_over) or len(self._pace.windows) < fewest:
            return False
        if is_evaluated and self._evaluated_faster < _FASTER:
            # After slow steps and a fast evaluation, assume the speed of the evaluation.
            self._pace.scale(self._evaluated_faster)
            self._evaluation_work = 0.0
            self.evaluated(self.evaluation_seconds)
        pace = self._pace.recent(_RECENT * (self._budget - seconds))
        assert pace is not None
        if is_due:
            seconds += self._evaluation_work * pace / self.divisor
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
        """Return the seconds of the rest of the plan."""
        assert self.plan is not None
        seconds = (self.plan.steps - step) * self._amount * self._relative(step, self.plan.steps) * pace
        if self._is_evaluated:
            more = self.plan.evaluations_after(step, self._windows) if step < self.plan.steps else 0
            seconds += (more / self.divisor + self._ending) * self._evaluation_work * pace
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
            if usual is not None and seconds > STANDSTILL * amount * usual:
                self._lost += seconds - amount * usual
            self._since_change += 1
            return True
        return False

    def _fitting(self, plan: Plan, seconds: float, step: int, pace: float) -> Plan:
        """Return the plan with the steps that fit into the rest of the budget."""
        assert self._budget is not None
        left = _AIM * self._budget - seconds - self._ending * self._evaluation_work * pace
        steps = steps_that_fit(
            left - self._saves(left),
            taken=step,
            step_seconds=pace * self._amount,
            evaluation_seconds=self._evaluation_work * pace / self.divisor,
            evaluations=lambda steps: self._evaluations(step, steps, pace),
            cost=None if self._cost is None else lambda steps: self._relative(step, steps),
        )
        return plan.bent(step, max(steps, self._fewest) - step)

    def _relative(self, step: int, steps: int) -> float:
        """Return the mean work of the steps after ``step``, relative to the usual one."""
        return 1.0 if self._cost is None or step >= steps else self._cost(step / steps, 1.0)

    def _evaluations(self, step: int, steps: int, pace: float) -> int:
        if not self._is_evaluated:
            return 0
        return self._with_evaluations(Plan.of(steps), pace).evaluations_after(step, self._windows)

    @property
    def _ending(self) -> float:
        """Return the time after the last step and its evaluation, as a share of an evaluation of all held-out data."""
        return self._closing + (self.divisor > 1)

    def _chosen_divisor(self, taking: float, pace: float) -> int:
        """Return the divisor of the held-out data for evaluations before the end, given the seconds of all of it."""
        assert self._budget is not None
        epoch = self._windows * self._amount * self._relative(0, 1) * pace
        usual = max(EVALUATIONS, self._budget / max(epoch, 1e-9))
        divisor = min(math.ceil(usual * taking / (USUAL_EVALUATION_SHARE * self._budget)), self._most_divisor)
        # Where even a few parts and the whole take too long, there are few evaluations, of all of it.
        is_worthwhile = divisor > 1 and (EVALUATIONS / divisor + 1) * taking <= EVALUATION_SHARE * self._budget
        return divisor if is_worthwhile else 1

    def _with_evaluations(self, plan: Plan, pace: float) -> Plan:
        assert self._budget is not None
        taking = self._evaluation_work * pace / self.divisor
        few, more = (
            int(min(share * self._budget / taking, 1e9)) if taking > 0 else 10**9
            for share in (EVALUATION_SHARE, USUAL_EVALUATION_SHARE)
        )
        return plan.evaluated(self._windows, max(1, min(few, EVALUATIONS), more))

    def _saves(self, seconds: float) -> float:
        """Return the seconds of the checkpoints in a time, including the last one."""
        if self._checkpoint_seconds is None:
            return 0.0
        return (max(0.0, seconds) / self._checkpoint_seconds + 1) * self._saving_seconds

    # ------------------------------------------------------------------------------------- notes, checkpoints

    def notes(self, *, seconds: float, finished: bool) -> list[str]:
        """Return notes on the use of the budget.

        Args:
            seconds: Seconds of the whole run.
            finished: Whether all planned steps were taken.
        """
        if self._budget is None or self.plan is None:
            return []
        found = []
        steps, first = self.plan.steps, self.plan.first_steps
        if finished and abs(steps / first - 1) > _CHANGED:
            slower = "slower" if steps < first else "faster"
            found.append(
                f"the machine became {slower} than measured, so {steps} {self._unit} were taken instead of the {first} "
                "first planned"
            )
        if finished and abs(seconds / self._budget - 1) > NEAR:
            found.append(f"{seconds / self._budget:.0%} of the budget was used: {self._reason(seconds)}")
        return found

    def _reason(self, seconds: float) -> str:
        """Return the reason for missing the budget."""
        assert self._budget is not None
        if self._lost > _PAUSE * self._budget and seconds > self._budget:
            return f"the machine was nearly stopped for about {self._lost:.0f} s"
        pace = self._pace.median or self._measured or 0.0
        shares = {
            "an evaluation": self.evaluation_seconds if self._is_evaluated else 0.0,
            "a step" if self._unit == "steps" else f"each of the {self._unit}": self._amount * pace,
            "a checkpoint": self._saving_seconds,
        }
        if self._fewest > 1:
            shares[f"an epoch of {self._fewest} {self._unit}, the minimum of a run,"] = (
                self._fewest * self._amount * pace
            )
        name = max(shares, key=shares.__getitem__)
        if self._prepared > _NOTHING_LEFT * self._budget:
            name, shares = "the work before the first step", {"the work before the first step": self._prepared}
        if shares[name] > NEAR * self._budget:
            return f"{name} takes {shares[name] / self._budget:.0%} of it; a larger budget would be met more precisely"
        return f"the machine became {'slower' if seconds > self._budget else 'faster'} at the end"

    def to_json(self, stepping: float) -> dict[str, Any] | None:
        """Return the state that a resumed run needs in addition to the plan, as JSON types; None without a budget.

        Args:
            stepping: Seconds spent on steps so far.
        """
        if self._budget is None or self.plan is None:
            return None
        return {
            **self._pace.to_json(stepping),
            "measured": self._measured,
            "evaluation_seconds": self.evaluation_seconds,
            "evaluation_work": self._evaluation_work,
            "divisor": self.divisor,
            "saving_seconds": self._saving_seconds,
            "since_change": self._since_change,
            "lost": self._lost,
        }

    def restore(self, value: object) -> None:
        """Restore the result of `to_json`, or None; raises a ValueError, KeyError or TypeError if it is invalid."""
        if value is None or self._budget is None or self.plan is None:
            return
        if not isinstance(value, Mapping):
            raise TypeError(f"the pace is {value!r}")
        since = value["since_change"]
        if type(since) is not int or not 0 <= since < 2**53:
            raise ValueError(f"since_change is {since!r}")
        divisor = value.get("divisor", 1)
        if type(divisor) is not int or not 1 <= divisor <= self._most_divisor:
            raise ValueError(f"divisor is {divisor!r}")
        self.divisor = divisor
        self._measured = None if value["measured"] is None else as_amount(value["measured"])
        self.evaluation_seconds = as_amount(value["evaluation_seconds"])
        self._evaluation_work = as_amount(value["evaluation_work"])
        self._saving_seconds = as_amount(value["saving_seconds"])
        self._since_change = since
        self._lost = as_amount(value.get("lost", 0.0))
        self._pace.restore(value)
