"""Result of a run. This module imports neither torch nor NumPy."""

from __future__ import annotations

import dataclasses
from typing import Any

from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation


@dataclasses.dataclass(frozen=True)
class RunResult:
    """Result of a run.

    Attributes:
        steps: Number of steps taken.
        epochs: Number of passes over the data, a fraction.
        seconds: Seconds of training, including those before an interruption.
        speed: Units of the stepper read per second in the steps of this session.
        history: The evaluations.
        best: Evaluation whose weights were kept; None if the last weights were kept.
        averaged: Whether the weights kept are an average.
        stopped: ``completed``, or ``patience`` if the held-out metrics stopped improving.
        plan: Planned number of steps.
        notes: Notes for the user.
        divisor: n if the metrics of ``history`` are those of an n-th of the held-out data; those of ``best`` are always
            those of all of it.
    """

    steps: int
    epochs: float
    seconds: float
    speed: float
    history: tuple[Evaluation, ...]
    best: Evaluation | None
    averaged: bool
    stopped: str
    plan: Plan
    notes: tuple[str, ...]
    divisor: int = 1

    def summary(self, held_out: str) -> dict[str, Any]:
        """Return steps, epochs, reason for stopping and choice of weights, as JSON types.

        Args:
            held_out: Name of the evaluation data in the report, such as ``validation text``.
        """
        if self.divisor > 1:
            held_out = f"1/{self.divisor} of the {held_out}"
        weights = "last" if self.best is None else f"best on {held_out}, step {self.best.step}"
        return {
            "steps": self.steps,
            "epochs": round(self.epochs, 4),
            "stopped": self.stopped,
            "weights": f"{weights}, averaged" if self.averaged else weights,
        }
