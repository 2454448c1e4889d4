"""The conformance kit of training: the contract of every component with ``trains_in_steps``.

It runs beside the kit of the component's kind, through the public ``fit`` alone. Progress shows it the steps:
``RunOptions.advance`` must be called once after each of them, in the last stage that is announced. Where the size of
that stage is known, its first call is for what was done before, be it 0. A run with a budget has a clock of the kit's
own that ticks with each step, so that no check depends on the machine.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import re
import shutil
import signal
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from nlmkit.core.component import Component
from nlmkit.core.notes import LOGGER
from nlmkit.core.run import RunOptions
from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.testing.checks import Check, ConformanceError, check_in, require, require_error
from nlmkit.testing.component import Subject, require_equal_states
from nlmkit.testing.registration import registered
from nlmkit.training.checkpoint_folders import read_checkpoint, remove_checkpoint
from nlmkit.training.clock import clock_of

CHECKS: list[Check] = []

LEARNING_RATES: Final = ("lr", "learning_rate")
"""Names of the hyper-parameter whose absurd values must end in an error, in order of preference."""

_EPOCHS: Final = 3
_FEWEST_STEPS: Final = 3
_NEVER: Final = 1e9
_ALWAYS: Final = 1e-9
_NEAR: Final = 0.1  # share of a budget by which steps of unlike lengths, each of which takes a second, may miss its end
_TICKS: Final = 60
_ABSURD: Final = 1e30
_OTHER_RATE: Final = 0.5


class _Killed(BaseException):
    """Exception that ends a run like SIGKILL: the run must not handle it."""


class _Stage:
    def __init__(self, description: str, total: float | None) -> None:
        self.description, self.total = description, total
        self.done, self.calls = 0.0, 0

    @property
    def steps(self) -> int:
        """Calls of ``advance`` after steps; where the size is known, the first one shows what was done before."""
        return max(0, self.calls - (self.total is not None))


class _Watcher:
    """Counts the steps of training, and acts after one of them.

    Args:
        first: Number of the first stage of training, from 0; left out, nothing is done.
        at: Calls ``act`` after so many steps.
        act: What is done then.
        step: Called after each step.
    """

    def __init__(
        self,
        first: int = 1 << 30,
        at: int | None = None,
        act: Callable[[], None] = lambda: None,
        *,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self.stages: list[_Stage] = []
        self._first, self._at, self._act, self._step = first, at, act, step

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append(_Stage(description, total))

    def advance(self, amount: float) -> None:
        stage = self.stages[-1]
        before = stage.steps
        stage.calls += 1
        stage.done += amount
        if len(self.stages) > self._first and stage.steps > before:
            self._step()
            if self.steps(self._first) == self._at:
                self._act()

    def steps(self, first: int) -> int:
        """Steps in the stages from a number on."""
        return sum(stage.steps for stage in self.stages[first:])

    @property
    def last(self) -> int:
        """Number of the last stage in which something was done; training is what ends a fit."""
        return max((number for number, stage in enumerate(self.stages) if stage.done), default=0)


class _Trial:
    """A component's runs of a few epochs, each made when a check first needs it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = weakref.proxy(subject)
        self.folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._folders = 0

    def component(self, **changed: Any) -> Component:
        """An unfitted copy that trains for a few epochs, with other values of hyper-parameters if wanted."""
        clone: Component = self._subject.clone()
        if "epochs" in clone.hyper_parameters() and clone.get_params()["epochs"] > _EPOCHS:
            changed = {"epochs": _EPOCHS, **changed}
        return clone.set_params(**changed)

    def fit(self, component: Component, *, other: bool = False, **options: Any) -> Component:
        """Fit on the kind's text with these options of the run."""
        fitted: Component = self._subject.fit(component, other=other, run=RunOptions(**{"progress": None, **options}))
        return fitted

    def new_folder(self) -> Path:
        """A folder for one run: ``checkpoint`` and ``log.jsonl`` go there."""
        self._folders += 1
        folder = self.folder / str(self._folders)
        folder.mkdir()
        return folder

    # ---------------------------------------------------------------------------------------------- the runs

    @functools.cached_property
    def whole(self) -> _Run:
        """The run that nothing interrupts."""
        run = _Run(self, self.new_folder())
        run.go(_Watcher())
        if run.error is not None:
            raise run.error
        return run

    @functools.cached_property
    def steps(self) -> int:
        """How many steps it takes."""
        taken = self.whole.watcher.steps(self.stage)
        require(
            taken >= _FEWEST_STEPS,
            f"progress shows {taken} steps of {_EPOCHS} epochs, but {_FEWEST_STEPS} are required to interrupt it "
            f"within an epoch: call run.advance after each step, and check a component with more epochs or smaller "
            "batches",
        )
        return taken

    @property
    def stage(self) -> int:
        """Number of the first stage in which steps are taken."""
        return self.whole.watcher.last

    def interrupted(
        self, number: signal.Signals, at: int, *, step: Callable[[], None] = lambda: None, **options: Any
    ) -> _Run:
        """A run that a signal reaches after so many steps."""
        run = _Run(self, self.new_folder())

        def strike() -> None:
            heeded = signal.getsignal(number) is not signal.SIG_DFL
            require(heeded, f"{number.name} during training would end the process without saving")
            signal.raise_signal(number)

        with _usual_signals():
            run.go(_Watcher(self.stage, at, strike, step=step), **options)
        return run

    @functools.cached_property
    def stopped(self) -> _Run:
        """The run that Ctrl-C stops in the middle of an epoch."""
        return self.interrupted(signal.SIGINT, math.ceil(self.steps / 2))

    @functools.cached_property
    def resumed(self) -> _Run:
        """The run that goes on from there; its log is a line ahead of its checkpoint, as after a kill."""
        written, lines = self.stopped.log, self.whole.log.read_text(encoding="utf-8").splitlines(keepends=True)
        done = len(written.read_text(encoding="utf-8").splitlines()) if written.is_file() else 0
        if len(lines) > done + 1:  # else a run that writes no more would have all lines
            with written.open("a", encoding="utf-8", newline="\n") as file:
                file.write(lines[done])
        return self.stopped.resumed()

    @functools.cached_property
    def killed(self) -> _Run:
        """What a run that is killed in the middle of its last epoch leaves on disk."""
        run, left = _Run(self, self.new_folder()), _Run(self, self.new_folder())

        def strike() -> None:
            shutil.copytree(run.folder, left.folder, dirs_exist_ok=True)
            raise _Killed

        with contextlib.suppress(_Killed):
            run.go(_Watcher(self.stage, math.ceil(self.steps * 5 / 6), strike), checkpoint_seconds=_ALWAYS)
        if run.error is not None:
            raise run.error
        return left

    @property
    def budget(self) -> float:
        """Seconds for twice the steps of the whole run, where each takes one."""
        return float(max(_TICKS, 2 * self.steps))

    @functools.cached_property
    def timed(self) -> tuple[_Run, float]:
        """The run with that budget, and the seconds that it takes."""
        run, clock = _Run(self, self.new_folder()), _Clock(self.budget)
        with clock_of(clock):
            run.go(_Watcher(self.stage, step=clock.tick), budget_seconds=self.budget)
        if run.error is not None:
            raise run.error
        return run, clock.now


class _Clock:
    """Seconds that pass with steps alone.

    Args:
        budget: A run that takes twice as many is given up.
    """

    def __init__(self, budget: float) -> None:
        self.now = self.ticks = 0.0
        self._budget = budget

    def __call__(self) -> float:
        return self.now

    def tick(self) -> None:
        """A step has been taken."""
        self.now += 1
        self.ticks += 1
        late = (
            f"after twice its budget of {self._budget:g} s it continues training: it must read "
            f"nlmkit.training.clock.seconds"
        )
        require(self.ticks <= 2 * self._budget, late)


class _Run:
    """One fit with a checkpoint and a log in a folder of its own."""

    def __init__(self, trial: _Trial, folder: Path) -> None:
        self._trial, self.folder = trial, folder
        self.checkpoint, self.log = folder / "checkpoint", folder / "log.jsonl"
        self.component = trial.component()
        self.watcher = _Watcher()
        self.error: BaseException | None = None

    def go(self, watcher: _Watcher, **options: Any) -> None:
        """Fit, and keep the error that ends it."""
        self.watcher = watcher
        options = {"checkpoint_seconds": _NEVER, **options}
        try:
            self._trial.fit(self.component, progress=watcher, checkpoint=self.checkpoint, log=self.log, **options)
        except (KeyboardInterrupt, NlmkitError) as error:
            self.error = error

    def resumed(self, watcher: _Watcher | None = None, **options: Any) -> _Run:
        """A run that goes on from a copy of what this one left."""
        again = _Run(self._trial, self._trial.new_folder())
        shutil.copytree(self.folder, again.folder, dirs_exist_ok=True)
        again.go(watcher or _Watcher(), resume=True, **options)
        if again.error is not None:
            raise again.error
        return again

    @property
    def has_checkpoint(self) -> bool:
        """Whether it left a checkpoint that can be read."""
        return read_checkpoint(self.checkpoint) is not None

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        require(self.log.is_file(), "a run with a log does not write it")
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


_TRIALS: weakref.WeakKeyDictionary[Subject, _Trial] = weakref.WeakKeyDictionary()


def _trial(subject: Subject) -> _Trial:
    if subject not in _TRIALS:
        _TRIALS[subject] = _Trial(subject)
    return _TRIALS[subject]


@contextlib.contextmanager
def _usual_signals() -> Iterator[None]:
    """Ctrl-C means what it means in a program of the user's own."""
    is_main = threading.current_thread() is threading.main_thread()
    require(is_main, "Ctrl-C reaches the main thread only: run this check there")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _noted() -> Iterator[list[str]]:
    """The notes that are logged within."""
    found: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, logger = Keeps(), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


# ---------------------------------------------------------------------------------------- what a run lets be seen


@check_in(CHECKS)
def progress_adds_up(subject: Subject) -> None:
    """Progress advances once per step, and the advances of a stage add up to its announced total."""
    trial = _trial(subject)
    require(trial.steps, "no steps")
    stage = trial.whole.watcher.stages[trial.stage]
    require(stage.total is not None, f"the stage {stage.description!r} is announced without its size")
    require(stage.done == stage.total, f"the stage {stage.description!r} of {stage.total} ends at {stage.done}")


@check_in(CHECKS)
def the_log_is_complete(subject: Subject) -> None:
    """Each line of the log has step, epoch, seconds and named figures; there is one for each epoch, up to the last."""
    lines = _trial(subject).whole.lines()
    require(lines, "the log has no line")
    for number, line in enumerate(lines, start=1):
        for name, kinds in (("step", int), ("epoch", (int, float)), ("seconds", (int, float))):
            value = line.get(name)
            sound = isinstance(value, kinds) and not isinstance(value, bool)
            require(sound, f"line {number} of the log has {name} {value!r}")
        require(_named(line), f"line {number} of the log has no value besides step, epoch and seconds")
    for name in ("step", "epoch", "seconds"):
        values = [line[name] for line in lines]
        require(values == sorted(values), f"{name} decreases in the log: {values}")
    last = lines[-1]["epoch"]
    ended = {math.floor(line["epoch"]) for line in lines}
    missing = sorted(set(range(1, math.floor(last) + 1)) - ended)
    require(last >= 1 and not missing, f"the log goes to epoch {last:g} and has no line of epochs {missing}")
    epochs = _trial(subject).whole.component.get_params().get("epochs")
    if isinstance(epochs, int):
        require(last == epochs, f"the log ends at epoch {last:g}, and epochs={epochs}")


@check_in(CHECKS)
def a_learning_curve_can_be_drawn(subject: Subject) -> None:
    """At least one figure of the log is finite in two or more lines, so that a curve can be drawn."""
    lines = _trial(subject).whole.lines()
    counts = {name: sum(name in _figures(line) for line in lines) for line in lines for name in _figures(line)}
    require(max(counts.values(), default=0) >= 2, f"no value is finite twice in the log: {counts}")


def _named(line: Mapping[str, Any]) -> dict[str, Any]:
    """Measured figures by name; null if not finite."""
    found = dict(line)
    for nested in [value for value in line.values() if isinstance(value, dict)]:
        found |= nested
    return {
        name: value for name, value in found.items() if name not in ("step", "epoch", "lr") and "second" not in name
    }


def _figures(line: Mapping[str, Any]) -> dict[str, float]:
    """Measured figures that are finite."""
    return {name: value for name, value in _named(line).items() if isinstance(value, (int, float))}


# ------------------------------------------------------------------------------------------------- interruptions


@check_in(CHECKS)
def ctrl_c_saves_a_checkpoint(subject: Subject) -> None:
    """Ctrl-C ends ``fit`` with KeyboardInterrupt, leaves a checkpoint, and the component unfitted."""
    _require_stopped(_trial(subject).stopped, "Ctrl-C")


@check_in(CHECKS, when=lambda subject: hasattr(signal, "SIGTERM"))
def sigterm_saves_a_checkpoint(subject: Subject) -> None:
    """SIGTERM, sent by batch systems, has the effect of Ctrl-C."""
    trial = _trial(subject)
    _require_stopped(trial.interrupted(signal.SIGTERM, 2), "SIGTERM")


def _require_stopped(run: _Run, what: str) -> None:
    stopped = isinstance(run.error, KeyboardInterrupt)
    require(stopped, f"{what} ends fit with {run.error!r}" if run.error else f"{what} does not end fit")
    require(run.has_checkpoint, f"{what} leaves no checkpoint")
    require(not run.component.is_fitted, f"after {what} the component reports that it is fitted")


@check_in(CHECKS)
def ctrl_c_says_how_to_resume(subject: Subject) -> None:
    """The KeyboardInterrupt names in one line the folder of the checkpoint and how to resume."""
    run = _trial(subject).stopped
    message = str(run.error)
    said = str(run.checkpoint) in message and "resume" in message and "\n" not in message
    require(said, f"the message after Ctrl-C is {message!r}")


@check_in(CHECKS)
def a_run_resumed_after_ctrl_c_ends_as_the_uninterrupted_one(subject: Subject) -> None:
    """A run that is stopped by Ctrl-C in the middle of an epoch and resumed produces the same bytes."""
    trial = _trial(subject)
    require(trial.stopped.has_checkpoint, "Ctrl-C leaves no checkpoint to resume from")
    require_equal_states(trial.resumed.component, trial.whole.component, "a run resumed after Ctrl-C, and a whole one")


@check_in(CHECKS)
def a_run_resumed_after_a_kill_ends_as_the_uninterrupted_one(subject: Subject) -> None:
    """A run that is killed in the middle of an epoch and resumed from its last checkpoint produces the same bytes."""
    trial = _trial(subject)
    require(
        trial.killed.has_checkpoint, "checkpoint_seconds elapse at each step, but there is no checkpoint after a kill"
    )
    resumed = trial.killed.resumed().component
    require_equal_states(resumed, trial.whole.component, "a run resumed after a kill, and a whole one")


@check_in(CHECKS)
def a_resumed_run_repeats_no_step(subject: Subject) -> None:
    """A run that is resumed after Ctrl-C takes only the steps that were left."""
    trial = _trial(subject)
    require(trial.stopped.has_checkpoint, "Ctrl-C leaves no checkpoint to resume from")
    before = trial.stopped.watcher.steps(trial.stage)
    taken, left = trial.resumed.watcher.steps(trial.stage), trial.steps - before
    require(taken == left, f"{before} of {trial.steps} steps were taken before Ctrl-C, and {taken} after it")


@check_in(CHECKS)
def a_resumed_run_goes_on_with_its_log(subject: Subject) -> None:
    """A resumed run drops lines of the log that are later than its checkpoint, and ends with those of a whole run."""
    trial = _trial(subject)
    require(trial.stopped.has_checkpoint, "Ctrl-C leaves no checkpoint to resume from")
    found, expected = (_timeless(run.lines()) for run in (trial.resumed, trial.whole))
    require(len(found) == len(expected), f"the log has {len(found)} lines instead of {len(expected)}")
    for number, (line, wanted) in enumerate(zip(found, expected, strict=True), start=1):
        differing = sorted(name for name in line.keys() | wanted.keys() if line.get(name) != wanted.get(name))
        require(not differing, f"line {number} of the log differs in {', '.join(differing)}: {line} and {wanted}")


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(item) for name, item in value.items() if "second" not in name}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


# ------------------------------------------------------------------------------------------------- checkpoints


@check_in(CHECKS)
def a_finished_run_is_not_trained_again(subject: Subject) -> None:
    """A finished run leaves its last checkpoint: resumed from it, ``fit`` takes no step and produces the same bytes."""
    trial = _trial(subject)
    require(trial.whole.has_checkpoint, "a finished run leaves no checkpoint")
    again = trial.whole.resumed()
    taken = again.watcher.steps(trial.stage)
    require(taken == 0, f"a finished run that is resumed takes {taken} steps")
    require_equal_states(again.component, trial.whole.component, "a finished run that is resumed, and the run itself")


@check_in(CHECKS)
def checkpoints_can_be_removed(subject: Subject) -> None:
    """The checkpoint's folder contains nothing else: ``nlmkit fit`` removes it once the model has been saved."""
    trial = _trial(subject)
    folder = trial.new_folder() / "checkpoint"
    shutil.copytree(trial.whole.checkpoint, folder)
    try:
        remove_checkpoint(folder)
    except SavedModelError as error:
        raise ConformanceError(f"the checkpoint cannot be removed: {error}") from error
    require(not folder.exists(), "removing the checkpoint leaves its folder behind")


@check_in(CHECKS)
def checkpoints_replace_nothing_else(subject: Subject) -> None:
    """A folder with a saved model, or other files, is refused for checkpoints and left unchanged."""
    trial = _trial(subject)
    with registered(subject.cls):
        trial.whole.component.save(model := trial.new_folder() / "model")
    (other := trial.new_folder()).joinpath("thesis.txt").write_text("words", encoding="utf-8")
    for folder, what in ((model, "a saved model"), (other, "somebody's file")):
        before = _contents(folder)
        fit = functools.partial(trial.fit, trial.component(), checkpoint=folder, checkpoint_seconds=_ALWAYS)
        require_error(SavedModelError, fit, f"a checkpoint in place of {what}")
        require(_contents(folder) == before, f"a run writes its checkpoint over {what}")


@check_in(CHECKS)
def a_checkpoint_of_another_run_is_refused(subject: Subject) -> None:
    """Resuming with another text, or another learning rate, raises SavedModelError and leaves the checkpoint alone."""
    trial = _trial(subject)
    require(trial.stopped.has_checkpoint, "Ctrl-C leaves no checkpoint to resume from")
    shutil.copytree(trial.stopped.checkpoint, folder := trial.new_folder() / "checkpoint")
    before = _contents(folder)
    fit = functools.partial(trial.fit, checkpoint=folder, resume=True)
    cases = {"text": functools.partial(fit, trial.component(), other=True)}
    if (name := _rate(subject)) is not None:
        other = trial.component().get_params()[name] * _OTHER_RATE
        cases[name] = functools.partial(fit, trial.component(**{name: other}))
    for what, act in cases.items():
        require_error(SavedModelError, act, f"resuming with another {what}")
        require(_contents(folder) == before, f"resuming with another {what} changes the checkpoint")


@check_in(CHECKS)
def nothing_to_resume_is_noted(subject: Subject) -> None:
    """If ``resume`` finds no checkpoint, ``fit`` sends a note with the folder and starts at the first step."""
    trial = _trial(subject)
    folder = trial.new_folder() / "checkpoint"
    with _noted() as notes:
        fitted = trial.fit(trial.component(), checkpoint=folder, resume=True)
    said = [note for note in notes if str(folder) in note and "resume" in note]
    require(len(said) == 1, f"resume without a checkpoint is noted {len(said)} times, in {notes}")
    require_equal_states(fitted, trial.whole.component, "a run with nothing to resume, and a new one")


# -------------------------------------------------------------------------------------- budget and divergence


@check_in(CHECKS)
def the_budget_is_kept(subject: Subject) -> None:
    """With ``budget_seconds`` the training ends when about so long has passed on ``nlmkit.training.clock``."""
    trial = _trial(subject)
    _, used = trial.timed
    near = abs(used - trial.budget) <= _NEAR * trial.budget
    require(near, f"of a budget of {trial.budget:g} s, where each step takes one, {used:g} s are used")


@check_in(CHECKS)
def a_resumed_run_keeps_its_budget(subject: Subject) -> None:
    """A run with a budget that is stopped by Ctrl-C and resumed on the next day produces the same bytes."""
    trial = _trial(subject)
    expected, _ = trial.timed
    clock, budget = _Clock(trial.budget), {"budget_seconds": trial.budget}
    with clock_of(clock):
        at = round(trial.budget * 2 / 5)
        stopped = trial.interrupted(signal.SIGINT, at, step=clock.tick, **budget)
        _require_stopped(stopped, f"Ctrl-C after {at} s of a budget of {trial.budget:g} s")
        clock.now += 24 * 60 * 60
        resumed = stopped.resumed(_Watcher(trial.stage, step=clock.tick), **budget)
    require_equal_states(resumed.component, expected.component, "a run with a budget that is resumed, and a whole one")


def _rate(subject: Subject) -> str | None:
    """Name of the learning rate's hyper-parameter."""
    declared = subject.cls.hyper_parameters()
    return next((name for name in LEARNING_RATES if name in declared and declared[name].type is float), None)


@check_in(CHECKS, when=lambda subject: _rate(subject) is not None)
def divergence_says_so(subject: Subject) -> None:
    """An absurd learning rate ends in one NlmkitError that names the step and the learning rate; nothing is fitted."""
    trial = _trial(subject)
    name = _rate(subject)
    assert name is not None
    bounds = subject.cls.hyper_parameters()[name].bounds
    component = trial.component(**{name: min(_ABSURD, bounds.get("le", _ABSURD), 0.999 * bounds.get("lt", math.inf))})
    folder = trial.new_folder() / "checkpoint"
    try:
        trial.fit(component, checkpoint=folder)
    except NlmkitError as error:
        message = str(error)
    else:
        raise ConformanceError(f"{name}={component.get_params()[name]:g} trains to the end")
    require("\n" not in message, f"the error has several lines: {message!r}")
    require(re.search(r"\bstep \d", message), f"the error does not name the step: {message}")
    require(re.search(rf"\b{name}\b", message), f"the error does not suggest a lower {name}: {message}")
    require(not component.is_fitted, "after training that diverged the component reports that it is fitted")
    require(read_checkpoint(folder) is None, "diverged training leaves its weights as a checkpoint")
