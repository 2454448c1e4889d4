"""Training of a neural tagger by the training engine, and the resulting report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.core.processes import process_count
from nlmkit.errors import HyperParameterError
from nlmkit.taggers.neural.settings import TaggerSettings
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.devices import choose_device, memory_errors, trains_in_bfloat16
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.run import run as run_steps

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.taggers.neural.task import TaggingTask
    from nlmkit.training.records import Evaluation


def train(
    model: Component,
    build: Callable[[TaggerSettings, torch.device], TaggingTask],
    run: RunOptions,
    started: float,
    lengths: NDArray[np.int64],
    *,
    clock: Clock = seconds,
) -> dict[str, Any]:
    """Train the network of a tagger and return the report of the training, as JSON types.

    Afterwards the network has the weights of the best evaluation on held-out sentences, without such sentences the last
    ones; with averaging, the average of the weights. It is in evaluation mode, on the device of the run. In the
    report only ``seconds`` and ``words_per_second`` depend on the clock.

    Args:
        model: The component, with the options of ``nlmkit.taggers.neural.options``.
        build: Builds the task from its settings and the device.
        run: Device, budget, checkpoints, log and progress.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        lengths: Tokens of each training sentence.
        clock: Monotonic clock, in seconds.

    Raises:
        HyperParameterError: An option needs held-out sentences, or the device is not available.
        SavedModelError: The checkpoint is damaged, belongs to another run, or cannot be written.
        NlmkitError: Training diverged, by the rule of ``nlmkit.training.divergence``.
        KeyboardInterrupt: Ctrl-C or SIGTERM; with a checkpoint folder, the run can be resumed.
        MemoryError: The device has too little memory.
    """
    settings, optimization = TaggerSettings.of(model, len(lengths)), Optimization.of(model)
    if run.workers > 1 or process_count() > 1:
        raise HyperParameterError("a neural tagger trains in a single process, which uses all cores")
    device = choose_device(run.device)
    purpose = (
        f"training with batch={settings.batch} sentences of up to {lengths.max()} tokens per step; a smaller batch "
        "or hidden needs less"
    )
    bfloat16 = trains_in_bfloat16(device, run.precision)
    with memory_errors(purpose):
        task = build(settings, device)
        if not task.is_evaluated:
            optimization.refuse_without_held_out(
                settings.patience,
                "held-out sentences: pass some, or enough training sentences that "
                f"valid_share={settings.valid_share:g} of them is at least one",
            )
        stepper = GradientStepper(task, optimization, Processes(device=device), bfloat16=bfloat16)
        result = run_steps(stepper, run, patience=settings.patience, started=started, clock=clock)
    names = [metric.name for metric in task.metrics]
    best = {} if result.best is None else result.best.metrics
    return {
        **result.summary("held-out sentences"),
        **{f"validation_{name}": value for name, value in best.items()},
        "device": str(device),
        "precision": "bfloat16" if bfloat16 else "float32",
        "history": [_entry(evaluation, names) for evaluation in result.history],
        "seconds": round(result.seconds, 3),
        "words_per_second": round(result.speed, 1),
        "notes": list(result.notes),
    }


def _entry(evaluation: Evaluation, names: Sequence[str]) -> dict[str, Any]:
    """Return the report entry of an evaluation; metrics are null without held-out sentences."""
    return {
        "step": evaluation.step,
        "epoch": round(evaluation.epoch, 6),
        "loss": evaluation.loss,
        **{name: evaluation.metrics.get(name) for name in names},
        "seconds": round(evaluation.seconds, 3),
    }
