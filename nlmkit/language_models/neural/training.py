"""Training a language module: the entrance, and what comes of it; ``loop.py`` takes the steps."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.neural.loop import BPTT, Trainer
from nlmkit.training.clock import Clock
from nlmkit.training.devices import choose_device, memory_errors, trains_in_bfloat16
from nlmkit.training.distributed import processes
from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.text import Vocabulary


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of a training run.

    Attributes:
        steps: Steps taken.
        epochs: Passes over the training text, with fractions.
        seconds: Time of training, that before an interruption included.
        tokens_per_second: Events read a second in steps, evaluation and checkpoints not counted.
        history: The evaluations; empty without validation text.
        best: The evaluation whose weights were kept; None where the last weights were.
        averaged: Whether the weights kept are an average.
        stopped: ``completed``, or ``patience`` where validation perplexity had ceased to fall.
        plan: How many steps there were to be.
        batch: Columns read side by side.
        events_left_out: Events at the end of the training text that an epoch leaves out, fewer than ``batch``.
        device: Where it was computed.
        precision: Of the steps: ``float32`` or ``bfloat16``.
        warnings: What whoever started the run should know.
    """

    steps: int
    epochs: float
    seconds: float
    tokens_per_second: float
    history: tuple[Evaluation, ...]
    best: Evaluation | None
    averaged: bool
    stopped: str
    plan: Plan
    batch: int
    events_left_out: int
    device: str
    precision: str
    warnings: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What whoever started the run should know."""
        return list(self.warnings)

    def report(self) -> dict[str, Any]:
        """The result as JSON types; only the keys ``seconds`` and ``tokens_per_second`` tell of the clock."""
        weights = "last" if self.best is None else f"best on validation text, step {self.best.step}"
        return {
            "steps": self.steps,
            "epochs": round(self.epochs, 4),
            "stopped": self.stopped,
            "weights": f"{weights}, averaged" if self.averaged else weights,
            "validation_perplexity": None if self.best is None else self.best.perplexity,
            "batch": self.batch,
            "events_left_out": self.events_left_out,
            "device": self.device,
            "precision": self.precision,
            "history": [evaluation.to_json() for evaluation in self.history],
            "seconds": round(self.seconds, 3),
            "tokens_per_second": round(self.tokens_per_second, 1),
            "notes": self.notes,
        }


def train(  # noqa: PLR0917
    module: LanguageModule,
    events: NDArray[np.int32],
    valid_events: NDArray[np.int32] | None,
    options: Any,
    vocabulary: Vocabulary,
    run: RunOptions,
    *,
    resume: bool | None = None,
    started: float | None = None,
    clock: Clock = time.perf_counter,
) -> TrainingResult:
    """Train a module; afterwards it holds the best weights and is in evaluation mode, on the device of the run.

    With validation text the best weights are those of the evaluation with the lowest perplexity, else the last ones;
    where weights are averaged, the average stands for them. Under ``torchrun`` each process calls this alike.

    Args:
        module: The network, with its first weights.
        events: Ids of the training text's events: int32 [N].
        valid_events: Ids of the validation text's events: int32 [M].
        options: The component, with its groups of options from :mod:`nlmkit.language_models.neural.options`.
        vocabulary: What the ids mean; a count of ``<unk>`` says that it is trained as it is.
        run: Device, budget, checkpoints, log and progress.
        resume: Go on from the checkpoint, if there is one; as ``run`` says if not given.
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
    _check_ids(events, "training", len(vocabulary))
    if valid_events is not None:
        _check_ids(valid_events, "validation", len(vocabulary))
    else:
        _check_needs_no_validation(options)
    together = processes(run.device)
    device = choose_device(run.device, together.local_rank)
    bptt = getattr(options, "bptt", BPTT)
    purpose = (
        f"training in steps of batch={options.batch} × {bptt} words out of {len(vocabulary)}; "
        "a smaller batch, hidden or bptt needs less"
    )
    with memory_errors(purpose):
        trainer = Trainer(
            module,
            events,
            valid_events,
            options=options,
            vocabulary=vocabulary,
            run=run,
            together=together,
            device=device,
            bfloat16=trains_in_bfloat16(device, run.precision),
        )
        trainer.run(resume=run.resume if resume is None else resume, started=started, clock=clock)
    return TrainingResult(
        steps=trainer.step,
        epochs=trainer.epochs,
        seconds=trainer.seconds,
        tokens_per_second=trainer.tokens_per_second,
        history=tuple(trainer.history),
        best=trainer.kept,
        averaged=trainer.kept_average,
        stopped="completed" if trainer.is_completed else "patience",
        plan=trainer.plan,
        batch=trainer.stream.batch,
        events_left_out=trainer.stream.events_left_out,
        device=str(device),
        precision="bfloat16" if trainer.bfloat16 else "float32",
        warnings=tuple(trainer.warnings),
    )


def _check_ids(events: NDArray[np.int32], what: str, size: int) -> None:
    if not len(events):
        raise DataError(f"the {what} text is empty")
    if events.min() < 0 or events.max() >= size:
        raise DataError(f"the {what} text holds ids that are not among the vocabulary's {size}")


def _check_needs_no_validation(options: Any) -> None:
    for name, needs in (
        ("schedule", options.schedule == "plateau"),
        ("averaging", options.averaging == "nt-asgd"),
        ("patience", options.patience is not None),
    ):
        if needs:
            raise HyperParameterError(
                f"{name}={getattr(options, name)} watches the perplexity of validation text: give some"
            )
