"""GloVe as a stepper of the training loop: a step is a round of records.

Between two rounds a run is its weights, its place among the records and the cost of this epoch so far, so it can be
stopped and resumed in the middle of an epoch. With one worker the rounds are the same whatever interrupts them, and
the weights follow from records, settings and first weights, to the last bit on one kind of processor. Several workers
share the weights without locks, as the Stanford tool's threads do (Recht et al. 2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.representations.glove.training import Settings, Weights, train_records
from nlmkit.saving import require, require_array
from nlmkit.training.checkpoint_facts import amount, whole
from nlmkit.training.clock import seconds
from nlmkit.training.distributed import Processes
from nlmkit.training.divergence import Diverged
from nlmkit.training.metrics import Metric, Rank
from nlmkit.training.stepper import Arrays, Extent, Facts, Figures, Moment, Place

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions

_ROUND: Final = 100_000_000
"""Values of vectors that are moved in a step, about half a second's work."""

_JUDGED_AT_ONCE: Final = 1 << 24
"""Records."""

_SLACK: Final = 2.0
"""How many times the cost of vectors and biases of zeros, and one more, a run may cost at its end."""

COST: Final = "cost"
"""The name of the mean of ½ · f · diff², as GloVe's papers have it."""


class GloVeStepper:
    """Stepper of one run.

    Args:
        weights: What is trained, in place.
        records: From ``shuffled_records``.
        settings: Learning rate and the like.
        epochs: Passes over the records; a budget replaces it.
        options: Workers and progress.
        pool: Runs the workers, where there are several.
        identity: What run this is: a checkpoint with another identity is refused.

    Attributes:
        compiling_seconds: Time until the loop over the records was there, compiled or read from disk.
        training_seconds: Time of this session's steps.
        epoch_seconds: Time that each epoch of this session took, or would have taken had it been a whole one.
        items: Records that this session and those before have trained on.
    """

    unit = "records"
    metrics: Sequence[Metric] = ()
    is_evaluated = False
    records_epochs = True
    tick = None
    can_be_prolonged = True
    averaged = False
    together = Processes()

    def __init__(
        self,
        weights: Weights,
        records: NDArray[Any],
        settings: Settings,
        *,
        epochs: int,
        options: RunOptions,
        pool: Executor,
        identity: Mapping[str, Any],
    ) -> None:
        self._weights, self._records, self._settings = weights, records, settings
        self._epochs, self._options, self._pool, self._identity = epochs, options, pool, identity
        self._round = max(1, _ROUND // settings.dimension)
        self._rounds = max(1, math.ceil(len(records) / self._round))
        self._epoch = self._position = 0
        self._cost = self._mean = 0.0
        self._is_told = True
        self.items = 0
        self.compiling_seconds = self.training_seconds = 0.0
        self.epoch_seconds: list[float] = []

    # -------------------------------------------------------------------------------------------- where it is

    @property
    def threads(self) -> int:
        """The workers."""
        return self._options.workers

    @property
    def place(self) -> Place:
        """Rounds done of this epoch."""
        return Place(self._epoch, math.ceil(self._position / self._round), self._rounds)

    @property
    def epochs(self) -> float:
        """Passes over the records."""
        return self._epoch + self._position / len(self._records)

    def steps(self, epochs: int | None = None) -> int:
        """Rounds of so many epochs."""
        return self._rounds * (self._epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        """Return one epoch, the minimum to train under any budget."""
        return Extent(
            epoch_steps=self._rounds,
            work=len(self._records) / self._rounds,
            fewest=self._rounds,
            name="rounds of records",
        )

    def counted(self, steps: int) -> int:
        """Records of so many rounds."""
        epochs, rounds = divmod(steps, self._rounds)
        return epochs * len(self._records) + rounds * self._round

    # ---------------------------------------------------------------------------------------------- the steps

    def begin(self) -> None:
        """Compile the loop over the records, which takes some seconds in the first run on a machine."""
        self._options.stage("preparing the training loop (the first run compiles it, which takes some seconds)")
        begins = seconds()
        self._train(0, 0)
        self.compiling_seconds = seconds() - begins
        self._epoch_begins, self._items_before_epoch = seconds(), self.items

    def step(self, moment: Moment) -> float:
        """Train on a round of records."""
        begin, end = self._position, min(self._position + self._round, len(self._records))
        begins = seconds()
        workers = self._options.workers
        if workers == 1:
            cost = self._train(begin, end)
        else:
            bounds = [begin + (end - begin) * part // workers for part in range(workers + 1)]
            cost = sum(self._pool.map(self._train, bounds[:-1], bounds[1:]))
        self.training_seconds += seconds() - begins
        self._position = end
        if not math.isfinite(cost):
            raise Diverged(f"the cost is {cost}", moment.step + 1)
        self._cost += cost
        self._mean, self._is_told = self._cost / end, False
        self.items += end - begin
        if end == len(self._records):
            self._end_epoch()
        return end - begin

    def _train(self, begin: int, end: int) -> float:
        weights, value = self._weights, self._settings.dtype.type
        return train_records(
            self._records,
            begin,
            end,
            weights.vectors,
            weights.squares,
            weights.biases,
            value(self._settings.lr),
            value(self._settings.clip),
            self._settings.bias_update == "paper",
        )

    def _end_epoch(self) -> None:
        self._epoch, self._position, self._cost = self._epoch + 1, 0, 0.0
        now = seconds()
        # A resumed run begins within an epoch, and takes less time for it.
        share = (self.items - self._items_before_epoch) / len(self._records)
        self.epoch_seconds.append((now - self._epoch_begins) / share)
        self._epoch_begins, self._items_before_epoch = now, self.items

    def settle(self) -> None:
        """A round is over when its function returns."""

    def check(self) -> None:
        """Every step looks at its own cost."""

    def take_figures(self, *, even_without_steps: bool = False) -> Figures | None:
        """Return the mean cost of this epoch so far, or of the one that has just ended."""
        if self._is_told and not even_without_steps:
            return None
        self._is_told = True
        return Figures({COST: self._mean}, self._settings.lr, None, f"cost {self._mean:.5f}")

    def take_loss(self) -> float:
        """Return the same cost."""
        return self._mean

    # ---------------------------------------------------------------------------- there is no held-out data

    def evaluate(self, interrupted: Callable[[], bool], divisor: int = 1) -> Mapping[str, float]:
        """Nothing is measured."""
        return {}

    def evaluate_kept(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Nothing is measured."""
        return {}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Nothing takes no time."""
        return 0.0

    def keep_best(self) -> None:
        """The last weights stay."""

    def evaluated(self, ranks: Sequence[Rank]) -> None:
        """Nothing depends on evaluations."""

    # ----------------------------------------------------------------------------------------------- the end

    def judge(self, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise an error for weights worse than zeros, and send a note if they are not better."""
        weights, cost, zeros = self._weights, self._mean, self._cost_of_zeros()
        if not (np.isfinite(weights.vectors).all() and np.isfinite(weights.biases).all()):
            raise Diverged("a vector is not finite")
        if cost > _SLACK * zeros + 1:
            raise Diverged(f"the cost is {cost:.4g}, and that of vectors of zeros {zeros:.4g}")
        if cost > zeros > 0:
            return [
                f"the cost is {cost:.4g}, worse than the {zeros:.4g} of vectors of zeros: train longer, or with "
                "another lr"
            ]
        return []

    def _cost_of_zeros(self) -> float:
        zeros = 0.0
        for begin in range(0, len(self._records), _JUDGED_AT_ONCE):
            block = self._records[begin : begin + _JUDGED_AT_ONCE]
            zeros += float(0.5 * np.dot(block["weight"].astype(np.float64), block["log_count"].astype(np.float64) ** 2))
        return zeros / len(self._records)

    def finish(self) -> None:
        """The last weights stay."""

    def advice(self) -> str:
        """Return hints for smaller steps."""
        settings = self._settings
        return f"; try a lower lr (now {settings.lr:g}), a lower clip (now {settings.clip:g}) or bias_update=paper"

    # ------------------------------------------------------------------------------------------- checkpoints

    def identity(self) -> Mapping[str, Any]:
        """Options and text."""
        return self._identity

    def snapshot(self) -> tuple[Facts, Arrays]:
        """Return the place, the costs and the weights; the records follow from text and seed."""
        facts = {"epoch": self._epoch, "position": self._position, "cost": self._cost, "mean": self._mean}
        return facts, self._weights.arrays()

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, step: int, has_best: bool
    ) -> None:
        """Resume from ``snapshot``."""
        epoch, position = whole(facts, "epoch"), whole(facts, "position")
        ends = position % self._round == 0 and position < len(self._records)
        require(ends, f"no round ends at {position}")
        require(step == epoch * self._rounds + position // self._round, f"step {step} is not in epoch {epoch}")
        self._cost, self._mean = amount(facts, "cost"), amount(facts, "mean")
        self._weights.load({name: _finite(arrays, name, own) for name, own in self._weights.arrays().items()})
        self._epoch, self._position = epoch, position
        self.items = epoch * len(self._records) + position


def _finite(arrays: Mapping[str, NDArray[Any]], name: str, like: NDArray[Any]) -> NDArray[Any]:
    array = require_array(arrays, name, dtype=like.dtype, shape=like.shape)
    require(np.isfinite(array).all(), f"array {name!r} holds NaN or infinity")
    # Accumulators begin with 1 and grow; their roots divide.
    accumulators = {"squares": array, "biases": array[..., 1]}.get(name)
    require(accumulators is None or (accumulators >= 1).all(), f"array {name!r} holds accumulators below 1")
    return array
