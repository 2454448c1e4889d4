"""The training loop of a classifier.

What an epoch draws at random (order, masks, words read as unknown) depends on the seed and the number of the epoch
alone. So between two steps a run is its weights, optimizer, averages and history, its place in the epoch and the state
of the generator of its masks, which is what a checkpoint holds, and a run that is interrupted and resumed does what the
uninterrupted one does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nlmkit.documents.neural.batching import (
    Documents,
    Sample,
    once_seen,
    parts_of_batch,
    scoring_batches,
    training_batches,
    with_unknown,
)
from nlmkit.documents.neural.history import Evaluation, TrainingResult, best_of, places_by_epoch
from nlmkit.documents.neural.module import ClassifierModule, train_only, weights_of
from nlmkit.documents.neural.optimization import build_optimizer, clip_rows, learning_rate, parameter_groups
from nlmkit.documents.neural.scoring import WORDS, log_probabilities
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.training import divergence
from nlmkit.training.averaging import WeightAverage
from nlmkit.training.clock import Clock, Stopwatch
from nlmkit.training.devices import choose_device, memory_errors, trains_in_bfloat16
from nlmkit.training.distributed import process_count
from nlmkit.training.interruption import Interruption
from nlmkit.training.metrics import epochs_without_improvement, plateaus
from nlmkit.training.monitor import StepMonitor
from nlmkit.training.optimization import clip_gradients
from nlmkit.training.pacing import Pacer
from nlmkit.training.plan import Plan
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.records import LogRecord, TrainingLog

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.documents.neural.options import TrainingOptions

TICK: Final = 25
"""Steps between two lines of the log."""

_TIMED_BATCHES: Final = 8
"""Batches of held-out texts by which it is measured how long all of them take."""

_JUDGED_TEXTS: Final = 256
"""Training texts that show whether a run has diverged."""


def train(
    module: ClassifierModule,
    sample: Sample,
    valid: Sample | None,
    *,
    options: TrainingOptions,
    counts: NDArray[np.int64],
    run: RunOptions,
    unknown_rate: float = 0.0,
    clock: Clock = time.perf_counter,
    started: float | None = None,
) -> TrainingResult:
    """Train a network; afterwards it holds the best weights and is in evaluation mode, on the device of the run.

    The best weights are those of the evaluation with the highest accuracy on held-out texts, of equal ones the lowest
    loss; without such texts the last ones. Where weights are averaged, the average stands for them.

    Args:
        module: The network, with its first weights.
        sample: Training documents.
        valid: Held-out documents.
        options: The component. One with ``unfreeze`` and ``layer_rate`` is trained part by part.
        counts: Training counts of the vocabulary: int64 [V].
        run: Device, budget, checkpoints, log and progress.
        unknown_rate: Share of once-seen words read as ``<unk>``.
        clock: Seconds that only go up.
        started: When the fit began on ``clock``, so that the budget covers what came before this call.

    Raises:
        HyperParameterError: An option needs held-out texts, or a device that is not there.
        SavedModelError: The checkpoint is damaged, another run's, or cannot be written.
        NlmkitError: Training diverged, by the rule of :mod:`nlmkit.training.divergence`.
        KeyboardInterrupt: Ctrl-C or SIGTERM; where there is a checkpoint folder, the run can be resumed from there.
        MemoryError: The device has too little memory.
    """
    if run.workers > 1 or process_count() > 1:
        raise HyperParameterError("a neural classifier trains in one process, which uses all cores by itself")
    if valid is None:
        for name, watches in (("schedule", options.schedule == "plateau"), ("patience", options.patience is not None)):
            if watches:
                raise HyperParameterError(
                    f"{name}={getattr(options, name)} watches held-out texts: give some, or training texts "
                    f"enough that valid_share={options.valid_share:g} of them are one or more"
                )
    device = choose_device(run.device)
    words = int(sample.documents.lengths.max(initial=0))
    purpose = (
        f"training in steps of batch={options.batch} texts of up to {words} words; a smaller batch or max_length needs "
        "less"
    )
    with memory_errors(purpose):
        trainer = _Trainer(module, sample, valid, options, counts, run, unknown_rate, device)
        return trainer.run(clock, started)


class _Trainer:
    """One run; arguments are those of :func:`train`."""

    def __init__(  # noqa: PLR0917
        self,
        module: ClassifierModule,
        sample: Sample,
        valid: Sample | None,
        options: TrainingOptions,
        counts: NDArray[np.int64],
        run: RunOptions,
        unknown_rate: float,
        device: torch.device,
    ) -> None:
        self.module, self.sample, self.valid = module.to(device), sample, valid
        self._options, self._run, self._device = options, run, device
        self._bfloat16 = trains_in_bfloat16(device, run.precision)
        self._rare, self._unknown_rate = once_seen(counts), unknown_rate
        self._targets = torch.from_numpy(sample.targets).to(device)
        self._unfreeze = getattr(options, "unfreeze", "all")
        self._parts = module.parts()
        groups = parameter_groups(self._parts, options.weight_decay, getattr(options, "layer_rate", 1.0))
        self.optimizer = build_optimizer(groups, options, device)
        self._parameters = weights_of(self._parts)
        self._floats = module.floats_per_word
        self.average = WeightAverage(options.averaging, self._parameters, decay=options.ema_decay)
        self.average.start()

        self.step = self.words = 0
        self.history: list[Evaluation] = []
        self.best: dict[str, Tensor] | None = None
        self.monitor = StepMonitor()
        self.batches_an_epoch = math.ceil(len(sample.documents) / options.batch)
        self.pacer = Pacer(
            Plan.of(self.batches_an_epoch * options.epochs) if run.budget_seconds is None else None,
            budget=run.budget_seconds,
            windows=self.batches_an_epoch,
            amount=max(1, int(sample.documents.lengths.sum())) / self.batches_an_epoch,
            is_evaluated=valid is not None,
            closing=0.0
            if valid is None
            else min(1.0, min(_JUDGED_TEXTS, len(sample.documents)) / len(valid.documents)),
            checkpoint_seconds=None if run.checkpoint is None else run.checkpoint_seconds,
        )
        self.begin_epoch(0)
        self.evaluated = 0
        self._whole = True

    # ------------------------------------------------------------------------------------------------ the run

    def run(self, clock: Clock, started: float | None) -> TrainingResult:
        """Take the steps and leave the weights to keep in the module."""
        from nlmkit.documents.neural.checkpoints import Checkpoints

        self._checkpoints = Checkpoints(self, self._options, self._run)
        before = self._checkpoints.resume()
        self._watch = Stopwatch(clock, before=before or 0.0, started=started if before is None else None)
        self._session = (self._watch.stepping, self.words)
        self._line_begins = self._watch.stepping
        self.pacer.begin(seconds=self.seconds, stepping=self._watch.stepping)
        self._show_plan()
        self.module.train()
        with (
            TrainingLog(None if self._run.log is None else Path(self._run.log), after=self.step) as self._log,
            Interruption(wanted=self._run.checkpoint is not None) as self._interruption,
        ):
            try:
                while self._goes_on():
                    self._take_step()
            except KeyboardInterrupt:
                if self._whole:
                    self._save()
                if self._interruption.asked:
                    raise self._interruption.error() from None
                raise
        return self._result()

    def _goes_on(self) -> bool:
        """Everything that happens between two steps; the order is fixed, so that a resumed run repeats it."""
        changed = self.pacer.plan is None and self._measure()
        if self.pacer.looks_at(self.step):
            changed = self._look() or changed
        if self.step % TICK == 0:
            self._write_line(None)
        if self._evaluation_is_due:
            self._evaluate()
            if self.valid is not None and self.pacer.is_over(self.step) and not self._is_out_of_patience:
                changed = self._look(is_evaluated=True) or changed
        if self.pacer.is_over(self.step) or self._is_out_of_patience:
            return False
        due = self.seconds - self._checkpoints.saved_at >= self._run.checkpoint_seconds
        if (due or changed) and not self._interruption.asked:
            self._save()  # after a change at once: a resumed run must have the same plan
        if self._interruption.asked:
            raise self._interruption.error()
        return True

    def _save(self) -> None:
        self._check()
        with self._watch.checkpoint():
            self._checkpoints.save(self.seconds, self._watch.stepping)

    @property
    def seconds(self) -> float:
        """Time of training so far."""
        return self._watch.seconds

    @property
    def _is_out_of_patience(self) -> bool:
        patience = self._options.patience
        return (
            patience is not None
            and epochs_without_improvement([(place,) for place in places_by_epoch(self.history)]) >= patience
        )

    def _result(self) -> TrainingResult:
        self.module.eval()
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        best = best_of(self.history)
        if self.best is not None:
            self.module.load_state_dict(self.best)
        else:
            self.average.keep()
        notes = self._judged(best)
        notes += self.pacer.notes(seconds=self.seconds, finished=self.pacer.is_over(self.step))
        since, words = self._session
        return TrainingResult(
            steps=self.step,
            epochs=self.step / self.batches_an_epoch,
            history=tuple(self.history),
            best=best,
            stopped="completed" if self.pacer.is_over(self.step) else "patience",
            averaged=self.average.active,
            device=str(self._device),
            precision="bfloat16" if self._bfloat16 else "float32",
            seconds=self.seconds,
            words_per_second=(self.words - words) / max(self._watch.stepping - since, 1e-9),
            notes=tuple(notes),
        )

    def _judged(self, best: Evaluation | None) -> list[str]:
        """Refuse weights that have gone off, and say what is doubtful."""
        documents, targets = self.sample.documents, self.sample.targets
        total, texts = 0.0, min(len(documents), _JUDGED_TEXTS)
        with torch.inference_mode():
            for begin in range(0, texts, self._options.batch):
                chosen = np.arange(begin, min(begin + self._options.batch, texts))
                for some in parts_of_batch(documents, chosen, floats=self._floats):
                    logits = self.module(documents.batch(some).to(self._device)).float().cpu()
                    total += float(functional.cross_entropy(logits, torch.from_numpy(targets[some]), reduction="sum"))
        loss, choices = total / texts, self.module.classes
        problem = divergence.problem(loss, choices, divergence.CLASSIFIER_SLACK)
        if problem is not None:
            raise self._diverged(problem)
        last = self.history[-1].validation_loss if self.history else None
        held_out = None if best is None else best.validation_loss
        return divergence.notes(loss, held_out, last, choices, "classes")

    # ------------------------------------------------------------------------------------------------ an epoch

    def begin_epoch(self, number: int, batch: int = 0) -> None:
        """Be in an epoch, from 0, before one of its batches."""
        seed = self._options.seed
        self.epoch, self.batch = number, batch
        self.module.generator = generator(seed, Purpose.MASKS_ON_TEXTS, number)
        train_only(self._parts, self._trained_parts())
        self._documents = with_unknown(
            self.sample.documents, self._rare, self._unknown_rate, generator(seed, Purpose.UNKNOWN_IN_TEXTS, number)
        )
        source = generator(seed, Purpose.ORDER_OF_TEXTS, number)
        lengths = self._documents.lengths
        self._batches = training_batches(lengths, self._options.batch, self._options.sort_within, source)

    @property
    def batches(self) -> int:
        """Batches of the epoch."""
        return len(self._batches)

    def _trained_parts(self) -> int:
        """How many parts, from the output, this epoch trains."""
        match self._unfreeze:
            case "none":
                return 1
            case "gradual":
                return min(1 + self.epoch, len(self._parts))
        return len(self._parts)

    def _take_step(self) -> None:
        documents, chosen = self._documents, self._batches[self.batch]
        measuring = self.pacer.plan is None
        begins = self._settled_seconds() if measuring else 0.0
        options = self._options
        rate = learning_rate(
            options,
            self.pacer.place(self.step),
            self.pacer.schedule_steps,
            plateaus=plateaus([(place,) for place in places_by_epoch(self.history)])
            if options.schedule == "plateau"
            else 0,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self._whole = False
        loss = self._add_gradients(documents, chosen)
        norm = loss
        if options.clip_norm is not None:
            norm = clip_gradients(self._parameters, norm=options.clip_norm, value=None)
        self.monitor.add(self.step + 1, loss, norm, len(chosen))
        if self._device.type == "cpu":
            self._check()  # costs nothing here, and the weights are still good
        self.optimizer.step()
        self.optimizer.zero_grad()
        if options.max_norm is not None:
            clip_rows(self.module.weight, options.max_norm)
        self.average.update()
        self.step += 1
        words = documents.words(chosen)
        self.words += words
        self.batch += 1
        if self.batch == len(self._batches):
            self.begin_epoch(self.epoch + 1)
        self._whole = True
        # A text without words takes time, too.
        self.pacer.worked(max(1, words))
        if measuring:
            self.pacer.speed.add(self._settled_seconds() - begins, max(1, words))
        self._run.advance(1)

    def _add_gradients(self, documents: Documents, chosen: NDArray[np.int64]) -> Tensor:
        """Add the gradients of the batch's mean loss, part by part where it is very large; gives that loss."""
        total = torch.zeros((), device=self._device)
        for part in parts_of_batch(documents, chosen, floats=self._floats):
            batch = documents.batch(part).to(self._device)
            targets = self._targets[torch.from_numpy(part).to(self._device)]
            with torch.autocast(self._device.type, torch.bfloat16) if self._bfloat16 else contextlib.nullcontext():
                logits = self.module(batch)
            of_part = functional.cross_entropy(logits.float(), targets, label_smoothing=self._options.label_smoothing)
            loss = of_part * (len(part) / len(chosen))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _check(self) -> None:
        found = self.monitor.check()
        if found is not None:
            raise self._diverged(f"loss {found.loss:.4g}", found.step)

    @property
    def _evaluation_is_due(self) -> bool:
        if self.step in (0, self.evaluated):
            return False
        place = (self.epoch, self.batch, len(self._batches))
        ends_without_texts = self.valid is None and self.batch == 0
        return ends_without_texts or self.pacer.is_over(self.step) or self.pacer.evaluates_at(*place)

    def _evaluate(self) -> None:
        """Measure on held-out texts, and keep the weights if they are the best so far."""
        self._check()
        loss, texts = self.monitor.epoch_loss
        begins = self.seconds
        found = Evaluation(
            step=self.step,
            epoch=round(self.step / self.batches_an_epoch, 6),
            loss=loss / max(1, texts),
            accuracy=None,
            validation_loss=None,
            seconds=round(begins, 3),
        )
        if self.valid is not None:
            with self._watch.evaluation(), self.average.in_place():
                accuracy, validation_loss = self._measured(self.valid)
                found = dataclasses.replace(found, accuracy=accuracy, validation_loss=validation_loss)
                best, weights = best_of(self.history), self.best
                if best is None or found.rank < best.rank:
                    state = self.module.state_dict()
                    weights = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
            self._whole = False
            self.best = weights
            self.pacer.evaluated(self.seconds - begins)
        self._whole = False
        self.monitor.take_epoch_loss()
        self.history.append(found)
        self.evaluated = self.step
        self._whole = True
        self._write_line(found.validation_loss)

    def _measured(self, valid: Sample) -> tuple[float, float]:
        """Accuracy and loss on held-out texts."""
        log_probs = log_probabilities(self.module, valid.documents, extra=valid.extra)
        loss = float(-log_probs[np.arange(len(log_probs)), valid.targets].mean())
        if not math.isfinite(loss):
            raise self._diverged("probabilities of held-out texts are not finite")
        return float((log_probs.argmax(axis=1) == valid.targets).mean()), loss

    def _diverged(self, what: str, step: int | None = None) -> NlmkitError:
        step = step or self.step
        epoch = max(1, math.ceil(step / self.batches_an_epoch))
        return NlmkitError(
            f"training diverged at step {step} (epoch {epoch}): {what}; try a lower lr "
            f"(now {self._options.lr:g}) or a clip_norm (now {self._options.clip_norm}){self._checkpoints.kept}"
        )

    # --------------------------------------------------------------------------------------------------- plan

    def _measure(self) -> bool:
        """Plan a number of steps once the speed is known; whether that was so."""
        if not self.pacer.speed.done:
            return False
        evaluation = 0.0
        if self.valid is not None:
            evaluation = self._evaluation_seconds(self.valid)
        self.pacer.freeze(
            seconds=self.seconds,
            stepping=self._watch.stepping,
            step=self.step,
            pace=self.pacer.speed.pace,
            evaluation_seconds=evaluation,
        )
        self._show_plan()
        return True

    def _evaluation_seconds(self, valid: Sample) -> float:
        """About how long an evaluation takes, from some batches of it."""
        documents = valid.documents
        batches = list(scoring_batches(documents, WORDS))
        some = batches[:: math.ceil(len(batches) / _TIMED_BATCHES)]
        begins, timed = self.seconds, 0
        self.module.eval()
        with self._watch.evaluation(), torch.inference_mode(), self.module.words.with_extra(valid.extra):
            for chosen in some:
                self.module(documents.batch(chosen).to(self._device)).cpu()
                timed += documents.padded(chosen)
                if self.seconds - begins >= self.pacer.most_for_measuring_evaluation:
                    break
        self.module.train()
        return (self.seconds - begins) * sum(map(documents.padded, batches)) / timed

    def _look(self, *, is_evaluated: bool = False) -> bool:
        """Plan anew where the run would end too early or too late; whether that was so."""
        changed = self.pacer.look(
            seconds=self.seconds,
            stepping=self._watch.stepping,
            saving=self._watch.last_saving,
            step=self.step,
            is_evaluated=is_evaluated,
        )
        if changed:
            self._show_plan()
        return changed

    def _show_plan(self) -> None:
        if self.pacer.plan is None:
            self._run.stage("measuring speed")
        else:
            self._run.stage("training", self.pacer.plan.steps)
            self._run.advance(self.step)

    def _settled_seconds(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return self.seconds

    # ---------------------------------------------------------------------------------------------------- log

    def _write_line(self, validation_loss: float | None) -> None:
        """A line of the log, where a perplexity is one of labels: exp of the mean loss a text."""
        self._check()
        if validation_loss is None and not len(self.monitor.pending):
            return
        sums = self.monitor.take()
        working, self._line_begins = self._watch.stepping - self._line_begins, self._watch.stepping
        since, words = self._session
        loss = sums.loss / sums.events if sums.events else None
        record = LogRecord(
            step=self.step,
            epoch=round(self.step / self.batches_an_epoch, 6),
            metrics={"loss": loss},
            lr=self.optimizer.param_groups[0]["lr"],
            gradient_norm=sums.norm / sums.steps if sums.steps and self._options.clip_norm is not None else None,
            speed=(self.words - words) / max(self._watch.stepping - since, 1e-9) if working > 0 else None,
            seconds=self.seconds,
            validation={"loss": validation_loss},
        )
        self._log.write(record)
        texts = [f"epoch {record.epoch:.2f}"]
        if loss is not None:
            texts.append(f"loss {loss:.3f}")
        if self.history and self.history[-1].accuracy is not None:
            texts.append(f"valid {100 * self.history[-1].accuracy:.1f} %")
        self._run.note(" · ".join(texts))
