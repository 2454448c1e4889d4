"""Training of a language module by the training engine, and its result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import PERPLEXITY, LanguageTask
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.devices import choose_device, memory_errors
from nlmkit.training.distributed import processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.precision import choose_precision
from nlmkit.training.records import Evaluation
from nlmkit.training.result import RunResult
from nlmkit.training.run import run as run_steps

if TYPE_CHECKING:
    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.text import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingResult(RunResult):
    """Result of training a language model; see ``RunResult`` for the other attributes.

    Attributes:
        batch: Number of columns.
        events_left_out: Number of events at the end of the training text that an epoch omits, fewer than ``batch``.
        device: Device of the run.
        precision: Precision of the steps: ``float32`` or ``bfloat16``.
        precision_reason: Why, in a few words.
    """

    batch: int
    events_left_out: int
    device: str
    precision: str
    precision_reason: str

    def report(self) -> dict[str, Any]:
        """Return the result as JSON types; only ``seconds`` and ``tokens_per_second`` depend on the clock."""
        return {
            **self.summary("validation text"),
            "validation_perplexity": None if self.best is None else self.best.metrics[PERPLEXITY.name],
            "batch": self.batch,
            "events_left_out": self.events_left_out,
            "device": self.device,
            "precision": self.precision,
            "precision_reason": self.precision_reason,
            "history": [_entry(evaluation) for evaluation in self.history],
            "seconds": round(self.seconds, 3),
            "tokens_per_second": round(self.speed, 1),
            "notes": list(self.notes),
        }


def _entry(evaluation: Evaluation) -> dict[str, Any]:
    """Return the report entry of an evaluation."""
    values = evaluation.to_json()
    return {
        "step": values["step"],
        "epoch": values["epoch"],
        "ends_epoch": values["ends_epoch"],
        **values["metrics"],
        "loss": values["loss"],
        "averaged": values["averaged"],
        "seconds": values["seconds"],
    }


def train(  # noqa: PLR0917
    module: LanguageModule,
    events: NDArray[np.int32],
    valid_events: NDArray[np.int32] | None,
    component: Component,
    vocabulary: Vocabulary,
    run: RunOptions,
    *,
    started: float | None = None,
    clock: Clock = seconds,
    task_of: Callable[..., LanguageTask] = LanguageTask,
    chosen: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train a module; afterwards it has the best weights and is in evaluation mode, on the device of the run.

    With validation text the best weights are those of the evaluation with the lowest perplexity, else the last ones;
    with averaging, the average of the weights. Under ``torchrun``, all processes call this function.

    Args:
        module: The network with its initial weights.
        events: Ids of the training text's events: int32 [N].
        valid_events: Ids of the validation text's events: int32 [M].
        component: The component, with the groups of options of ``nlmkit.language_models.neural.options``.
        vocabulary: Vocabulary of the ids; a nonzero count of ``<unk>`` means that it needs no substitution.
        run: Device, budget, checkpoints, log and progress.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        clock: Monotonic clock, in seconds.
        task_of: Builds the task; takes the arguments of ``LanguageTask``.
        chosen: Hyper-parameters chosen for the budget, as JSON, for the log.

    Raises:
        HyperParameterError: An option needs validation text, or the device is not available.
        DataError: A text is empty or contains ids outside the vocabulary.
        SavedModelError: The checkpoint is damaged, belongs to another run, or cannot be written.
        NlmkitError: Training diverged, by the rule of ``nlmkit.training.divergence``.
        KeyboardInterrupt: Ctrl-C or SIGTERM; with a checkpoint folder, the run can be resumed.
        MemoryError: The device has too little memory.
    """
    if run.workers > 1:
        raise HyperParameterError(
            f"workers={run.workers}: a neural model uses all cores by itself; start several processes with torchrun"
        )
    settings, optimization = LanguageModelSettings.of(component), Optimization.of(component)
    _check_ids(events, "training", len(vocabulary))
    if valid_events is not None:
        _check_ids(valid_events, "validation", len(vocabulary))
    else:
        optimization.refuse_without_held_out(settings.patience, "validation text: pass some")
    together = processes(run.device)
    together = together.on(choose_device(run.device, together.local_rank))
    purpose = (
        f"training in steps of batch={settings.batch} × {settings.bptt} words, with a vocabulary of {len(vocabulary)}; "
        "reduce batch, hidden or bptt"
    )
    with memory_errors(purpose):
        task = task_of(module, events, valid_events, settings, vocabulary, together)
        precision = choose_precision(task.module, task.device, run.precision, agreed=together.decided)
        stepper = GradientStepper(task, optimization, together, precision=precision)
        result = run_steps(stepper, run, patience=settings.patience, started=started, clock=clock, chosen=chosen)
    return TrainingResult(
        **vars(result),
        batch=task.stream.batch,
        events_left_out=task.stream.events_left_out,
        device=str(task.device),
        precision=precision.name,
        precision_reason=precision.reason,
    )


def _check_ids(events: NDArray[np.int32], what: str, size: int) -> None:
    if not len(events):
        raise DataError(f"the {what} text is empty")
    if events.min() < 0 or events.max() >= size:
        raise DataError(f"the {what} text contains ids outside the vocabulary of size {size}")
