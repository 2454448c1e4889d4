"""What comes of a run. This module imports neither torch nor NumPy."""

from __future__ import annotations

import dataclasses
from typing import Any

from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What came of a run.

    Attributes:
        steps: Steps taken.
        epochs: Passes over the data, with fractions.
        seconds: Time of training, that before an interruption included.
        speed: What was read per second in the steps of this session, in the stepper's unit.
        history: The evaluations.
        best: The one whose weights were kept; None where the last weights were.
        averaged: Whether the weights kept are an average.
        stopped: ``completed``, or ``patience`` where the held-out data had ceased to improve.
        plan: How many steps there were to be.
        notes: What whoever started the run should know.
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

    def summary(self, held_out: str) -> dict[str, Any]:
        """Steps, epochs, why it stopped and which weights were kept, as JSON types.

        Args:
            held_out: What the report calls the data of evaluations, such as ``validation text``.
        """
        weights = "last" if self.best is None else f"best on {held_out}, step {self.best.step}"
        return {
            "steps": self.steps,
            "epochs": round(self.epochs, 4),
            "stopped": self.stopped,
            "weights": f"{weights}, averaged" if self.averaged else weights,
        }
