"""Plan of a training run: number of steps, position of each in the schedule, and times of evaluation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final, Self

EVALUATIONS: Final = 4
"""Minimum number of evaluations of a run; with fewer epochs, they are within epochs."""

_MUCH_MORE: Final = 1.25
"""Factor of the length of a finished plan from which an extension restarts its schedule."""

_LARGEST: Final = 2**53
"""Maximum step that is exact as a float."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Number of steps of a run, and their positions in the schedule.

    Attributes:
        steps: Number of steps of the run.
        schedule_steps: Length of the schedule in its own steps; equal to ``steps`` unless the run was shortened.
        bent_at: Step at which the number of steps was last changed, 0 if never.
        bent_from: Position of that step in the schedule.
        parts: Evaluations per epoch; 0 to derive them from ``schedule_steps``, at least `EVALUATIONS` per run.
        between: Epochs between two evaluations, if not every epoch has one.
        first: Number of steps first planned; 0 if never changed.
    """

    steps: int
    schedule_steps: int
    bent_at: int = 0
    bent_from: float = 0.0
    parts: int = 0
    between: int = 1
    first: int = 0

    @classmethod
    def of(cls, steps: int) -> Self:
        """Return a plan of this many steps."""
        return cls(steps, steps)

    @property
    def first_steps(self) -> int:
        """Number of steps first planned."""
        return self.first or self.schedule_steps

    def place(self, step: int) -> float:
        """Return the position of a step in the schedule, from 0 to ``schedule_steps`` − 1."""
        if not self.bent_at and self.steps == self.schedule_steps:
            return float(step)
        left, own = self.schedule_steps - 1 - self.bent_from, self.steps - 1 - self.bent_at
        if step >= self.steps - 1:
            return self.schedule_steps - 1.0
        return min(self.bent_from + (step - self.bent_at) * left / own, self.schedule_steps - 1.0)

    def bent(self, step: int, left: int) -> Plan:
        """Return the plan with ``left`` steps after ``step``, at least one, over the rest of the schedule.

        A finished plan has no schedule left. A short extension stays at the
        end of it; a long one gets a schedule of the total length, including the steps already taken.
        """
        steps = step + max(1, left)
        if steps == self.steps:
            return self
        place, schedule = min(self.place(step), self.schedule_steps - 1.0), self.schedule_steps
        if step >= self.steps and steps > _MUCH_MORE * step:
            place, schedule = float(step), steps
        elif steps > schedule:  # at the same share of a longer schedule
            place, schedule = place / max(1, schedule - 1) * (steps - 1), steps
        return dataclasses.replace(
            self, steps=steps, schedule_steps=schedule, bent_at=step, bent_from=place, first=self.first_steps
        )

    def evaluates_at(self, epoch: int, window: int, windows: int, *, usual: int) -> bool:
        """Return whether to evaluate between two steps.

        Args:
            epoch: Number of finished epochs.
            window: Number of steps taken of the next one.
            windows: Number of steps of that epoch.
            usual: Approximate number of steps per epoch.
        """
        if window == 0:
            return epoch % self.between == 0
        parts = self.parts_of(usual)
        return self.between == 1 and any(window == math.ceil(windows * part / parts) for part in range(1, parts))

    def evaluations_after(self, step: int, windows: int) -> int:
        """Return the number of evaluations after a step, including the last one.

        Args:
            step: Number of steps taken.
            windows: Number of steps per epoch.
        """
        parts, length = self.parts_of(windows), windows * self.between
        return math.ceil(self.steps * parts / length) - step * parts // length

    def parts_of(self, windows: int) -> int:
        """Return the number of evaluations per epoch, given its number of steps."""
        return self.parts or min(math.ceil(EVALUATIONS * windows / self.schedule_steps), windows)

    def evaluated(self, windows: int, most: int) -> Plan:
        """Return the plan with at least `EVALUATIONS` evaluations and one per epoch, but at most ``most``.

        Args:
            windows: Number of steps per epoch.
            most: At least 1.
        """
        parts, between = min(math.ceil(EVALUATIONS * windows / self.steps), windows), 1
        if math.ceil(self.steps * parts / windows) > most:
            parts = max(1, most * windows // self.steps)
            if math.ceil(self.steps * parts / windows) > most:
                between = math.ceil(self.steps / (windows * most))
        return dataclasses.replace(self, parts=parts, between=between)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the plan from the result of `to_json`; raises a ValueError or TypeError if it is invalid."""
        if not isinstance(value, Mapping):
            raise TypeError(f"a plan is {value!r}")
        plan = cls(**value)
        for field in dataclasses.fields(plan):
            number = getattr(plan, field.name)
            whole = type(number) is int or (field.name == "bent_from" and type(number) is float)
            if not whole or not 0 <= number < _LARGEST:
                raise ValueError(f"{field.name} of a plan is {number!r}")
        if not (plan.bent_at < plan.steps <= plan.schedule_steps and plan.bent_from < plan.schedule_steps):
            raise ValueError("a plan's steps contradict each other")
        if not plan.between:
            raise ValueError("a plan has no epoch between two evaluations")
        return plan
