"""A stepper of a few lines: no network, no random numbers, and every call noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nlmkit.training.distributed import Processes
from nlmkit.training.divergence import Diverged
from nlmkit.training.metrics import Metric, Rank
from nlmkit.training.stepper import Arrays, Extent, Facts, Figures, Moment, Place

ACCURACY, LOSS = Metric("accuracy", greater_is_better=True, form="{:.0%}"), Metric("loss")


class Sums:
    """Adds up the numbers 1, 2, 3, 4, which are an epoch; each of its steps reads ``each`` records.

    Args:
        epochs: Passes over the numbers.
        scores: What evaluations find, one after another: accuracy and loss. None: there is no held-out data.
        divisor: Largest divisor of the held-out data.
        each: Records of a step.
        prolongs: Whether a checkpoint of fewer epochs may be gone on from.
        tick: Steps between two lines.
        before_step: Called before each step with the steps taken.
    """

    unit = "records"
    metrics: Sequence[Metric] = (ACCURACY, LOSS)
    threads = None
    together = Processes()
    averaged = False

    def __init__(
        self,
        epochs: int = 3,
        *,
        scores: Sequence[tuple[float, float]] | None = None,
        divisor: int = 1,
        each: int = 1,
        prolongs: bool = False,
        tick: int | None = None,
        before_step: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.is_evaluated, self.records_epochs = scores is not None, scores is None
        self.can_be_prolonged, self.tick = prolongs, tick
        self._epochs, self._scores, self._each, self._before_step = epochs, list(scores or ()), each, before_step
        self._divisor = divisor
        self.divisors: list[int] = []
        self.total = self.taken = self.evaluations = 0
        self.best: int | None = None
        self.finished = False
        self.moments: list[Moment] = []
        self.ranks: Sequence[Rank] = ()
        self.judged: tuple[Any, Any] | None = None
        self._line: list[int] = []
        self._loss: list[int] = []

    @property
    def place(self) -> Place:
        return Place(self.taken // 4, self.taken % 4, 4)

    @property
    def epochs(self) -> float:
        return self.taken / 4

    @property
    def items(self) -> int:
        return self.taken * self._each

    def steps(self, epochs: int | None = None) -> int:
        return 4 * (self._epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        return Extent(4, float(self._each), name="additions", divisor=self._divisor)

    def counted(self, steps: int) -> int:
        return steps * self._each

    def begin(self) -> None:
        pass

    def step(self, moment: Moment) -> float:
        self._before_step(moment.step)
        self.moments.append(moment)
        number = self.taken % 4 + 1
        self.total += number
        self._line.append(number)
        self._loss.append(number)
        self.taken += 1
        return float(self._each)

    def settle(self) -> None:
        pass

    def check(self) -> None:
        if self.total < 0:
            raise Diverged("the sum is negative", self.taken)

    def take_figures(self, *, even_without_steps: bool = False) -> Figures | None:
        if not (self._line or even_without_steps):
            return None
        numbers, self._line = self._line, []
        mean = sum(numbers) / len(numbers) if numbers else None
        return Figures({"mean": mean}, 0.5, None, "" if mean is None else f"mean {mean:g}")

    def take_loss(self) -> float:
        numbers, self._loss = self._loss, []
        return sum(numbers) / len(numbers)

    def evaluate(self, interrupted: Callable[[], bool], divisor: int = 1) -> Mapping[str, float]:
        if interrupted():
            raise KeyboardInterrupt
        self.divisors.append(divisor)
        accuracy, loss = self._scores[self.evaluations]
        self.evaluations += 1
        return {"accuracy": accuracy, "loss": loss}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        return 0.0

    def keep_best(self) -> None:
        self.best = self.taken

    def evaluate_kept(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        self.kept_evaluated = self.best
        return {"accuracy": 0.55, "loss": 0.5}

    def evaluated(self, ranks: Sequence[Rank]) -> None:
        self.ranks = ranks

    def judge(self, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        self.judged = kept, last
        return ["a note of the stepper"]

    def finish(self) -> None:
        self.finished = True

    def advice(self) -> str:
        return "; try another number"

    def identity(self) -> Mapping[str, Any]:
        return {"component": "sums", "hyper_parameters": {"each": self._each}, "numbers": "1 to 4"}

    def snapshot(self) -> tuple[Facts, Arrays]:
        facts = {"taken": self.taken, "evaluations": self.evaluations, "best": self.best}
        return facts, {"total": np.array([self.total]), "loss": np.array(self._loss), "line": np.array(self._line)}

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, Any], *, step: int, has_best: bool) -> None:
        self.taken, self.evaluations, self.best = facts["taken"], facts["evaluations"], facts["best"]
        if self.taken != step or has_best != (self.best is not None):
            raise ValueError(f"taken is {self.taken} at step {step}, best {self.best}")
        self.total = int(arrays["total"][0])
        self._loss, self._line = arrays["loss"].tolist(), arrays["line"].tolist()
