"""The training loop: truncated back-propagation through time over contiguous columns of text.

Between two steps a run is nothing but a ``Checkpoint``: weights, optimizer, averages,
random generators, place in the text, history and plan. What happens next is a function of these, so a run that is
interrupted and resumed goes on, on a CPU, bit for bit as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.errors import HyperParameterError, NlmkitError, SavedModelError
from nlmkit.language_models.neural.checkpoints import (
    Checkpoint,
    check_target,
    load_checkpoint,
    run_facts,
    save_checkpoint,
)
from nlmkit.language_models.neural.streams import Noise, TrainingStream, generator, reset_state
from nlmkit.language_models.neural.validation import Validation
from nlmkit.saving import require
from nlmkit.training import divergence
from nlmkit.training.checkpoint_facts import note_nothing_to_resume, note_other_threads, reading
from nlmkit.training.clock import Clock, Stopwatch
from nlmkit.training.interruption import Interruption
from nlmkit.training.monitor import StepMonitor, Sums
from nlmkit.training.optimization import (
    WeightAverage,
    build_optimizer,
    clip_gradients,
    epochs_without_improvement,
    learning_rate,
    load_optimizer_state,
    optimizer_state,
    plateaus,
    starts_averaging,
)
from nlmkit.training.pacing import Pacer
from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation, LogRecord, TrainingLog, best_of, by_epoch, perplexity_of

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.text import Vocabulary
    from nlmkit.training.distributed import Processes

BPTT: Final = 35
"""Rows of a window for models that have no option ``bptt``."""

TICK: Final = 25
"""Steps between two lines of the log. Several processes agree on what to do so often."""

_LOGITS: Final = {"cpu": 2_500_000, "mps": 2**24, "cuda": 2**26}
"""Most logits that exist at once, by kind of device."""

_JUDGED: Final = 4096
"""Words of the training text that show whether a run has diverged."""

# What a generator is for; 1 and 2 are the stream's.
_NOISE, _MASKS = 3, 4


class _Objective(nn.Module):
    """What a step minimises, as one module: DistributedDataParallel then sees every use of the weights."""

    def __init__(self, module: LanguageModule, chunk: int, label_smoothing: float) -> None:
        super().__init__()
        self.module = module
        self._chunk, self._label_smoothing = chunk, label_smoothing

    def forward(
        self, inputs: Tensor, targets: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Mean loss an event, penalties, and the state to go on from, cut off from the graph."""
        output = self.module(inputs, state)
        loss = self.module.output.loss(
            output.features.flatten(0, 1),
            targets.flatten(),
            chunk=self._chunk,
            label_smoothing=self._label_smoothing,
        )
        # Autocast leaves some states in bfloat16; a run begins, and is saved and resumed, with those of the module.
        carried = tuple(after.detach().to(before.dtype) for before, after in zip(state, output.state, strict=True))
        return loss, self.module.penalty(output), carried


class Trainer:
    """One run of training, in one process; arguments are those of ``train``, resolved.

    Attributes:
        step: Steps taken.
        history: Evaluations so far.
        stream: The training text.
        bfloat16: Whether steps compute in bfloat16.
        kept: After the run, the evaluation whose weights the module holds; None where it holds the last ones.
        kept_average: After the run, whether the module holds an average.
        warnings: What whoever started the run should know.
    """

    def __init__(
        self,
        module: LanguageModule,
        events: NDArray[np.int32],
        valid_events: NDArray[np.int32] | None,
        *,
        options: Any,
        vocabulary: Vocabulary,
        run: RunOptions,
        together: Processes,
        device: torch.device,
        bfloat16: bool,
    ) -> None:
        if options.batch % together.count:
            raise HyperParameterError(
                f"batch={options.batch} cannot be shared evenly by {together.count} processes: choose a multiple"
            )
        self.bfloat16 = bfloat16
        self._options, self._run, self._together, self._device = options, run, together, device
        self._folder = None if run.checkpoint is None else Path(run.checkpoint)
        self._threads = torch.get_num_threads() if device.type == "cpu" else None
        self._facts = run_facts(
            options,
            module,
            events,
            valid_events,
            vocabulary,
            budget_seconds=run.budget_seconds,
            processes=together.count,
        )
        self.stream = TrainingStream(
            events,
            vocabulary.counts,
            batch=options.batch,
            bptt=getattr(options, "bptt", BPTT),
            random=getattr(options, "bptt_random", False),
            unknown_rate=options.unknown_rate,
            seed=options.seed,
            share=(together.rank, together.count),
            device=device,
        )
        self._noise: Noise | None = None
        if options.noising > 0:
            self._noise = Noise(
                events,
                len(vocabulary),
                rate=options.noising,
                scheme=options.noising_scheme,
                batch=self.stream.batch,
                share=self.stream.share,
                device=device,
            )
        self._reset_rate = getattr(options, "state_reset", 0.0)
        self._data_generator = generator(options.seed, _NOISE)

        self._module = module.to(device)
        self._module_generator = generator(options.seed, _MASKS, together.rank)
        module.set_generator(self._module_generator)
        self._parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._chunk = chunk = max(1, _LOGITS[device.type] // len(vocabulary))
        self._objective = together.parallel(_Objective(module, chunk, options.label_smoothing), device)
        self._optimizer = build_optimizer(module.parameter_groups(options.weight_decay), options, device)
        self._average = WeightAverage(options.averaging, self._parameters, decay=options.ema_decay)
        self._validation: Validation | None = None
        if valid_events is not None:
            self._validation = Validation(
                module, valid_events, batch=options.batch, chunk=chunk, together=together, device=device
            )

        self.step = self._tokens = 0
        self._evaluated = -1
        self._initial_width = self.stream.batch // together.count
        self._initial = module.initial_state(self._initial_width)
        self._begin_epoch(0)
        self.history: list[Evaluation] = []
        self._by_epoch: list[float] = []
        self._best: dict[str, Tensor] | None = None
        self._monitor = StepMonitor()
        self._pacer = Pacer(
            Plan.of(self.stream.steps(options.epochs)) if run.budget_seconds is None else None,
            budget=run.budget_seconds,
            windows=self._epoch.windows,
            amount=self.stream.length / self._epoch.windows,
            is_evaluated=valid_events is not None,
            closing=0.0 if valid_events is None else min(1.0, min(_JUDGED, len(events)) / len(valid_events)),
            checkpoint_seconds=None if self._folder is None else run.checkpoint_seconds,
        )

        self._whole = True
        self._agreed_to_stop = False
        self.warnings: list[str] = []
        self.kept: Evaluation | None = None
        self.kept_average = False

    # ---------------------------------------------------------------------------------------------- properties

    @property
    def plan(self) -> Plan:
        """How many steps there are to be; known when the run is over."""
        assert self._pacer.plan is not None
        return self._pacer.plan

    @property
    def is_completed(self) -> bool:
        """Whether all planned steps have been taken."""
        return self._pacer.is_over(self.step)

    @property
    def epochs(self) -> float:
        """Passes over the training text, with fractions."""
        return self._epoch_number + int(self._epoch.bounds[self._window]) / self.stream.length

    @property
    def seconds(self) -> float:
        """Time of training so far."""
        return self._watch.seconds

    @property
    def tokens_per_second(self) -> float:
        """Events read a second in the steps of this session."""
        begins, tokens = self._session
        return (self._tokens - tokens) / max(self._watch.stepping - begins, 1e-9)

    # ------------------------------------------------------------------------------------------------ the run

    def run(self, *, resume: bool, started: float | None, clock: Clock) -> None:
        """Take the steps and leave the weights to keep in the module."""
        before = self._resume(resume)
        self._watch = Stopwatch(clock, before=before or 0.0, started=started if before is None else None)
        self._line_begins = self._saved_at = self.seconds
        self._session = (self.seconds, self._tokens)
        self._pacer.begin(seconds=self.seconds, stepping=self._watch.stepping)
        writes = self._run.log is not None and self._together.is_main
        self._log = TrainingLog(Path(self._run.log) if self._run.log and writes else None, after=self.step)
        self._show_plan()
        self._module.train()
        with self._log, Interruption(wanted=self._folder is not None) as self._interruption:
            try:
                while self._goes_on():
                    self._take_step()
            except KeyboardInterrupt:
                # Alone, or by agreement: others would wait for ever for one that saves by itself.
                if self._whole and (self._together.count == 1 or self._agreed_to_stop):
                    self._save()
                if self._interruption.asked:
                    raise self._interruption.error() from None
                raise
        self._keep_best()
        self.warnings += self._pacer.notes(seconds=self.seconds, finished=self.is_completed)

    def _goes_on(self) -> bool:
        """Everything that happens between two steps; the order is fixed, so that a resumed run repeats it."""
        if self._pacer.plan is None:
            self._measure()
        changed = self._pacer.looks_at(self.step) and self._look()
        if self._evaluation_is_due:
            self._evaluate()
            if self.is_completed and not self._is_out_of_patience:
                changed = self._look(is_evaluated=True) or changed
        finished = self.is_completed or self._is_out_of_patience
        if finished:
            if self._validation is None:
                self._check_last_step()
            self._judge_result()
        tick = finished or self.step % TICK == 0
        if tick:
            self._write_line(None)
        if tick or changed or self._together.count == 1:
            self._agree(finished=finished, changed=changed)
        return not finished

    @property
    def _is_out_of_patience(self) -> bool:
        patience = self._options.patience
        return patience is not None and epochs_without_improvement(self._by_epoch) >= patience

    def _agree(self, *, finished: bool, changed: bool) -> None:
        """Save where it is time to, stop where that was asked for; all processes alike."""
        asked, due = (
            float(self._interruption.asked),
            float(self.seconds - self._saved_at >= self._run.checkpoint_seconds),
        )
        if self._together.count > 1:
            (asked,) = self._together.total([asked], self._device)
            (due,) = self._together.decided([due], self._device)
        if finished and not asked:
            self._save_at_the_end()
        elif (due or changed) and not asked:
            self._save()  # after a change at once: a resumed run must have the same plan
        if asked:
            self._agreed_to_stop = True
            raise self._interruption.error()

    def _keep_best(self) -> None:
        """Put the weights that stay into the module."""
        self._module.eval()
        best = best_of(self.history)
        if self._best is not None and best is not None:
            self._module.load_state_dict(self._best)
            self.kept, self.kept_average = best, best.averaged
        else:
            self.kept_average = self._average.active
            self._average.keep()

    def _judge_result(self) -> None:
        """Refuse weights that predict their own training text worse than chance does, and say what is doubtful."""
        last, best = (self.history[-1] if self.history else None), best_of(self.history)
        if last is not None and best is None:
            raise self._diverged(self.step, f"the perplexity of the validation text is {last.perplexity:.4g}")
        loss, choices = self._loss_of_kept_weights(), self._module.vocabulary_size - 1  # <s> is never predicted
        problem = divergence.problem(loss, choices, divergence.LANGUAGE_MODEL_SLACK)
        if problem is not None:
            raise self._diverged(self.step, problem)
        held_out, ended = (
            None if found is None else math.log(found.perplexity) if found.perplexity > 0 else -math.inf
            for found in (best, last)
        )
        self.warnings += divergence.notes(loss, held_out, ended, choices, "words")

    def _loss_of_kept_weights(self) -> float:
        """Mean −ln p of the training text under the weights that the run would keep, which it does not change."""
        self._module.eval()
        if self._best is None:
            with self._average.in_place():
                loss = self._training_loss()
        else:
            own = self._copy_of_weights()
            self._module.load_state_dict(self._best)
            loss = self._training_loss()
            self._module.load_state_dict(own)
        self._module.train()
        return loss

    def _training_loss(self) -> float:
        """Mean −ln p of the first words of the training text under the weights as they are."""
        epoch = self.stream.epoch(0)
        windows = min(epoch.windows, max(1, _JUDGED // (self._initial_width * epoch.rows(0))))
        inputs, targets = (torch.cat(ids) for ids in zip(*map(epoch.ids, range(windows)), strict=True))
        with torch.no_grad():
            features = self._module(inputs, self._initial).features.flatten(0, 1)
            pieces = zip(*(torch.split(each, self._chunk) for each in (features, targets.flatten())), strict=True)
            values = torch.cat([self._module.output.log_probs(*piece) for piece in pieces]).double()
        total, events = self._together.total([-float(values.sum()), float(len(values))], self._device)
        return total / events

    # ------------------------------------------------------------------------------------------------- a step

    def _take_step(self) -> None:
        begins = self._settled_seconds() if self._pacer.plan is None else 0.0
        self._whole = False
        epoch, window = self._epoch, self._window
        rows = epoch.rows(window)
        inputs, targets = epoch.ids(window)
        if self._noise is not None:
            inputs, targets = self._noise(inputs, targets, self._data_generator)
        state = self._state
        if self._reset_rate > 0:
            drawn = torch.rand(self.stream.batch, generator=self._data_generator) < self._reset_rate
            state = reset_state(state, self._initial, drawn[self.stream.share])
        rate = self._rate * epoch.scale(window)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self._device.type, torch.bfloat16) if self.bfloat16 else contextlib.nullcontext():
            loss, penalty, state = self._objective(inputs, targets, state)
        (loss + penalty).backward()
        norm = clip_gradients(self._parameters, norm=self._options.clip_norm, value=self._options.clip_value)
        self._monitor.add(self.step + 1, loss, norm, rows * self.stream.batch)
        self._pacer.worked(rows)
        if self._device.type == "cpu":
            self._check()  # costs nothing here, and the weights are still good
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._take_average()
        self._move_on(state, rows)
        self._whole = True
        if self._pacer.plan is None:
            self._pacer.speed.add(self._settled_seconds() - begins, rows)
        self._run.advance(1)

    @property
    def _rate(self) -> float:
        """Learning rate of the next step, before a window's length is considered."""
        return learning_rate(
            self._options,
            self._pacer.place(self.step),
            self._pacer.schedule_steps,
            plateaus=plateaus(self._by_epoch),
        )

    def _take_average(self) -> None:
        kind = self._options.averaging
        if kind == "ema" or (kind == "asgd" and self._pacer.is_past_half(self.step)):
            self._average.start()
        self._average.update()

    def _move_on(self, state: tuple[Tensor, ...], rows: int) -> None:
        self.step += 1
        self._tokens += rows * self.stream.batch
        self._window += 1
        self._state = state
        if self._window == self._epoch.windows:
            self._begin_epoch(self._epoch_number + 1)

    def _begin_epoch(self, number: int) -> None:
        self._epoch_number, self._window = number, 0
        self._epoch = self.stream.epoch(number)
        self._state = self._initial

    def _check(self) -> None:
        """Stop at a loss or gradient that is not finite."""
        found = self._monitor.check()
        if found is not None:
            raise self._diverged(found.step, f"loss {found.loss:.4g}, gradient norm {found.norm:.4g}")

    def _check_last_step(self) -> None:
        """Stop where the last step has left weights that are good for nothing; validation text would show it."""
        self._check()
        inputs, targets = self._epoch.ids(0)
        self._module.eval()
        with torch.no_grad():
            loss, _, _ = self._objective(inputs, targets, self._initial)
            whole = all(bool(weight.isfinite().all()) for weight in self._module.parameters())
        self._module.train()
        if not (whole and math.isfinite(float(loss))):
            raise self._diverged(self.step, f"it left weights with which the loss is {float(loss):.4g}")

    def _diverged(self, step: int, what: str) -> NlmkitError:
        norms = {
            name: float(torch.linalg.vector_norm(weight.detach())) for name, weight in self._module.named_parameters()
        }
        largest = max(norms, key=lambda name: math.inf if math.isnan(norms[name]) else norms[name])
        kept = ""
        if self._folder is not None and (self._folder / "manifest.json").exists():
            kept = f"; {self._folder} holds the last good checkpoint"
        return NlmkitError(
            f"training diverged at step {step} (epoch {max(1, math.ceil(self.epochs))}): {what}, largest weight norm "
            f"{norms[largest]:.4g} ({largest}); try a lower lr (now {self._options.lr:g}), a lower clip_norm (now "
            f"{self._options.clip_norm}) or a longer warmup{kept}"
        )

    # --------------------------------------------------------------------------------------------- evaluation

    @property
    def _evaluation_is_due(self) -> bool:
        if self._validation is None or self.step in (0, self._evaluated):
            return False
        place = (self._epoch_number, self._window, self._epoch.windows)
        return self.is_completed or self._pacer.evaluates_at(*place)

    def _evaluate(self) -> None:
        assert self._validation is not None
        self._check()
        begins = self.seconds
        alone = self._together.count == 1
        with self._watch.evaluation(), self._average.in_place():
            perplexity = self._validation.perplexity(lambda: alone and self._interruption.asked)
            best = best_of(self.history)
            improves = perplexity < (math.inf if best is None else best.perplexity)
            weights = self._copy_of_weights() if improves else self._best
        if math.isnan(perplexity):
            raise self._diverged(self.step, "the perplexity of the validation text is not a number")
        self._whole = False
        loss, events = self._together.total(self._monitor.take_epoch_loss(), self._device)
        self.history.append(
            Evaluation(
                step=self.step,
                epoch=self.epochs,
                ends_epoch=self._window == 0 or self.is_completed,
                perplexity=perplexity,
                loss=loss / events if events else math.nan,
                averaged=self._average.active,
                seconds=self.seconds,
            )
        )
        self._best = weights
        self._by_epoch = by_epoch(self.history)
        self._evaluated = self.step
        if self._options.averaging == "nt-asgd" and starts_averaging(
            [evaluation.perplexity for evaluation in self.history], self._options.averaging_window
        ):
            self._average.start()
        (took,) = self._together.decided([self.seconds - begins], self._device)
        self._pacer.evaluated(took)
        self._whole = True
        self._write_line(perplexity)

    def _copy_of_weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self._module.state_dict().items()}

    # --------------------------------------------------------------------------------------------------- plan

    def _measure(self) -> None:
        """Freeze the number of steps, once the speed is known."""
        (done,) = self._together.decided([self._pacer.speed.done], self._device)
        if not done:
            return
        self._check()
        pace = self._pacer.speed.pace if self._together.is_main else 0.0
        evaluation = 0.0
        if self._validation is not None:
            with self._watch.evaluation():
                evaluation = self._validation.seconds(lambda: self.seconds, self._pacer.most_for_measuring_evaluation)
        pace, evaluation, seconds, stepping = self._together.decided(
            [pace, evaluation, self.seconds, self._watch.stepping], self._device
        )
        self._pacer.freeze(seconds=seconds, stepping=stepping, step=self.step, pace=pace, evaluation_seconds=evaluation)
        self._saved_at = -math.inf  # the frozen number is saved at once: a resumed run must have the same
        self._show_plan()

    def _look(self, *, is_evaluated: bool = False) -> bool:
        """Plan anew where the run would end too early or too late, all processes alike; whether that was so."""
        seconds, stepping, saving = self._together.decided(
            [self.seconds, self._watch.stepping, self._watch.last_saving], self._device
        )
        changed = self._pacer.look(
            seconds=seconds, stepping=stepping, saving=saving, step=self.step, is_evaluated=is_evaluated
        )
        if changed:
            self._show_plan()
        return changed

    def _show_plan(self) -> None:
        if self._pacer.plan is None:
            self._run.stage("measuring speed")
        else:
            self._run.stage("training", self._pacer.plan.steps)
            self._run.advance(self.step)

    # ---------------------------------------------------------------------------------------------------- log

    def _write_line(self, validation: float | None) -> None:
        """A line of the log, of the steps since the line before, if there were any."""
        self._check()
        if validation is None and not len(self._monitor.pending):
            return
        sums = Sums(*self._together.total(self._monitor.take(), self._device))
        working = self._watch.stepping - self._line_begins
        self._line_begins = self._watch.stepping
        loss = sums.loss / sums.events if sums.events else None
        options = self._options
        plain = (
            options.label_smoothing == 0
            and getattr(options, "softmax", "full") != "sampled"
            and not (options.noising > 0 and options.noising_scheme == "kneser-ney")  # which replaces targets
        )
        record = LogRecord(
            step=self.step,
            epoch=round(self.epochs, 6),
            loss=loss,
            perplexity=perplexity_of(loss) if loss is not None and plain else None,
            lr=self._optimizer.param_groups[0]["lr"],
            gradient_norm=sums.norm / sums.steps if sums.steps else None,
            tokens_per_second=sums.events / self._together.count / working if sums.events and working > 0 else None,
            seconds=self.seconds,
            validation_perplexity=validation,
        )
        self._log.write(record)
        self._note(record)

    def _note(self, record: LogRecord) -> None:
        texts = [f"epoch {record.epoch:.2f}"]
        if record.perplexity is not None:
            texts.append(f"perplexity {record.perplexity:.1f}")
        if self.history:
            texts.append(f"valid {self.history[-1].perplexity:.1f}")
        if record.tokens_per_second is not None:
            texts.append(f"{record.tokens_per_second:,.0f} tokens/s")
        self._run.note(" · ".join(texts))

    def _settled_seconds(self) -> float:
        """The time once the device has done what it was asked."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return self.seconds

    # --------------------------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        """Write a checkpoint of the run as it stands, where there is a folder for it."""
        if self._folder is None:
            return
        self._check()
        with self._watch.checkpoint():
            checkpoint = self._checkpoint()
            if self._together.is_main:
                save_checkpoint(self._folder, checkpoint)
        self._saved_at = self.seconds

    def _save_at_the_end(self) -> None:
        """The last checkpoint serves only where the model cannot be saved afterwards; it must not cost the model."""
        try:
            self._save()
        except SavedModelError as error:
            self.warnings.append(f"the last checkpoint was not written: {error}")

    def _checkpoint(self) -> Checkpoint:
        """The run as it stands; all processes take part, for each has a piece of it."""
        masks = self._module_generator.get_state()[None]
        return Checkpoint(
            run=self._facts,
            step=self.step,
            epoch=self._epoch_number,
            window=self._window,
            evaluated=self._evaluated,
            seconds=self.seconds,
            tokens=self._tokens,
            plan=self._pacer.plan,
            pace=self._pacer.to_json(self._watch.stepping),
            threads=self._threads,
            history=tuple(self.history),
            epoch_loss=self._monitor.epoch_loss,
            pending=self._monitor.pending,
            average_count=self._average.count,
            module=self._module.state_dict(),
            best=self._best,
            optimizer=optimizer_state(self._optimizer, self._module),
            average=self._average.tensors,
            state=tuple(self._together.gathered(tensor, self._device, dim=1) for tensor in self._state),
            generators={
                "data": self._data_generator.get_state()[None],
                "module": self._together.gathered(masks, self._device),
            },
        )

    def _resume(self, wanted: bool) -> float | None:
        """Go on from the checkpoint, if wanted; gives the seconds of training before it, None where there is none."""
        if self._folder is None:
            return None
        checkpoint = load_checkpoint(self._folder, self._facts, self._module, self._optimizer) if wanted else None
        if checkpoint is None:
            check_target(self._folder)
            if wanted and self._together.is_main:
                note_nothing_to_resume(self._folder)
            return None
        with reading(self._folder):
            self._restore(checkpoint)
        return checkpoint.seconds

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.step, self._tokens = checkpoint.step, checkpoint.tokens
        self._begin_epoch(checkpoint.epoch)
        self._window, self._evaluated = checkpoint.window, checkpoint.evaluated
        require(self._window < self._epoch.windows, f"epoch {checkpoint.epoch} has no window {self._window}")
        self._check_plan(checkpoint.plan)
        self._pacer.plan = checkpoint.plan
        self._pacer.restore(checkpoint.pace)
        self.history = list(checkpoint.history)
        self._by_epoch = by_epoch(self.history)
        self._monitor.restore(checkpoint.pending, checkpoint.epoch_loss)
        self._module.load_state_dict(checkpoint.module)
        self._best = None if checkpoint.best is None else dict(checkpoint.best)
        if checkpoint.average is not None:
            require(self._options.averaging != "none", "it has an average, and the run makes none")
            self._average.load(checkpoint.average, checkpoint.average_count)
        load_optimizer_state(self._optimizer, self._module, checkpoint.optimizer)
        self._restore_state(checkpoint.state)
        self._restore_generators(checkpoint.generators)
        assert self._folder is not None
        note_other_threads(self._folder, checkpoint.threads, self._threads)

    def _check_plan(self, plan: Plan | None) -> None:
        if self._run.budget_seconds is None:
            require(plan is not None, "it does not say how many steps there are to be")
            require(plan == self._pacer.plan, "its plan is not that of its epochs")
        fixed = not getattr(self._options, "bptt_random", False)
        require(
            not fixed or self.step == self._epoch_number * self._epoch.windows + self._window,
            f"step {self.step} is not window {self._window} of epoch {self._epoch_number}",
        )

    def _restore_state(self, saved: tuple[Tensor, ...]) -> None:
        wanted = [([len(tensor), self.stream.batch, *tensor.shape[2:]], tensor.dtype) for tensor in self._initial]
        require(
            [(list(tensor.shape), tensor.dtype) for tensor in saved] == wanted, "its hidden state has another shape"
        )
        self._state = tuple(tensor[:, self.stream.share].contiguous().to(self._device) for tensor in saved)

    def _restore_generators(self, saved: Mapping[str, Tensor]) -> None:
        try:
            self._data_generator.set_state(saved["data"][0].clone())
            self._module_generator.set_state(saved["module"][self._together.rank].clone())
        except (KeyError, IndexError, RuntimeError, TypeError) as error:
            raise SavedModelError(f"a random generator cannot be restored ({error})") from None
