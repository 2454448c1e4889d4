"""Evaluations of a run: the best one, and the epochs without improvement.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nlmkit.saving import require
from nlmkit.training.checkpoint_facts import records, whole
from nlmkit.training.metrics import NOTHING, Metric, Rank, epochs_without_improvement, plateaus, rank
from nlmkit.training.records import Evaluation, best_of, by_epoch


class History:
    """Evaluations so far, oldest first.

    Args:
        metrics: Metrics of evaluations, the decisive one first.

    Attributes:
        evaluated: Step of the last evaluation, −1 before the first.
        last: The last evaluation of held-out data.
        plateaus: Number of epochs that did not improve on all before them.
        waiting: Number of epochs since the best one.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = tuple(metrics)
        self.evaluations: list[Evaluation] = []
        self.evaluated = -1
        self.last: Evaluation | None = None
        self.plateaus = self.waiting = 0

    def add(self, evaluation: Evaluation) -> None:
        """Append an evaluation."""
        self.evaluations.append(evaluation)
        self.evaluated = evaluation.step
        if evaluation.metrics:  # a run without held-out data may have very many
            self.last = evaluation
            self._count()

    def _count(self) -> None:
        epochs = by_epoch(self.evaluations, self.metrics)
        self.plateaus, self.waiting = plateaus(epochs), epochs_without_improvement(epochs)

    @property
    def best(self) -> Evaluation | None:
        """Best evaluation; None if none is better than infinitely bad."""
        return best_of(self.evaluations, self.metrics)

    @property
    def ranks(self) -> list[Rank]:
        """Rank of each evaluation of held-out data."""
        return [rank(found.metrics, self.metrics) for found in self.evaluations if found.metrics]

    def is_improved_by(self, values: Mapping[str, float]) -> bool:
        """Return whether values of the metrics are better than those of all evaluations so far."""
        best = self.best
        return rank(values, self.metrics) < (NOTHING if best is None else rank(best.metrics, self.metrics))

    def to_json(self) -> dict[str, Any]:
        """Return the history as facts of a checkpoint."""
        return {"evaluated": self.evaluated, "history": [found.to_json() for found in self.evaluations]}

    def restore(self, facts: Mapping[str, Any], *, step: int, is_evaluated: bool) -> None:
        """Restore the result of ``to_json``.

        Args:
            facts: Facts of the checkpoint.
            step: Number of steps taken by then.
            is_evaluated: Whether the run has held-out data.

        Raises:
            SavedModelError: It is invalid; so are a ValueError, TypeError and KeyError.
        """
        found = [Evaluation.from_json(each, self.metrics) for each in records(facts, "history")]
        measured = all(bool(each.metrics) == is_evaluated for each in found)
        require(measured, "its evaluations are not those of the run's held-out data")
        steps, evaluated = [each.step for each in found], whole(facts, "evaluated", least=-1)
        require(steps == sorted(set(steps)) and all(0 < at <= step for at in steps), f"it was evaluated at {steps}")
        require(evaluated == (steps[-1] if steps else -1), f"evaluated is {evaluated}, the history ends with {steps}")
        self.evaluations, self.evaluated = found, evaluated
        self.last = found[-1] if found and is_evaluated else None
        self._count()
