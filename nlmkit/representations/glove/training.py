"""GloVe's objective and its optimiser, as the Stanford tool has them (Pennington, Socher & Manning 2014).

For each ordered pair of words with the count x, in an order that is shuffled once, the cost is ½ · f(x) · diff², where
diff = w·w̃ + b + b̃ − ln x and f(x) = min(1, (x / x_max)^alpha). Each value of a vector is moved by its gradient (without
the factor 2, clipped to ±``clip``) times lr, divided by the root of its accumulator. That starts at 1, grows by the
square of the same product, and is updated after use; so it is AdaGrad with a first accumulator of 1 / lr².

``bias_update`` says what the biases do: ``stanford`` moves them without lr and clipping, as the tool does since 2019,
``paper`` like the vectors.

This module imports numba, which compiles the loop over the records; import it only where something is trained.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.representations.glove.checkpoints import Checkpoint, check_target, load_checkpoint, save_checkpoint
from nlmkit.representations.glove.cooccurrence import Cooccurrences
from nlmkit.representations.glove.spool import Spool, Spools
from nlmkit.saving import require
from nlmkit.training.checkpoint_facts import note_nothing_to_resume, note_other_threads, reading
from nlmkit.training.clock import Clock, Stopwatch
from nlmkit.training.interruption import Interruption
from nlmkit.training.pacing import Pacer
from nlmkit.training.plan import Plan
from nlmkit.training.records import LogRecord, TrainingLog

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SHUFFLED_AT_ONCE: Final = 1 << 24
"""Records; more are dealt out to piles first, and each pile is shuffled. That is the same distribution."""

_ROUND: Final = 100_000_000
"""Values of vectors that are moved between two looks at the clock, about half a second's work."""

_LANES: Final = 16
"""Values that vectors are padded to a multiple of: the widest registers leave no rest then."""

_WEIGHTS, _ORDER = 0, 1
"""What a random generator is for, beside the seed."""

_SLACK: Final = 2.0
"""How many times the cost of vectors and biases of zeros, and one more, a run may cost at its end."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is trained, and how; see :class:`~nlmkit.representations.glove.model.GloVe`."""

    dimension: int = 100
    x_max: float = 10.0
    alpha: float = 0.75
    lr: float = 0.05
    clip: float = 100.0
    bias_update: str = "stanford"
    precision: str = "float32"
    seed: int = 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of weights, accumulators and records."""
        return np.dtype(self.precision)

    def generator(self, purpose: int) -> np.random.Generator:
        """The random generator for one purpose."""
        return np.random.default_rng([purpose, self.seed])


# ---------------------------------------------------------------------------------------------------- records


def shuffled_records(
    counts: Cooccurrences,
    settings: Settings,
    spools: Spools,
    *,
    advance: Callable[[float], None] = lambda amount: None,
) -> NDArray[Any]:
    """The pairs to train on, in random order: fields ``row``, ``column``, ``log_count``, ``weight``.

    The order follows from the seed and the number of records alone.

    Args:
        counts: Counts of pairs; they are discarded.
        settings: Seed, precision, ``x_max`` and ``alpha``.
        spools: Hold the records.
        advance: Told how many records were made.

    Raises:
        DataError: A temporary file cannot be written.
    """
    value = settings.dtype
    dtype = np.dtype([("row", np.int32), ("column", np.int32), ("log_count", value), ("weight", value)])
    generator = settings.generator(_ORDER)
    piles = [spools.new(dtype) for _ in range(max(1, math.ceil(len(counts) / _SHUFFLED_AT_ONCE)))]
    for rows, columns, values in counts.blocks():
        block = np.empty(len(rows), dtype)
        block["row"], block["column"], block["log_count"] = rows, columns, np.log(values)
        block["weight"] = np.minimum(1.0, (values / settings.x_max) ** settings.alpha)
        _deal(block, piles, generator)
        advance(len(block))
    counts.stored.discard()
    records = spools.new(dtype)
    for pile in piles:
        block = pile.array()
        records.append(block[generator.permutation(len(block))])
        del block
        pile.discard()
    return records.array()


def _deal(block: NDArray[Any], piles: list[Spool], generator: np.random.Generator) -> None:
    if len(piles) == 1:
        piles[0].append(block)
        return
    drawn = generator.integers(len(piles), size=len(block))
    order = np.argsort(drawn, kind="stable")
    ends = np.cumsum(np.bincount(drawn, minlength=len(piles)))
    for pile, part in zip(piles, np.split(block[order], ends[:-1]), strict=True):
        pile.append(part.copy())


# ---------------------------------------------------------------------------------------------------- weights


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """Everything that training moves; words come first, their context vectors (w̃) second.

    Attributes:
        dimension: Length d of a vector.
        vectors: [2, words, p]; p is d made a multiple of some number of lanes, with zeros that stay zeros.
        squares: The vectors' accumulators: [2, words, p].
        biases: The biases and their accumulators: [2, words, 2].
    """

    dimension: int
    vectors: NDArray[Any]
    squares: NDArray[Any]
    biases: NDArray[Any]

    @classmethod
    def initial(cls, words: int, settings: Settings) -> Self:
        """Vectors and biases uniform in ±.5/d, accumulators 1.

        Raises:
            MemoryError: There is not so much memory.
        """
        padded = -(-settings.dimension // _LANES) * _LANES
        try:
            weights = cls(
                settings.dimension,
                np.zeros((2, words, padded), settings.dtype),
                np.ones((2, words, padded), settings.dtype),
                np.ones((2, words, 2), settings.dtype),
            )
        except MemoryError:
            size = 4 * words * padded * settings.dtype.itemsize
            raise MemoryError(
                f"{size / 2**30:.1f} GiB could not be had for vectors of {words} words in {settings.dimension} "
                "dimensions; a smaller dimension or vocabulary needs less"
            ) from None
        generator = settings.generator(_WEIGHTS)
        for side in range(2):
            for begin in range(0, words, 4096):
                rows = slice(begin, min(begin + 4096, words))
                drawn = generator.random((rows.stop - begin, settings.dimension + 1))
                drawn = (drawn - 0.5) / settings.dimension
                weights.vectors[side, rows, : settings.dimension] = drawn[:, :-1]
                weights.biases[side, rows, 0] = drawn[:, -1]
        return weights

    def sums(self) -> NDArray[Any]:
        """W + W̃, without biases: [words, d]."""
        values: NDArray[Any] = self.vectors[0, :, : self.dimension] + self.vectors[1, :, : self.dimension]
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Views without the padding, by name."""
        inside = (..., slice(self.dimension))
        return {"vectors": self.vectors[inside], "squares": self.squares[inside], "biases": self.biases}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the values of :meth:`arrays`."""
        for name, values in self.arrays().items():
            values[...] = arrays[name]


# ------------------------------------------------------------------------------------------------------- loop


def _compiled(function: _Function) -> _Function:
    """The function as machine code, kept on disk from the first run on.

    Sums may be taken in any order and roots by approximation; not-a-number stays what it is, as the guard needs it.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "arcp", "nsz", "afn"}}
    njit: Any = numba.njit
    try:
        return cast("_Function", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could hold it
        return cast("_Function", njit(**options)(function))


@_compiled
def train_records(  # noqa: PLR0917
    records: NDArray[Any],
    begin: int,
    end: int,
    vectors: NDArray[Any],
    squares: NDArray[Any],
    biases: NDArray[Any],
    lr: float,
    clip: float,
    clips_biases: bool,
) -> float:
    """Take a step on each record from ``begin`` to ``end``, in order; gives the sum of ½ · f · diff² before them."""
    width = vectors.shape[2]
    cost = 0.0
    for at in range(begin, end):
        record = records[at]
        row, column = record["row"], record["column"]
        # Rows of arrays of their own, each in one piece: else the inner loop is not vectorised.
        word, context = vectors[0, row], vectors[1, column]
        word_squares, context_squares = squares[0, row], squares[1, column]

        diff = biases[0, row, 0] + biases[1, column, 0] - record["log_count"]
        for k in range(width):
            diff += word[k] * context[k]
        slope = record["weight"] * diff
        cost += 0.5 * slope * diff

        for k in range(width):
            value, other = word[k], context[k]
            step = min(max(slope * other, -clip), clip) * lr
            other_step = min(max(slope * value, -clip), clip) * lr
            square, other_square = word_squares[k], context_squares[k]
            word[k] = value - step / math.sqrt(square)
            context[k] = other - other_step / math.sqrt(other_square)
            word_squares[k] = square + step * step
            context_squares[k] = other_square + other_step * other_step

        if clips_biases:
            slope = min(max(slope, -clip), clip) * lr
        biases[0, row, 0] -= slope / math.sqrt(biases[0, row, 1])
        biases[1, column, 0] -= slope / math.sqrt(biases[1, column, 1])
        biases[0, row, 1] += slope * slope
        biases[1, column, 1] += slope * slope
    return cost


# ---------------------------------------------------------------------------------------------------- a run


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a training run.

    Attributes:
        costs: Mean of ½ · f · diff² in each epoch; where a budget ends one, of what of it was done.
        epochs: Passes over the records, with fractions.
        compiling_seconds: Time until the loop was there, compiled or read from disk.
        training_seconds: Time of this session's steps.
        epoch_seconds: Time that each epoch of this session took, or would have taken had it been a whole one.
        records_per_second: Steps a second of this session.
        notes: What whoever started the run should know.
    """

    costs: tuple[float, ...]
    epochs: float
    compiling_seconds: float
    training_seconds: float
    epoch_seconds: tuple[float, ...]
    records_per_second: float
    notes: tuple[str, ...]


class Trainer:
    """One run of training; between two rounds of records it is nothing but its weights and a few numbers.

    With one worker the weights follow from records, settings and first weights, to the last bit on one kind of
    processor. Several workers share the weights without locks, as the Stanford tool's threads do (Recht et al. 2011).

    Args:
        weights: What is trained, in place.
        records: From :func:`shuffled_records`.
        settings: Learning rate and the like.
        epochs: Passes over the records; a budget replaces it.
        run: Workers, budget, checkpoints, log and progress.
        facts: What run this is: a checkpoint with other facts is refused.
        started: When the fit began on ``clock``, so that the budget covers what came before.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        weights: Weights,
        records: NDArray[Any],
        settings: Settings,
        *,
        epochs: int,
        run: RunOptions,
        facts: Mapping[str, Any] | None = None,
        started: float | None = None,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._weights, self._records, self._settings, self._run = weights, records, settings, run
        self._facts = dict(facts or {})
        self._started, self._clock = started, clock
        self._folder = None if run.checkpoint is None else Path(run.checkpoint)
        self._round = max(1, _ROUND // settings.dimension)
        self._rounds = max(1, math.ceil(len(records) / self._round))
        self._pacer = Pacer(
            Plan.of(epochs * self._rounds) if run.budget_seconds is None else None,
            budget=run.budget_seconds,
            windows=self._rounds,
            amount=len(records) / self._rounds,
            is_evaluated=False,
            fewest=self._rounds,
            unit="rounds of records",
            checkpoint_seconds=None if run.checkpoint is None else run.checkpoint_seconds,
        )
        self._costs: list[float] = []
        self._position, self._cost = 0, 0.0
        self._epoch_seconds: list[float] = []
        self._notes: list[str] = []

    def train(self) -> Outcome:
        """Train to the end.

        Raises:
            NlmkitError: Training diverged: the cost is not finite, or at the end worse than that of zeros.
            SavedModelError: The checkpoint is damaged, another run's, or cannot be written.
            KeyboardInterrupt: Ctrl-C or SIGTERM; where there is a checkpoint folder, the run can be resumed from there.
        """
        before = self._resume()
        compiling = self._compile()
        self._watch = Stopwatch(self._clock, before=before or 0.0, started=self._started if before is None else None)
        self._session_begins = self._epoch_begins = self._saved_at = self.seconds
        self._steps = self._steps_before_epoch = 0
        self._pacer.begin(seconds=self.seconds, stepping=self._watch.stepping)
        self._show_plan()
        log = None if self._run.log is None else Path(self._run.log)
        with (
            TrainingLog(log, after=len(self._costs) * len(self._records)) as self._log,
            ThreadPoolExecutor(self._run.workers) as self._pool,
            Interruption(wanted=self._folder is not None) as interruption,
        ):
            while not self._pacer.is_over(self._done):
                self._take_round()
                if self._position == len(self._records):
                    self._end_epoch()
                planned = self._plan()
                finished = self._pacer.is_over(self._done)
                due = planned or self.seconds - self._saved_at >= self._run.checkpoint_seconds
                if interruption.asked or (due and not finished):
                    self._save()
                if interruption.asked:
                    raise interruption.error()
            costs = [*self._costs, *([self._cost / self._position] if self._position else [])]
            self._judge(costs[-1])  # first: weights that went off are no good checkpoint
            self._save_at_the_end()
        took = self.seconds - self._session_begins - self._watch.saving
        epochs = len(self._costs) + self._position / len(self._records)
        self._notes += self._pacer.notes(seconds=self.seconds, finished=True)
        return Outcome(
            costs=tuple(costs),
            epochs=epochs,
            compiling_seconds=compiling,
            training_seconds=took,
            epoch_seconds=tuple(self._epoch_seconds),
            records_per_second=self._steps / max(took, 1e-9),
            notes=tuple(self._notes),
        )

    @property
    def seconds(self) -> float:
        """Time of training so far; with a budget, of what came before it, too."""
        return self._watch.seconds

    @property
    def _done(self) -> int:
        """Rounds done."""
        return len(self._costs) * self._rounds + math.ceil(self._position / self._round)

    def _compile(self) -> float:
        """Have the loop compiled, which the first run on a machine takes some seconds for."""
        self._run.stage("preparing the training loop (the first run compiles it, which takes some seconds)")
        begins = time.perf_counter()
        self._step(0, 0)
        return time.perf_counter() - begins

    def _step(self, begin: int, end: int) -> float:
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

    def _take_round(self) -> None:
        begin, end = self._position, min(self._position + self._round, len(self._records))
        begins = self.seconds
        workers = self._run.workers
        if workers == 1:
            cost = self._step(begin, end)
        else:
            bounds = [begin + (end - begin) * part // workers for part in range(workers + 1)]
            cost = sum(self._pool.map(self._step, bounds[:-1], bounds[1:]))
        if not math.isfinite(cost):
            self._position = end
            raise self._diverged(f"the cost is {cost}")
        self._cost += cost
        self._position = end
        self._steps += end - begin
        self._run.advance(end - begin)
        self._pacer.worked(end - begin)
        if self._pacer.plan is None:
            self._pacer.speed.add(self.seconds - begins, end - begin)

    def _end_epoch(self) -> None:
        """Note the epoch's cost."""
        self._costs.append(self._cost / len(self._records))
        self._position, self._cost = 0, 0.0
        seconds, epoch = self.seconds, len(self._costs)
        # A resumed run begins within an epoch, and takes less time for it.
        rate = (self._steps - self._steps_before_epoch) / max(seconds - self._epoch_begins, 1e-9)
        self._steps_before_epoch, self._epoch_begins = self._steps, seconds
        took = len(self._records) / rate
        self._epoch_seconds.append(took)
        record = LogRecord(
            step=epoch * len(self._records),
            epoch=float(epoch),
            metrics={"cost": self._costs[-1]},
            lr=self._settings.lr,
            unit="records",
            seconds=seconds,
        )
        self._log.write(record)
        self._run.note(f"epoch {epoch} · cost {self._costs[-1]:.5f} · {rate:,.0f} records/s")

    def _plan(self) -> bool:
        """Plan the rounds once the speed is known, and anew where they take otherwise; whether that was so."""
        seconds, stepping = self.seconds, self._watch.stepping
        if self._pacer.plan is None and self._pacer.speed.done:
            pace = self._pacer.speed.pace
            self._pacer.freeze(seconds=seconds, stepping=stepping, step=self._done, pace=pace, evaluation_seconds=0.0)
            changed = True
        else:
            changed = self._pacer.looks_at(self._done) and self._pacer.look(
                seconds=seconds, stepping=stepping, saving=self._watch.last_saving, step=self._done
            )
        if changed:
            self._show_plan()
        return changed

    def _show_plan(self) -> None:
        total = len(self._records)
        if self._pacer.plan is None:
            self._run.stage("training to measure the speed")
        else:
            epochs, rounds = divmod(self._pacer.plan.steps, self._rounds)
            self._run.stage("training", epochs * total + rounds * self._round)
        self._run.advance(len(self._costs) * total + self._position)

    def _judge(self, cost: float) -> None:
        """Refuse weights that are worse than zeros, and say so where they are not better."""
        zeros = 0.0
        for begin in range(0, len(self._records), _SHUFFLED_AT_ONCE):
            block = self._records[begin : begin + _SHUFFLED_AT_ONCE]
            zeros += float(0.5 * np.dot(block["weight"].astype(np.float64), block["log_count"].astype(np.float64) ** 2))
        zeros /= len(self._records)
        weights = self._weights
        if not (np.isfinite(weights.vectors).all() and np.isfinite(weights.biases).all()):
            raise self._diverged("a vector is not finite")
        if cost > _SLACK * zeros + 1:
            raise self._diverged(f"the cost is {cost:.4g}, and that of vectors of zeros {zeros:.4g}")
        if cost > zeros > 0:
            self._notes.append(
                f"the cost is {cost:.4g}, worse than the {zeros:.4g} of vectors of zeros: train longer, or with "
                "another lr"
            )

    def _diverged(self, what: str) -> NlmkitError:
        kept = ""
        if self._folder is not None and (self._folder / "manifest.json").exists():
            kept = f"; {self._folder} holds the last good checkpoint"
        settings = self._settings
        return NlmkitError(
            f"training diverged in epoch {len(self._costs) + bool(self._position)}: {what}; try a lower lr (now "
            f"{settings.lr:g}), a lower clip (now {settings.clip:g}) or bias_update=paper{kept}"
        )

    # --------------------------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        if self._folder is None:
            return
        checkpoint = Checkpoint(
            facts=self._facts,
            costs=tuple(self._costs),
            position=self._position,
            cost=self._cost,
            plan=None if self._run.budget_seconds is None else self._pacer.plan,
            pace=self._pacer.to_json(self._watch.stepping),
            threads=self._run.workers,
            seconds=self.seconds,
            arrays=self._weights.arrays(),
        )
        with self._watch.checkpoint():
            save_checkpoint(self._folder, checkpoint)
        self._saved_at = self.seconds

    def _save_at_the_end(self) -> None:
        """From this checkpoint a run of more epochs goes on; that it cannot be written must not cost the model."""
        try:
            self._save()
        except SavedModelError as error:
            self._notes.append(f"the last checkpoint was not written: {error}")

    def _resume(self) -> float | None:
        """Go on from the checkpoint, if wanted; gives the seconds of training before it, None where there is none."""
        if self._folder is None:
            return None
        wanted, like = self._run.resume, self._weights.arrays()
        found = load_checkpoint(self._folder, self._facts, like, rounds=self._rounds) if wanted else None
        if found is None:
            check_target(self._folder)
            if wanted:
                note_nothing_to_resume(self._folder)
            return None
        with reading(self._folder):
            self._restore(found)
            note_other_threads(self._folder, found.threads, self._run.workers)
        self._check_more_is_wanted()
        return found.seconds

    def _restore(self, found: Checkpoint) -> None:
        ends = found.position % self._round == 0 and found.position < len(self._records)
        require(ends, f"no round ends at {found.position}")
        self._weights.load(found.arrays)
        self._costs, self._position, self._cost = list(found.costs), found.position, found.cost
        if self._run.budget_seconds is not None:
            plan = found.plan
            require(plan is None or plan.bent_at <= self._done <= plan.steps, f"round {self._done} is not in its plan")
            self._pacer.plan = plan
            self._pacer.restore(found.pace)

    def _check_more_is_wanted(self) -> None:
        plan, done = self._pacer.plan, len(self._costs)
        if plan is not None and self._done > plan.steps:
            raise SavedModelError(
                f"{self._folder}: the checkpoint has {done} epochs behind it already, and epochs="
                f"{plan.steps // self._rounds} are asked for; ask for more, or begin again without resume"
            )
