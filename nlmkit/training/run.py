"""Training loop for all components that train in steps.

A ``Stepper`` takes the steps; the loop decides their number, when the run is
evaluated, logged and saved, and when it ends. Between two steps, the state of a run is its checkpoint, and everything
that follows is a function of it: on a CPU, a run that is interrupted and resumed has bit-identical
results. This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.saving import require
from nlmkit.training.checkpoint import CheckpointStore, Saved
from nlmkit.training.checkpoint_facts import amount, flag, note_other_threads, reading, whole
from nlmkit.training.clock import Clock, Stopwatch, seconds
from nlmkit.training.divergence import Diverged
from nlmkit.training.history import History
from nlmkit.training.interruption import Interruption
from nlmkit.training.lines import Lines
from nlmkit.training.pacing import Pacer
from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation, TrainingLog
from nlmkit.training.result import RunResult
from nlmkit.training.stepper import Moment, Stepper

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions

_STEPPER: Final = "stepper"


def run(
    stepper: Stepper,
    options: RunOptions,
    *,
    patience: int | None = None,
    started: float | None = None,
    clock: Clock = seconds,
    chosen: Mapping[str, Any] | None = None,
) -> RunResult:
    """Train to the end; afterwards the stepper has the final weights.

    With held-out data these are the weights of the best evaluation, else the last ones; with averaging, the
    average of the weights. With a budget, evaluations that would take too much of it read a part of the held-out data;
    the weights to keep are then evaluated on all of it at the end.

    Args:
        stepper: Stepper of the run.
        options: Budget, checkpoints, log and progress.
        patience: Number of epochs without improvement after which the run stops.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        clock: Monotonic clock, in seconds.
        chosen: Hyper-parameters chosen for the budget, as JSON, for the first line of the log.

    Raises:
        SavedModelError: The checkpoint is damaged, belongs to another run, or cannot be written.
        NlmkitError: Training diverged, by the rule of ``nlmkit.training.divergence``.
        KeyboardInterrupt: Ctrl-C or SIGTERM; with a checkpoint folder, the run can be resumed.
    """
    loop = Loop(stepper, options, patience=patience)
    try:
        return loop.run(started, clock, chosen)
    except Diverged as error:
        raise loop.diverged(error) from None


class Loop:
    """One run, in one process; see ``run``."""

    def __init__(self, stepper: Stepper, options: RunOptions, *, patience: int | None) -> None:
        self._stepper, self._options, self._patience = stepper, options, patience
        self._together = stepper.together
        budget, extent = options.budget_seconds, stepper.extent()
        self._store: CheckpointStore | None = None
        if options.checkpoint is not None:
            seconds = None if budget is None else float(budget)
            identity = {**stepper.identity(), "budget": seconds, "processes": self._together.count}
            self._store = CheckpointStore(Path(options.checkpoint), identity)
        self._pacer = Pacer(
            Plan.of(stepper.steps()) if budget is None else None,
            budget=budget,
            windows=extent.epoch_steps,
            amount=extent.work,
            cost=extent.cost,
            is_evaluated=stepper.is_evaluated,
            fewest=extent.fewest,
            closing=extent.closing,
            divisor=extent.divisor,
            unit=extent.name,
            checkpoint_seconds=None if self._store is None else options.checkpoint_seconds,
        )
        self.step = self._done = 0
        self._history = History(stepper.metrics)
        self._best: Evaluation | None = None
        self._whole = True
        self._is_told = True
        self._saved: int | None = None
        self._agreed_to_stop = False
        self._notes: list[str] = []

    # ------------------------------------------------------------------------------------------------ the run

    def run(self, started: float | None, clock: Clock, chosen: Mapping[str, Any] | None = None) -> RunResult:
        """Take the steps."""
        stepper, options = self._stepper, self._options
        before = self._resume()
        stepper.begin()
        self._watch = Stopwatch(clock, before=before or 0.0, started=started if before is None else None)
        session, items = self._watch.stepping, stepper.items
        self._saved_at = session
        self._pacer.begin(seconds=self._watch.seconds, stepping=session)
        path = Path(options.log) if options.log is not None and self._together.is_main else None
        # Lines of the last step were written after the checkpoint, if it does not include them.
        log = TrainingLog(path, after=stepper.counted(self.step) - (not self._is_told), chosen=chosen)
        self._lines = Lines(stepper, options, log, self._watch)
        self._show_plan()
        with log, Interruption(wanted=self._store is not None) as self._interruption:
            try:
                while self._goes_on():
                    self._take_step()
            except KeyboardInterrupt:
                # Alone, or by agreement: other processes would wait forever for one that saves by itself.
                if self._whole and (self._together.count == 1 or self._agreed_to_stop):
                    self._save()
                if self._interruption.asked:
                    raise self._interruption.error(self._how_to_resume) from None
                raise
        stepper.finish()
        best, finished = self._best, self._is_completed
        self._notes += self._pacer.notes(seconds=self._watch.seconds, finished=finished)
        assert self._pacer.plan is not None
        return RunResult(
            steps=self.step,
            epochs=stepper.epochs,
            seconds=self._watch.seconds,
            speed=(stepper.items - items) / max(self._watch.stepping - session, 1e-9),
            history=tuple(self._history.evaluations),
            best=best,
            averaged=stepper.averaged if best is None else best.averaged,
            stopped="completed" if finished else "patience",
            plan=self._pacer.plan,
            notes=tuple(self._notes),
            divisor=self._pacer.divisor,
        )

    def _goes_on(self) -> bool:
        """Do everything between two steps, in a fixed order that a resumed run repeats; return whether to continue."""
        if self._pacer.plan is None:
            self._measure()
        changed = self._pacer.looks_at(self.step) and self._look()
        if self._evaluation_is_due:
            self._evaluate()
            if self._stepper.is_evaluated and self._is_completed and not self._is_out_of_patience:
                changed = self._look(is_evaluated=True) or changed
        finished = self._is_completed or self._is_out_of_patience
        if finished:
            self._judge()
        tick = finished or (self._stepper.tick is not None and self.step % self._stepper.tick == 0)
        if tick:
            self._lines.write(self.step, None, self._history.last)
        self._is_told = True
        if tick or changed or self._together.count == 1:
            self._agree(finished=finished, changed=changed)
        return not finished

    def _take_step(self) -> None:
        stepper, pacer = self._stepper, self._pacer
        measuring = pacer.plan is None
        begins = self._settled_seconds() if measuring else 0.0
        moment = Moment(
            self.step,
            pacer.place(self.step),
            pacer.schedule_steps,
            self._history.plateaus,
            pacer.is_past_half(self.step),
            pacer.share(self.step),
        )
        self._whole = False
        work = stepper.step(moment)
        pacer.worked(work)
        self.step += 1
        self._is_told = False
        self._whole = True
        done = stepper.counted(self.step)
        self._options.advance(done - self._done)
        self._done = done
        if measuring:
            pacer.speed.add(self._settled_seconds() - begins, work)

    @property
    def _is_completed(self) -> bool:
        return self._pacer.is_over(self.step)

    @property
    def _is_out_of_patience(self) -> bool:
        return self._patience is not None and self._history.waiting >= self._patience

    def _agree(self, *, finished: bool, changed: bool) -> None:
        """Save if due and stop if requested, in all processes together."""
        asked = float(self._interruption.asked)
        due = float(self._watch.seconds - self._saved_at >= self._options.checkpoint_seconds)
        if self._together.count > 1:
            (asked,) = self._together.total([asked])
            (due,) = self._together.decided([due])
        if finished and not asked:
            self._save_at_the_end()
        elif (due or changed) and not asked:
            self._save()  # immediately after a change: a resumed run must have the same plan
        if asked:
            self._agreed_to_stop = True
            raise self._interruption.error(self._how_to_resume)

    @property
    def _how_to_resume(self) -> str:
        """Return the message of an interruption; empty if this run has no checkpoint."""
        if self._store is None or self._saved is None:
            return ""
        step = self._stepper.counted(self._saved)
        return f"{self._store.folder} contains a checkpoint of step {step}: fit again with resume=True to continue"

    def _settled_seconds(self) -> float:
        self._stepper.settle()
        return self._watch.seconds

    # --------------------------------------------------------------------------------------------- evaluation

    @property
    def _evaluation_is_due(self) -> bool:
        stepper = self._stepper
        if self.step in (0, self._history.evaluated) or not (stepper.is_evaluated or stepper.records_epochs):
            return False
        place = stepper.place
        if self._is_completed or (place.taken == 0 and not stepper.is_evaluated):
            return True
        return stepper.is_evaluated and self._pacer.evaluates_at(*place)

    def _evaluate(self) -> None:
        """Evaluate on held-out data, if any, and keep the weights if they are the best so far."""
        stepper = self._stepper
        stepper.check()
        begins = self._watch.seconds
        found: Mapping[str, float] = {}
        improves = False
        if stepper.is_evaluated:
            with self._watch.evaluation():
                found = self._checked(stepper.evaluate(self._is_interrupted, self._pacer.divisor))
            improves = self._history.is_improved_by(found)
        self._whole = False
        if improves:
            with self._watch.evaluation():
                stepper.keep_best()
        evaluation = Evaluation(
            step=self.step,
            epoch=stepper.epochs,
            ends_epoch=stepper.place.taken == 0 or self._is_completed,
            loss=stepper.take_loss(),
            metrics=found,
            averaged=stepper.averaged,
            seconds=self._watch.seconds,
        )
        self._history.add(evaluation)
        if stepper.is_evaluated:
            stepper.evaluated(self._history.ranks)
            (took,) = self._together.decided([self._watch.seconds - begins])
            self._pacer.evaluated(took * self._pacer.divisor)
        self._whole = True
        self._lines.write(self.step, evaluation, self._history.last)
        self._is_told = True

    def _is_interrupted(self) -> bool:
        """Return whether an evaluation is to stop; other processes would wait forever for one that does."""
        return self._together.count == 1 and bool(self._interruption.asked)

    def _checked(self, found: Mapping[str, float]) -> Mapping[str, float]:
        """Return metrics; raise for those that are not numbers."""
        for name, value in found.items():
            if math.isnan(value):
                raise Diverged(f"the {name} of the validation text is not a number", self.step)
        return found

    def _judge(self) -> None:
        """Evaluate the weights to keep, if that was on a part only; raise for diverged ones; note doubtful results."""
        self._stepper.check()
        last, best = self._history.last, self._history.best
        if last is not None and best is None:
            name = self._stepper.metrics[0].name
            raise Diverged(f"the {name} of the validation text is {last.metrics[name]:.4g}", self.step)
        if best is not None and self._pacer.divisor > 1:
            with self._watch.evaluation():
                found = self._checked(self._stepper.evaluate_kept(self._is_interrupted))
            was, best = best, dataclasses.replace(best, metrics=found)
            last = best if last is was else last
        self._best = best
        kept, ended = (None if found is None else found.metrics for found in (best, last))
        self._notes += self._stepper.judge(kept, ended)

    def diverged(self, error: Diverged) -> NlmkitError:
        """Return the error of a diverged run."""
        step = self.step if error.step is None else error.step
        kept = "" if self._store is None else self._store.last_good
        return NlmkitError(
            f"training diverged at step {self._stepper.counted(step)} (epoch {max(1, math.ceil(self._stepper.epochs))})"
            f": {error.what}{self._stepper.advice()}{kept}"
        )

    # --------------------------------------------------------------------------------------------------- plan

    def _measure(self) -> None:
        """Fix the number of steps, once the speed is known."""
        (done,) = self._together.decided([self._pacer.speed.done])
        if not done:
            return
        self._stepper.check()
        pace = self._pacer.speed.pace if self._together.is_main else 0.0
        evaluation = 0.0
        if self._stepper.is_evaluated:
            with self._watch.evaluation():
                evaluation = self._stepper.evaluation_seconds(
                    lambda: self._watch.seconds, self._pacer.most_for_measuring_evaluation
                )
        pace, evaluation, seconds, stepping = self._together.decided(
            [pace, evaluation, self._watch.seconds, self._watch.stepping]
        )
        self._pacer.freeze(seconds=seconds, stepping=stepping, step=self.step, pace=pace, evaluation_seconds=evaluation)
        self._saved_at = -math.inf  # the fixed number is saved immediately: a resumed run must have the same
        self._show_plan()

    def _look(self, *, is_evaluated: bool = False) -> bool:
        """Change the plan if the run would end too early or too late, in all processes; return whether it changed."""
        seconds, stepping, saving = self._together.decided(
            [self._watch.seconds, self._watch.stepping, self._watch.last_saving]
        )
        changed = self._pacer.look(
            seconds=seconds,
            stepping=stepping,
            saving=saving,
            step=self.step,
            is_due=self._stepper.is_evaluated and self._evaluation_is_due,
            is_evaluated=is_evaluated,
        )
        if changed:
            self._show_plan()
        return changed

    def _show_plan(self) -> None:
        self._done = self._stepper.counted(self.step)
        if self._pacer.plan is None:
            self._options.stage("measuring speed")
        else:
            self._options.stage("training", self._stepper.counted(self._pacer.plan.steps))
            self._options.advance(self._done)

    # --------------------------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        """Write a checkpoint of the current state, if there is a folder for it."""
        if self._store is None:
            return
        self._stepper.check()
        with self._watch.checkpoint():
            state, arrays = self._stepper.snapshot()
            facts = {
                "step": self.step,
                "counted": self._stepper.counted(self.step),
                "told": self._is_told,
                "seconds": self._watch.seconds,
                "plan": None if self._pacer.plan is None else self._pacer.plan.to_json(),
                "pace": self._pacer.to_json(self._watch.stepping),
                "threads": self._stepper.threads,
                **self._history.to_json(),
                _STEPPER: state,
            }
            if self._together.is_main:
                self._store.save(facts, arrays)
        self._saved = self.step
        self._saved_at = self._watch.seconds

    def _save_at_the_end(self) -> None:
        """Write the last checkpoint, needed only if saving the model fails; errors must not lose the model."""
        try:
            self._save()
        except SavedModelError as error:
            self._notes.append(f"the last checkpoint was not written: {error}")

    def _resume(self) -> float | None:
        """Resume from the checkpoint, if requested; return the seconds of training before it, or None."""
        if self._store is None:
            return None
        saved = self._store.begin(resume=self._options.resume, tell=self._together.is_main)
        if saved is None:
            return None
        with reading(self._store.folder):
            seconds = self._restore(saved)
            note_other_threads(self._store.folder, saved.facts["threads"], self._stepper.threads)
        self._check_more_is_wanted(self._store.folder)
        return seconds

    def _restore(self, saved: Saved) -> float:
        facts, stepper = saved.facts, self._stepper
        step = whole(facts, "step")
        plan = None if facts["plan"] is None else Plan.from_json(facts["plan"])
        require(plan is None or plan.bent_at <= step <= plan.steps, f"step {step} is not in its plan")
        self._history.restore(facts, step=step, is_evaluated=stepper.is_evaluated)
        if self._options.budget_seconds is None:
            require(plan is not None, "the number of steps is missing")
            prolonged = stepper.can_be_prolonged
            require(prolonged or plan == self._pacer.plan, "its plan contradicts its number of epochs")
        else:
            self._pacer.plan = plan
        self._pacer.restore(facts["pace"])
        state = facts[_STEPPER]
        require(isinstance(state, dict), "the position in the data is missing")
        stepper.restore(state, saved.arrays, step=step, has_best=self._history.best is not None)
        self.step, self._saved, self._is_told = step, step, flag(facts, "told")
        return amount(facts, "seconds")

    def _check_more_is_wanted(self, folder: Path) -> None:
        plan, epoch = self._pacer.plan, self._stepper.extent().epoch_steps
        if plan is not None and self.step > plan.steps:
            raise SavedModelError(
                f"{folder}: the checkpoint has already trained {self.step // epoch} epochs, but epochs="
                f"{plan.steps // epoch} are requested; request more, or start again without resume"
            )
