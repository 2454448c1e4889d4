"""Training a language module: the entrance to the engine, and what comes of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import PERPLEXITY, LanguageTask
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.devices import choose_device, memory_errors, trains_in_bfloat16
from nlmkit.training.distributed import processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
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
    """What came of training a language model; see :class:`~nlmkit.training.result.RunResult` for the rest.

    Attributes:
        batch: Columns read side by side.
        events_left_out: Events at the end of the training text that an epoch leaves out, fewer than ``batch``.
        device: Where it was computed.
        precision: Of the steps: ``float32`` or ``bfloat16``.
    """

    batch: int
    events_left_out: int
    device: str
    precision: str

    def report(self) -> dict[str, Any]:
        """The result as JSON types; only the keys ``seconds`` and ``tokens_per_second`` tell of the clock."""
        return {
            **self.summary("validation text"),
            "validation_perplexity": None if self.best is None else self.best.metrics[PERPLEXITY.name],
            "batch": self.batch,
            "events_left_out": self.events_left_out,
            "device": self.device,
            "precision": self.precision,
            "history": [_entry(evaluation) for evaluation in self.history],
            "seconds": round(self.seconds, 3),
            "tokens_per_second": round(self.speed, 1),
            "notes": list(self.notes),
        }


def _entry(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as an entry of the report."""
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
) -> TrainingResult:
    """Train a module; afterwards it holds the best weights and is in evaluation mode, on the device of the run.

    With validation text the best weights are those of the evaluation with the lowest perplexity, else the last ones;
    where weights are averaged, the average stands for them. Under ``torchrun`` each process calls this alike.

    Args:
        module: The network, with its first weights.
        events: Ids of the training text's events: int32 [N].
        valid_events: Ids of the validation text's events: int32 [M].
        component: The component, with the groups of options of :mod:`nlmkit.language_models.neural.options`.
        vocabulary: What the ids mean; a count of ``<unk>`` says that it is trained as it is.
        run: Device, budget, checkpoints, log and progress.
        started: When the fit began on ``clock``, so that the budget covers what came before this call.
        clock: Seconds that only go up.

    Raises:
        HyperParameterError: An option needs validation text, or a device that is not there.
        DataError: A text is empty or holds other ids than the vocabulary's.
        SavedModelError: The checkpoint is damaged, another run's, or cannot be written.
        NlmkitError: Training diverged, by the rule of :mod:`nlmkit.training.divergence`.
        KeyboardInterrupt: Ctrl-C or SIGTERM; where there is a checkpoint folder, the run can be resumed from there.
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
        optimization.refuse_without_held_out(settings.patience, "the perplexity of validation text: give some")
    together = processes(run.device)
    together = together.on(choose_device(run.device, together.local_rank))
    purpose = (
        f"training in steps of batch={settings.batch} × {settings.bptt} words out of {len(vocabulary)}; "
        "a smaller batch, hidden or bptt needs less"
    )
    with memory_errors(purpose):
        task = LanguageTask(module, events, valid_events, settings, vocabulary, together)
        bfloat16 = trains_in_bfloat16(task.device, run.precision)
        stepper = GradientStepper(task, optimization, together, bfloat16=bfloat16)
        result = run_steps(stepper, run, patience=settings.patience, started=started, clock=clock)
    return TrainingResult(
        **vars(result),
        batch=task.stream.batch,
        events_left_out=task.stream.events_left_out,
        device=str(task.device),
        precision="bfloat16" if bfloat16 else "float32",
    )


def _check_ids(events: NDArray[np.int32], what: str, size: int) -> None:
    if not len(events):
        raise DataError(f"the {what} text is empty")
    if events.min() < 0 or events.max() >= size:
        raise DataError(f"the {what} text holds ids that are not among the vocabulary's {size}")
