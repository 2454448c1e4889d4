"""The training loop of a classifier.

What an epoch draws at random (order, masks, words read as unknown) depends on the seed and the number of the epoch
alone. So between two epochs a run is its weights, optimizer, averages and history, which is what a checkpoint holds,
and a run that is interrupted and resumed does what the uninterrupted one does.
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

from nlmkit.classification.neural.batching import (
    Documents,
    Sample,
    once_seen,
    parts_of_batch,
    training_batches,
    with_unknown,
)
from nlmkit.classification.neural.history import Evaluation, TrainingResult, best_of, places_by_epoch
from nlmkit.classification.neural.module import ClassifierModule, train_only, weights_of
from nlmkit.classification.neural.optimisation import build_optimizer, clip_rows, learning_rate, parameter_groups
from nlmkit.classification.neural.scoring import log_probabilities
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.nn.budget import Clock, Pacer, Plan, Stopwatch
from nlmkit.nn.devices import choose_device, memory_errors, trains_in_bfloat16
from nlmkit.nn.distributed import process_count
from nlmkit.nn.history import LogRecord, TrainingLog, perplexity_of
from nlmkit.nn.monitor import StepMonitor
from nlmkit.nn.optimisation import WeightAverage, clip_gradients, epochs_without_improvement, plateaus
from nlmkit.nn.streams import generator

if TYPE_CHECKING:
    from nlmkit.classification.neural.options import TrainingOptions
    from nlmkit.components import RunOptions

TICK: Final = 25
"""Steps between two lines of the log."""

# What a generator is for.
_ORDER, _MASKS, _UNKNOWN = 11, 12, 13


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
        NlmkitError: Training diverged: the loss or the gradient is no longer finite.
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
        self.average = WeightAverage(options.averaging, self._parameters, decay=options.ema_decay)
        self.average.start()

        self.step = self.epoch = self.words = 0
        self.history: list[Evaluation] = []
        self.best: dict[str, Tensor] | None = None
        self._monitor = StepMonitor()
        self.batches_an_epoch = math.ceil(len(sample.documents) / options.batch)
        self.pacer = Pacer(
            Plan.of(self.batches_an_epoch * options.epochs) if run.budget_seconds is None else None,
            budget=run.budget_seconds,
            windows=self.batches_an_epoch,
            is_evaluated=valid is not None,
        )
        self._evaluated = 0

    # ------------------------------------------------------------------------------------------------ the run

    def run(self, clock: Clock, started: float | None) -> TrainingResult:
        """Take the steps and leave the weights to keep in the module."""
        from nlmkit.classification.neural.checkpoints import Checkpoints

        checkpoints = Checkpoints(self, self._options, self._run)
        before = checkpoints.resume()
        self._watch = Stopwatch(clock, before=before or 0.0, started=started if before is None else None)
        self._session = (self._watch.stepping, self.words)
        self._line_begins = self._watch.stepping
        self._show_plan()
        self.module.train()
        with TrainingLog(None if self._run.log is None else Path(self._run.log), after=self.step) as self._log:
            while not self._is_over:
                self._run_epoch()
                if not self._is_over:
                    with self._watch.checkpoint():
                        checkpoints.save(self.seconds)
        return self._result()

    @property
    def seconds(self) -> float:
        """Time of training so far."""
        return self._watch.seconds

    @property
    def _is_over(self) -> bool:
        return self.pacer.is_over(self.step) or self._is_out_of_patience

    @property
    def _is_out_of_patience(self) -> bool:
        patience = self._options.patience
        return patience is not None and epochs_without_improvement(places_by_epoch(self.history)) >= patience

    def _result(self) -> TrainingResult:
        self.module.eval()
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        best = best_of(self.history)
        if self.best is not None:
            self.module.load_state_dict(self.best)
        else:
            self.average.keep()
            self._check_last_weights()
        plan = self.pacer.plan
        notes = []
        if plan is not None and plan.is_shortened:
            notes.append(
                f"the machine became slower, so {plan.steps} of {plan.schedule_steps} planned steps were taken"
            )
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

    def _check_last_weights(self) -> None:
        """The last step's loss was that of the weights before it, and no held-out text has tried them since."""
        some = np.arange(min(len(self.sample.documents), self._options.batch))
        for part in parts_of_batch(self.sample.documents, some):
            with torch.inference_mode():
                logits = self.module(self.sample.documents.batch(part).to(self._device))
            if not bool(logits.isfinite().all()):
                raise self._diverged()

    # ------------------------------------------------------------------------------------------------ an epoch

    def _run_epoch(self) -> None:
        seed, epoch = self._options.seed, self.epoch
        self.module.generator = generator(seed, _MASKS, epoch)
        train_only(self._parts, self._trained_parts())
        documents = with_unknown(
            self.sample.documents, self._rare, self._unknown_rate, generator(seed, _UNKNOWN, epoch)
        )
        source = generator(seed, _ORDER, epoch)
        batches = training_batches(documents.lengths, self._options.batch, self._options.sort_within, source)
        for number, chosen in enumerate(batches, start=1):
            self._take_step(documents, chosen)
            if self.step % TICK == 0:
                self._write_line(None)
                self._judge()
            ends = number == len(batches) or self.pacer.is_over(self.step)
            if ends or self.pacer.evaluates_at(number, len(batches)):
                self._evaluate()
            if ends:
                break
        self.epoch += 1

    def _trained_parts(self) -> int:
        """How many parts, from the output, this epoch trains."""
        match self._unfreeze:
            case "none":
                return 1
            case "gradual":
                return min(1 + self.epoch, len(self._parts))
        return len(self._parts)

    def _take_step(self, documents: Documents, chosen: NDArray[np.int64]) -> None:
        measuring = self.pacer.plan is None
        begins = self._settled_seconds() if measuring else 0.0
        options = self._options
        rate = learning_rate(
            options,
            self.pacer.place(self.step),
            self.pacer.schedule_steps,
            plateaus=plateaus(places_by_epoch(self.history)) if options.schedule == "plateau" else 0,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        loss = self._add_gradients(documents, chosen)
        norm = loss
        if options.clip_norm is not None:
            norm = clip_gradients(self._parameters, norm=options.clip_norm, value=None)
        self._monitor.add(self.step + 1, loss, norm, len(chosen))
        if self._device.type == "cpu":
            self._check()  # costs nothing here, and the weights are still good
        self.optimizer.step()
        self.optimizer.zero_grad()
        if options.max_norm is not None:
            clip_rows(self.module.weight, options.max_norm)
        self.average.update()
        self.step += 1
        self.words += documents.words(chosen)
        if measuring:
            self.pacer.speed.add(self._settled_seconds() - begins, 1)
            self._measure()
        self._run.advance(1)

    def _add_gradients(self, documents: Documents, chosen: NDArray[np.int64]) -> Tensor:
        """Add the gradients of the batch's mean loss, part by part where it is very large; gives that loss."""
        total = torch.zeros((), device=self._device)
        for part in parts_of_batch(documents, chosen):
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
        found = self._monitor.check()
        if found is not None:
            raise NlmkitError(
                f"training diverged at step {found.step} (epoch {self.epoch + 1}): loss {found.loss:.4g}; try a lower "
                f"lr (now {self._options.lr:g}) or a clip_norm (now {self._options.clip_norm})"
            )

    def _evaluate(self) -> None:
        """Measure on held-out texts, and keep the weights if they are the best so far."""
        self._check()
        loss, texts = self._monitor.take_epoch_loss()
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
                best = best_of(self.history)
                if best is None or found.rank < best.rank:
                    state = self.module.state_dict()
                    self.best = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
            self.pacer.evaluation_seconds = self.seconds - begins
        self.history.append(found)
        self._write_line(found.validation_loss)

    def _measured(self, valid: Sample) -> tuple[float, float]:
        """Accuracy and loss on held-out texts."""
        log_probs = log_probabilities(self.module, valid.documents, extra=valid.extra)
        loss = float(-log_probs[np.arange(len(log_probs)), valid.targets].mean())
        if not math.isfinite(loss):
            raise self._diverged()
        return float((log_probs.argmax(axis=1) == valid.targets).mean()), loss

    def _diverged(self) -> NlmkitError:
        return NlmkitError(
            f"training diverged at step {self.step}: probabilities are not finite; try a lower lr "
            f"(now {self._options.lr:g})"
        )

    # --------------------------------------------------------------------------------------------------- plan

    def _measure(self) -> None:
        """Freeze the number of steps, once the speed is known."""
        if not self.pacer.speed.done:
            return
        if self.valid is not None:
            begins = self.seconds
            with self._watch.evaluation():
                log_probabilities(self.module, self.valid.documents, extra=self.valid.extra)
            self.pacer.evaluation_seconds = self.seconds - begins
        self.pacer.freeze(seconds=self.seconds, step=self.step, step_seconds=self.pacer.speed.seconds_a_row)
        self._show_plan()

    def _judge(self) -> None:
        seconds = self.seconds
        if self.pacer.judge(
            seconds=seconds,
            stepping=seconds - self._watch.evaluating,
            step=self.step,
            evaluation_seconds=self.pacer.evaluation_seconds,
        ):
            self._show_plan()

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
        if validation_loss is None and not len(self._monitor.pending):
            return
        sums = self._monitor.take()
        working, self._line_begins = self._watch.stepping - self._line_begins, self._watch.stepping
        since, words = self._session
        loss = sums.loss / sums.events if sums.events else None
        record = LogRecord(
            step=self.step,
            epoch=round(self.step / self.batches_an_epoch, 6),
            loss=loss,
            perplexity=perplexity_of(loss) if loss is not None and self._options.label_smoothing == 0 else None,
            lr=self.optimizer.param_groups[0]["lr"],
            gradient_norm=sums.norm / sums.steps if sums.steps and self._options.clip_norm is not None else None,
            tokens_per_second=(self.words - words) / max(self._watch.stepping - since, 1e-9) if working > 0 else None,
            seconds=self.seconds,
            validation_perplexity=None if validation_loss is None else perplexity_of(validation_loss),
        )
        self._log.write(record)
        texts = [f"epoch {record.epoch:.2f}"]
        if loss is not None:
            texts.append(f"loss {loss:.3f}")
        if self.history and self.history[-1].accuracy is not None:
            texts.append(f"valid {100 * self.history[-1].accuracy:.1f} %")
        self._run.note(" · ".join(texts))
