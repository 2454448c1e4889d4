"""Training of a network in a single process by the training engine, and the resulting report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.core.processes import process_count
from nlmkit.errors import HyperParameterError
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.devices import choose_device, memory_errors
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.precision import choose_precision
from nlmkit.training.run import run as run_steps

if TYPE_CHECKING:
    import torch

    from nlmkit.core.run import RunOptions
    from nlmkit.training.records import Evaluation
    from nlmkit.training.task import Task


def train_in_one_process(
    build: Callable[[torch.device], Task[Any]],
    optimization: Optimization,
    run: RunOptions,
    *,
    who: str,
    purpose: str,
    watched: str,
    watched_advice: str,
    patience: int | None,
    started: float,
    speed: str = "words_per_second",
    clock: Clock = seconds,
) -> dict[str, Any]:
    """Train the network of a task and return the report of the training, as JSON types.

    Afterwards the network has the weights of the best evaluation on held-out data, without such data the last ones;
    with averaging, the average of the weights. It is in evaluation mode, on the device of the run. In the report only
    ``seconds`` and the speed depend on the clock.

    Args:
        build: Builds the task on a device.
        optimization: Options of the optimization.
        run: Device, budget, checkpoints, log and progress.
        who: The model, for the error if there are several processes, such as ``a neural tagger``.
        purpose: What the steps need memory for, and how to need less.
        watched: Name of the held-out data, such as ``held-out texts``.
        watched_advice: How to get them, for the error if an option needs them.
        patience: Number of epochs without improvement after which the run stops.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        speed: Name of the speed in the report.
        clock: Monotonic clock, in seconds.

    Raises:
        HyperParameterError: An option needs held-out data, or the device is not available.
        SavedModelError: The checkpoint is damaged, belongs to another run, or cannot be written.
        NlmkitError: Training diverged, by the rule of ``nlmkit.training.divergence``.
        KeyboardInterrupt: Ctrl-C or SIGTERM; with a checkpoint folder, the run can be resumed.
        MemoryError: The device has too little memory.
    """
    if run.workers > 1 or process_count() > 1:
        raise HyperParameterError(f"{who} trains in a single process, which uses all cores")
    device = choose_device(run.device)
    with memory_errors(purpose):
        task = build(device)
        if not task.is_evaluated:
            optimization.refuse_without_held_out(patience, f"{watched}: {watched_advice}")
        precision = choose_precision(task.module, device, run.precision)
        stepper = GradientStepper(task, optimization, Processes(device=device), precision=precision)
        result = run_steps(stepper, run, patience=patience, started=started, clock=clock)
    names = [metric.name for metric in task.metrics]
    best = {} if result.best is None else result.best.metrics
    return {
        **result.summary(watched),
        **{f"validation_{name}": value for name, value in best.items() if name != "loss"},
        "device": str(device),
        "precision": precision.name,
        "precision_reason": precision.reason,
        "history": [_entry(evaluation, names) for evaluation in result.history],
        "seconds": round(result.seconds, 3),
        speed: round(result.speed, 1),
        "notes": list(result.notes),
    }


def _entry(evaluation: Evaluation, names: Sequence[str]) -> dict[str, Any]:
    """Return the report entry of an evaluation; metrics are null without held-out data."""
    measured = {"validation_loss" if name == "loss" else name: evaluation.metrics.get(name) for name in names}
    return {
        "step": evaluation.step,
        "epoch": round(evaluation.epoch, 6),
        "loss": evaluation.loss,
        **measured,
        "seconds": round(evaluation.seconds, 3),
    }
