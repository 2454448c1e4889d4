"""The plan of a training run: how many steps, where in the schedule each of them is, and when to evaluate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final, Self

EVALUATIONS: Final = 4
"""How often a run is evaluated at least; one of fewer epochs is evaluated within them."""

_MUCH_MORE: Final = 1.25
"""Factor by which a plan that had ended becomes so much longer that its schedule begins anew."""

_LARGEST: Final = 2**53
"""Beyond it a step is no longer a float of its own."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many steps a run takes, and where in its schedule each of them is.

    Attributes:
        steps: Steps of the run.
        schedule_steps: Length of the schedule in its own steps; equal to ``steps`` unless the run was shortened.
        bent_at: Step at which the number of steps was last changed, 0 if never.
        bent_from: Place in the schedule of that step.
        parts: Evaluations of an epoch; 0 where they follow from ``schedule_steps``, `EVALUATIONS` a run at least.
        between: Epochs from one evaluation to the next, where not even each epoch has one.
        first: Steps that were planned at first; 0 where that number was never changed.
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
        """A plan of so many steps."""
        return cls(steps, steps)

    @property
    def first_steps(self) -> int:
        """Steps that were planned at first."""
        return self.first or self.schedule_steps

    def place(self, step: int) -> float:
        """Where a step is in the schedule, from 0 to ``schedule_steps`` − 1."""
        if not self.bent_at and self.steps == self.schedule_steps:
            return float(step)
        left, own = self.schedule_steps - 1 - self.bent_from, self.steps - 1 - self.bent_at
        if step >= self.steps - 1:
            return self.schedule_steps - 1.0
        return min(self.bent_from + (step - self.bent_at) * left / own, self.schedule_steps - 1.0)

    def bent(self, step: int, left: int) -> Plan:
        """The plan with ``left`` steps after ``step``, but one at least, which go through the rest of the schedule.

        A plan whose steps have all been taken has nothing left of its schedule. A little more training stays at the
        end of it; much more gets a schedule of the whole length, in which the steps taken count as what they are.
        """
        steps = step + max(1, left)
        if steps == self.steps:
            return self
        place, schedule = min(self.place(step), self.schedule_steps - 1.0), self.schedule_steps
        if step >= self.steps and steps > _MUCH_MORE * step:
            place, schedule = float(step), steps
        elif steps > schedule:  # the same share of a longer schedule
            place, schedule = place / max(1, schedule - 1) * (steps - 1), steps
        return dataclasses.replace(
            self, steps=steps, schedule_steps=schedule, bent_at=step, bent_from=place, first=self.first_steps
        )

    def evaluates_at(self, epoch: int, window: int, windows: int, *, usual: int) -> bool:
        """Whether a run is evaluated between two steps.

        Args:
            epoch: Epochs finished.
            window: Steps taken of the next one.
            windows: Steps that it has.
            usual: Steps of an epoch, about so many where they differ.
        """
        if window == 0:
            return epoch % self.between == 0
        parts = self.parts_of(usual)
        return self.between == 1 and any(window == math.ceil(windows * part / parts) for part in range(1, parts))

    def evaluations_after(self, step: int, windows: int) -> int:
        """How many evaluations are to come after a step, the last one included.

        Args:
            step: Steps taken.
            windows: Steps of an epoch.
        """
        parts, length = self.parts_of(windows), windows * self.between
        return math.ceil(self.steps * parts / length) - step * parts // length

    def parts_of(self, windows: int) -> int:
        """Parts of an epoch of so many steps, after each of which the run is evaluated."""
        return self.parts or min(math.ceil(EVALUATIONS * windows / self.schedule_steps), windows)

    def evaluated(self, windows: int, most: int) -> Plan:
        """The plan with at least `EVALUATIONS` evaluations and one per epoch, but at most ``most``.

        Args:
            windows: Steps of an epoch.
            most: At least 1.
        """
        parts, between = min(math.ceil(EVALUATIONS * windows / self.steps), windows), 1
        if math.ceil(self.steps * parts / windows) > most:
            parts = max(1, most * windows // self.steps)
            if math.ceil(self.steps * parts / windows) > most:
                between = math.ceil(self.steps / (windows * most))
        return dataclasses.replace(self, parts=parts, between=between)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The plan that `to_json` gave; a ValueError or TypeError if it makes no sense."""
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
