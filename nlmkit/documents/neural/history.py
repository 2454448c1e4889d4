"""How a classifier's training went: its evaluations, which of them is the best, and what came of the run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How the network stood at one step.

    Attributes:
        step: Steps taken.
        epoch: Passes over the training texts, with fractions.
        loss: Mean training loss a text since the evaluation before, in nats.
        accuracy: Of the held-out texts; None where there are none.
        validation_loss: Mean −ln p(label) of the held-out texts.
        seconds: Time of training so far.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float | None
    validation_loss: float | None
    seconds: float

    @property
    def rank(self) -> tuple[float, float]:
        """What is better is smaller: error rate, then loss."""
        assert self.accuracy is not None
        assert self.validation_loss is not None
        return 1 - self.accuracy, self.validation_loss


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of a training run.

    Attributes:
        steps: Steps taken.
        epochs: Passes over the training texts, with fractions.
        history: The evaluations, one an epoch or more.
        best: The one whose weights were kept; None where the last weights were.
        stopped: ``completed``, or ``patience``.
        averaged: Whether the weights kept are an average.
        device: Where it was computed.
        precision: Of the steps.
        seconds: Time of training.
        words_per_second: Words read a second in steps.
        notes: What whoever started the run should know.
    """

    steps: int
    epochs: float
    history: tuple[Evaluation, ...]
    best: Evaluation | None
    stopped: str
    averaged: bool
    device: str
    precision: str
    seconds: float
    words_per_second: float
    notes: tuple[str, ...]

    def report(self) -> dict[str, Any]:
        """The result as JSON types; only ``seconds`` and ``words_per_second`` tell of the clock."""
        weights = "last" if self.best is None else f"best on held-out texts, step {self.best.step}"
        return {
            "steps": self.steps,
            "epochs": round(self.epochs, 4),
            "stopped": self.stopped,
            "weights": f"{weights}, averaged" if self.averaged else weights,
            **({} if self.best is None else {"validation_accuracy": self.best.accuracy}),
            "device": self.device,
            "precision": self.precision,
            "history": [dataclasses.asdict(evaluation) for evaluation in self.history],
            "seconds": round(self.seconds, 3),
            "words_per_second": round(self.words_per_second, 1),
            "notes": list(self.notes),
        }


def best_of(history: Sequence[Evaluation]) -> Evaluation | None:
    """The evaluation of the best rank, the first of several; None where there were no held-out texts."""
    return min((found for found in history if found.accuracy is not None), key=lambda found: found.rank, default=None)


def places_by_epoch(history: Sequence[Evaluation]) -> list[int]:
    """The place of each epoch that has ended in the order of their best evaluations: the best is 0, equal ones share.

    Args:
        history: The evaluations so far, one an epoch or more.
    """
    ranks: list[tuple[float, float]] = []
    worst = best = (math.inf, math.inf)
    for evaluation in history:
        if evaluation.accuracy is None:
            continue
        best = min(best, evaluation.rank)
        if evaluation.epoch.is_integer():
            ranks.append(best)
            best = worst
    order = sorted(set(ranks))
    return [order.index(rank) for rank in ranks]
