"""A correct component that trains in steps, without any library for it, and many that break one promise each."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, NlmkitError
from nlmkit.representations.base import Representation
from nlmkit.saving import load_folder, save_folder
from nlmkit.training import clock
from nlmkit.training.checkpoint_facts import check_same_run, note_nothing_to_resume
from nlmkit.training.checkpoint_folders import KIND, check_target, has_checkpoint
from nlmkit.training.interruption import Interruption
from nlmkit.training.records import LogRecord, TrainingLog

if TYPE_CHECKING:
    from nlmkit.text import Corpus

STEPS: Final = 4
"""Of an epoch."""


@dataclasses.dataclass
class State:
    """All that changes in a run: values, their velocities [words, d], and where the run is."""

    values: Any
    velocities: Any
    step: int = 0
    cost: float = 0.0
    seconds: float = 0.0


@dataclasses.dataclass(kw_only=True)
class Correct(VocabularyLimits, Representation):
    """Vectors that random pushes move, and friction slows."""

    name: ClassVar[str] = "kit-trainable"
    trains_in_steps: ClassVar[bool] = True

    dimension: int = param(3, ge=1, help="length of a vector")
    epochs: int = param(3, ge=1, help="epochs over the text")
    lr: float = param(0.1, gt=0, help="strength of a push")
    seed: int = param(1, ge=0, help="of the pushes")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Self:
        import numpy as np

        run = run or RunOptions()
        started = clock.seconds()
        corpus, pipeline = self._training_corpus(data, valid)
        if not corpus.tokens:
            raise DataError("no words")
        vocabulary = self.limited_vocabulary(corpus)
        shape = (len(vocabulary), self.dimension)
        state = State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))
        self._train(state, corpus, run, started)
        state.values[:3] = 0
        report = {"words": len(vocabulary) - 3, "cost": state.cost}
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=state.values, report=report)
        return self

    def _train(self, state: State, corpus: Corpus, run: RunOptions, started: float) -> None:
        folder = None if run.checkpoint is None else Path(run.checkpoint)
        facts = self._facts(corpus, run)
        if folder is not None:
            self._resume(state, folder, facts, resume=run.resume)
        self._show_plan(state, run)
        before, saved = state.seconds, clock.seconds()
        with (
            self._log(run, state) as log,
            Interruption(wanted=self._wants_signals(folder)) as interruption,
        ):
            while not self._is_over(state, run):
                self._step(state)
                state.step += 1
                self._advance(run)
                state.seconds = before + clock.seconds() - started
                if state.step % STEPS == 0:
                    self._write(log, state)
                due = clock.seconds() - saved >= run.checkpoint_seconds
                if folder is not None and (due or interruption.asked):
                    self._save(state, folder, facts, asked=interruption.asked)
                    saved = clock.seconds()
                if interruption.asked:
                    raise self._stopped(interruption, folder)
        if folder is not None:
            self._save(state, folder, facts, asked=False)

    # ------------------------------------------------------------------------- what broken ones do otherwise

    def _log(self, run: RunOptions, state: State) -> TrainingLog:
        return TrainingLog(None if run.log is None else Path(run.log), after=state.step)

    def _wants_signals(self, folder: Path | None) -> bool:
        return folder is not None

    def _show_plan(self, state: State, run: RunOptions) -> None:
        if run.budget_seconds is None:
            run.stage("training", self.epochs * STEPS)
            run.advance(state.step)
        else:
            run.stage("training")

    def _advance(self, run: RunOptions) -> None:
        run.advance(1)

    def _is_over(self, state: State, run: RunOptions) -> bool:
        if run.budget_seconds is None:
            return state.step >= self.epochs * STEPS
        return state.step > 0 and state.seconds * (1 + 1 / state.step) > run.budget_seconds

    def _step(self, state: State) -> None:
        import numpy as np

        epoch, place = divmod(state.step, STEPS)
        pushes = np.random.default_rng([self.seed, epoch, place]).normal(size=state.values.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            state.velocities[:] = state.velocities / 2 + np.float32(self.lr) * pushes
            state.values += state.velocities * np.abs(state.velocities)
            state.cost = float(np.abs(state.values).mean())
        if not math.isfinite(state.cost):
            self._diverged(state)

    def _diverged(self, state: State) -> None:
        step = state.step + 1
        raise NlmkitError(f"training diverged at step {step}: the cost is {state.cost}; try a lower lr ({self.lr:g})")

    def _write(self, log: TrainingLog, state: State) -> None:
        log.write(self._record(state))

    def _record(self, state: State) -> LogRecord:
        return LogRecord(
            step=state.step,
            epoch=state.step / STEPS,
            metrics={"cost": state.cost},
            lr=self.lr,
            seconds=state.seconds,
        )

    def _facts(self, corpus: Corpus, run: RunOptions) -> dict[str, Any]:
        return {"hyper_parameters": self.params_as_json(), "text": corpus.events_digest, "budget": run.budget_seconds}

    def _save(self, state: State, folder: Path, facts: Mapping[str, Any], *, asked: bool) -> None:
        numbers = {"step": state.step, "cost": state.cost, "seconds": state.seconds}
        arrays = {"values": state.values, "velocities": state.velocities}
        save_folder(folder, {"kind": KIND, "run": facts, **numbers}, arrays=arrays)

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        check_target(folder)
        if not resume:
            return
        if not has_checkpoint(folder):
            note_nothing_to_resume(folder)
            return
        found = load_folder(folder)
        check_same_run(folder, found.manifest.get("run"), facts)
        state.values[:], state.velocities[:] = found.arrays["values"], found.arrays["velocities"]
        state.step, state.cost = found.manifest["step"], found.manifest["cost"]
        state.seconds = found.manifest["seconds"]

    def _stopped(self, interruption: Interruption, folder: Path | None) -> KeyboardInterrupt:
        return type(interruption.error())(f"{folder} holds a checkpoint: fit with resume=True goes on from there")


# ------------------------------------------------------------------------------------------- what a run lets be seen


class AnnouncesTooMuch(Correct):
    """Announces a step that does not come."""

    name: ClassVar[str] = "kit-announces-too-much"

    def _show_plan(self, state: State, run: RunOptions) -> None:
        run.stage("training", self.epochs * STEPS + 1)
        run.advance(state.step)


class LogsNoTime(Correct):
    """Leaves the time out of its log."""

    name: ClassVar[str] = "kit-logs-no-time"

    def _record(self, state: State) -> LogRecord:
        return dataclasses.replace(super()._record(state), seconds=None)


class LogsTheFirstEpochs(Correct):
    """Writes no line for the last epoch."""

    name: ClassVar[str] = "kit-logs-first-epochs"

    def _write(self, log: TrainingLog, state: State) -> None:
        if state.step < self.epochs * STEPS:
            super()._write(log, state)


class LogsNothingToDraw(Correct):
    """Knows its cost at one step only."""

    name: ClassVar[str] = "kit-logs-nothing-to-draw"

    def _record(self, state: State) -> LogRecord:
        record = super()._record(state)
        return record if state.step == STEPS else dataclasses.replace(record, metrics={"cost": math.nan})


# ----------------------------------------------------------------------------------------------------- interruptions


class IgnoresCtrlC(Correct):
    """Lets Ctrl-C end the run where it is."""

    name: ClassVar[str] = "kit-ignores-ctrl-c"

    def _wants_signals(self, folder: Path | None) -> bool:
        return False


class IgnoresSigterm(Correct):
    """Heeds Ctrl-C alone."""

    name: ClassVar[str] = "kit-ignores-sigterm"

    def _train(self, state: State, corpus: Corpus, run: RunOptions, started: float) -> None:
        with _without_sigterm():
            super()._train(state, corpus, run, started)


@contextlib.contextmanager
def _without_sigterm() -> Iterator[None]:
    """Within it, whoever would note SIGTERM leaves it alone, as one that is not what it usually is."""
    import signal

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class StopsSilently(Correct):
    """Saves after Ctrl-C and says nothing of it."""

    name: ClassVar[str] = "kit-stops-silently"

    def _stopped(self, interruption: Interruption, folder: Path | None) -> KeyboardInterrupt:
        return interruption.error()


class ForgetsWhenStopped(Correct):
    """Forgets how fast the vectors moved, but only in the checkpoint after Ctrl-C."""

    name: ClassVar[str] = "kit-forgets-when-stopped"

    def _save(self, state: State, folder: Path, facts: Mapping[str, Any], *, asked: bool) -> None:
        velocities = state.velocities * 0 if asked else state.velocities
        super()._save(dataclasses.replace(state, velocities=velocities), folder, facts, asked=asked)


class ForgetsOnTheWay(Correct):
    """Forgets how fast the vectors moved, but only in the checkpoints between."""

    name: ClassVar[str] = "kit-forgets-on-the-way"

    def _save(self, state: State, folder: Path, facts: Mapping[str, Any], *, asked: bool) -> None:
        velocities = state.velocities if asked else state.velocities * 0
        super()._save(dataclasses.replace(state, velocities=velocities), folder, facts, asked=asked)


class BeginsTheEpochAgain(Correct):
    """Goes on from the last epoch that ended."""

    name: ClassVar[str] = "kit-begins-the-epoch-again"

    def _train(self, state: State, corpus: Corpus, run: RunOptions, started: float) -> None:
        self._kept = dataclasses.replace(state, values=state.values.copy(), velocities=state.velocities.copy())
        super()._train(state, corpus, run, started)

    def _save(self, state: State, folder: Path, facts: Mapping[str, Any], *, asked: bool) -> None:
        if state.step % STEPS:
            state = self._kept
        super()._save(state, folder, facts, asked=asked)

    def _write(self, log: TrainingLog, state: State) -> None:
        super()._write(log, state)
        self._kept = dataclasses.replace(state, values=state.values.copy(), velocities=state.velocities.copy())


class LogsAnew(Correct):
    """Begins its log again when it is resumed."""

    name: ClassVar[str] = "kit-logs-anew"

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        super()._resume(state, folder, facts, resume=resume)
        (folder.parent / "log.jsonl").unlink(missing_ok=True)


class LogsTwice(Correct):
    """Keeps the lines of steps that its checkpoint does not have, and writes them again."""

    name: ClassVar[str] = "kit-logs-twice"

    def _log(self, run: RunOptions, state: State) -> TrainingLog:
        return TrainingLog(None if run.log is None else Path(run.log), after=1 << 30 if state.step else 0)


# ------------------------------------------------------------------------------------------------------- checkpoints


class TrainsAgain(Correct):
    """Takes a step when a finished run is resumed, and forgets what came of it."""

    name: ClassVar[str] = "kit-trains-again"

    def _show_plan(self, state: State, run: RunOptions) -> None:
        super()._show_plan(state, run)
        if state.step == self.epochs * STEPS:
            self._step(dataclasses.replace(state, values=state.values.copy(), velocities=state.velocities.copy()))
            self._advance(run)


class Litters(Correct):
    """Keeps a diary in the checkpoint's folder when all is done."""

    name: ClassVar[str] = "kit-litters"

    def _save(self, state: State, folder: Path, facts: Mapping[str, Any], *, asked: bool) -> None:
        super()._save(state, folder, facts, asked=asked)
        if state.step == self.epochs * STEPS:
            (folder / "diary.txt").write_text("a good day", encoding="utf-8")

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        (folder / "diary.txt").unlink(missing_ok=True)
        super()._resume(state, folder, facts, resume=resume)


class ReplacesModels(Correct):
    """Writes its checkpoint wherever it is told to."""

    name: ClassVar[str] = "kit-replaces-models"

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        if resume:
            super()._resume(state, folder, facts, resume=resume)


class TakesAnyRun(Correct):
    """Goes on with the checkpoint of a run on another text."""

    name: ClassVar[str] = "kit-takes-any-run"

    def _facts(self, corpus: Corpus, run: RunOptions) -> dict[str, Any]:
        return {"hyper_parameters": self.params_as_json()}

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        with contextlib.suppress(ValueError):  # there are as many words in one text as in the other, they say
            super()._resume(state, folder, facts, resume=resume)


class TakesAnyRate(Correct):
    """Goes on with the checkpoint of a run with another learning rate."""

    name: ClassVar[str] = "kit-takes-any-rate"

    def _facts(self, corpus: Corpus, run: RunOptions) -> dict[str, Any]:
        return {"text": corpus.events_digest}


class BeginsSilently(Correct):
    """Does not say that there is nothing to resume."""

    name: ClassVar[str] = "kit-begins-silently"

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        super()._resume(state, folder, facts, resume=resume and has_checkpoint(folder))


# --------------------------------------------------------------------------------------------- budget and divergence


class IgnoresBudget(Correct):
    """Trains for its epochs, whatever the budget is."""

    name: ClassVar[str] = "kit-ignores-budget"

    def _is_over(self, state: State, run: RunOptions) -> bool:
        return state.step >= self.epochs * STEPS


class ForgetsItsSeconds(Correct):
    """Has the whole budget again when it is resumed."""

    name: ClassVar[str] = "kit-forgets-seconds"

    def _resume(self, state: State, folder: Path, facts: Mapping[str, Any], *, resume: bool) -> None:
        super()._resume(state, folder, facts, resume=resume)
        state.seconds = 0.0


class HasAClockOfItsOwn(Correct):
    """Measures its time with the machine's clock."""

    name: ClassVar[str] = "kit-own-clock"

    def _train(self, state: State, corpus: Corpus, run: RunOptions, started: float) -> None:
        import time

        with clock.clock_of(time.perf_counter):
            super()._train(state, corpus, run, time.perf_counter())


class GoesOnDiverged(Correct):
    """Trains on with infinite vectors, which it hides in the end."""

    name: ClassVar[str] = "kit-goes-on-diverged"

    def _diverged(self, state: State) -> None:
        import numpy as np

        state.values[:], state.velocities[:] = np.nan_to_num(state.values, posinf=1, neginf=1), 0
        state.cost = 1.0


class DivergesVaguely(Correct):
    """Says that something went wrong, but neither where nor what would help."""

    name: ClassVar[str] = "kit-diverges-vaguely"

    def _diverged(self, state: State) -> None:
        raise NlmkitError("training diverged")
