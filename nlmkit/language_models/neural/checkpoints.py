"""Training checkpoints: everything that a training run is, as safetensors and strict JSON, replaced atomically.

A checkpoint is a folder as :func:`nlmkit.saving.save_folder` writes it, so whenever a run is killed, the old
checkpoint loads or the new one. Nothing in it is ever unpickled or evaluated.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.saving import load_folder, require, require_array, save_folder
from nlmkit.training.checkpoint_facts import amount, check_same_run, flag, reading, records, sums, whole
from nlmkit.training.checkpoint_folders import KIND, check_target, has_checkpoint, remove_checkpoint
from nlmkit.training.plan import Plan
from nlmkit.training.records import Evaluation, best_of
from nlmkit.training.torch_state import (
    BEST,
    MODULE,
    arrays_of,
    averages,
    finite,
    like,
    numbered,
    optimizer_states,
    tensor,
    with_prefixes,
)

if TYPE_CHECKING:
    from nlmkit.core.component import Component
    from nlmkit.text import Vocabulary

__all__ = ["KIND", "Checkpoint", "check_target", "load_checkpoint", "remove_checkpoint", "run_facts", "save_checkpoint"]

_STATE, _GENERATOR, _PENDING = "state.", "generator.", "pending"


@dataclasses.dataclass
class Checkpoint:
    """A training run between two steps.

    Attributes:
        run: What run this is; see :func:`run_facts`.
        step: Steps taken.
        epoch: Epoch of the next step, from 0.
        window: Window of the next step in its epoch.
        evaluated: Step at which validation perplexity was last measured, −1 if never.
        seconds: Time of training so far.
        tokens: Events read so far, repetitions included.
        plan: Steps of the run; None while the speed is being measured.
        pace: What the plan of a run with a budget is changed by, as JSON; None without a budget, and in checkpoints of
            versions that had none.
        threads: Threads that it is computed with, where they may change its bytes; None where that is not known.
        history: Evaluations so far.
        epoch_loss: Sum of training losses and of events since the last evaluation.
        pending: Loss, gradient norm and events of each step since the last line of the log: float64 [steps, 3].
        average_count: Iterates in the average of the weights.
        module: The module's state by name.
        best: Its state at the best evaluation, averaged where there was an average; None before the first.
        optimizer: State of each parameter, by name and then key.
        average: The average of each parameter, in order; None if it has not begun.
        state: The hidden state, all columns.
        generators: States of the random generators, by name: uint8 [processes, n].
    """

    run: Mapping[str, Any]
    step: int
    epoch: int
    window: int
    evaluated: int
    seconds: float
    tokens: int
    plan: Plan | None
    pace: object
    threads: object
    history: tuple[Evaluation, ...]
    epoch_loss: tuple[float, int]
    pending: NDArray[np.float64]
    average_count: int
    module: Mapping[str, Tensor]
    best: Mapping[str, Tensor] | None
    optimizer: Mapping[str, Mapping[str, Tensor]]
    average: Sequence[Tensor] | None
    state: tuple[Tensor, ...]
    generators: Mapping[str, Tensor]


def run_facts(
    options: Component,
    module: nn.Module,
    events: NDArray[np.int32],
    valid_events: NDArray[np.int32] | None,
    vocabulary: Vocabulary,
    *,
    budget_seconds: float | None,
    processes: int,
) -> dict[str, Any]:
    """What must be the same for a run to be gone on with, as JSON."""
    shapes = {name: [str(tensor.dtype), *tensor.shape] for name, tensor in module.state_dict().items()}
    return {
        "component": options.name,
        "hyper_parameters": options.params_as_json(),
        "training text": _digest(events),
        "validation text": None if valid_events is None else _digest(valid_events),
        "vocabulary": vocabulary.digest,
        "network": hashlib.sha256(repr(sorted(shapes.items())).encode()).hexdigest()[:16],
        "budget": None if budget_seconds is None else float(budget_seconds),
        "processes": processes,
    }


def _digest(events: NDArray[np.int32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(events, "<i4").data).hexdigest()[:16]


# ------------------------------------------------------------------------------------------------------ writing


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of the one before.

    Raises:
        SavedModelError: The folder cannot be written; the checkpoint before it still stands.
    """
    arrays: dict[str, NDArray[Any]] = {
        _PENDING: checkpoint.pending,
        **arrays_of(
            module=checkpoint.module,
            best=checkpoint.best,
            average=checkpoint.average,
            optimizer=checkpoint.optimizer,
        ),
        **with_prefixes({_STATE: numbered(checkpoint.state), _GENERATOR: checkpoint.generators}),
    }
    manifest = {
        "kind": KIND,
        "run": dict(checkpoint.run),
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "window": checkpoint.window,
        "evaluated": checkpoint.evaluated,
        "seconds": checkpoint.seconds,
        "tokens": checkpoint.tokens,
        "plan": None if checkpoint.plan is None else checkpoint.plan.to_json(),
        "pace": checkpoint.pace,
        "threads": checkpoint.threads,
        "history": [evaluation.to_json() for evaluation in checkpoint.history],
        "epoch_loss": list(checkpoint.epoch_loss),
        "average_count": checkpoint.average_count,
        "averaging": checkpoint.average is not None,
        "has_best": checkpoint.best is not None,
        "state_tensors": len(checkpoint.state),
    }
    save_folder(folder, manifest, arrays=arrays)


# ------------------------------------------------------------------------------------------------------ reading


def load_checkpoint(
    folder: Path, run: Mapping[str, Any], module: nn.Module, optimizer: torch.optim.Optimizer
) -> Checkpoint | None:
    """Read the checkpoint of a run.

    Args:
        folder: Where it was saved.
        run: The run that wants to go on; see :func:`run_facts`.
        module: Its module, for the shapes.
        optimizer: Its optimizer, for what it has to remember.

    Returns:
        The checkpoint, None where there is none yet.

    Raises:
        SavedModelError: It is damaged, or another run's; the message says in what they differ.
    """
    if not has_checkpoint(folder):
        return None
    loaded = load_folder(folder)
    facts, arrays = loaded.manifest, loaded.arrays
    require(facts.get("kind") == KIND, f"{folder}: holds no checkpoint of a training run; nothing to resume")
    check_same_run(folder, facts.get("run"), run)
    with reading(folder):
        return _checkpoint(facts, arrays, module, optimizer)


def _checkpoint(
    facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], module: nn.Module, optimizer: torch.optim.Optimizer
) -> Checkpoint:
    step = whole(facts, "step")
    plan = None if facts["plan"] is None else Plan.from_json(facts["plan"])
    require(plan is None or plan.bent_at <= step <= plan.steps, f"step {step} is not in its plan")
    history = tuple(map(Evaluation.from_json, records(facts, "history")))
    evaluated = whole(facts, "evaluated", least=-1)
    _check_history(history, step, evaluated)
    has_best = flag(facts, "has_best")
    require(has_best == (best_of(history) is not None), "it has best weights without an evaluation, or none with one")
    pending = np.array(require_array(arrays, _PENDING, dtype="float64", shape=(None, 3)))
    require(np.isfinite(pending).all() and (pending[:, 2] >= 1).all(), f"array {_PENDING!r} holds no sums of steps")
    shapes = module.state_dict()
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return Checkpoint(
        run=facts["run"],
        step=step,
        epoch=whole(facts, "epoch", most=step),
        window=whole(facts, "window", most=step),
        evaluated=evaluated,
        seconds=amount(facts, "seconds"),
        tokens=whole(facts, "tokens"),
        plan=plan,
        pace=facts.get("pace"),
        threads=facts.get("threads"),
        history=history,
        epoch_loss=sums(facts, "epoch_loss"),
        pending=pending,
        average_count=whole(facts, "average_count", most=step),
        module=like(arrays, MODULE, shapes),
        best=like(arrays, BEST, shapes) if has_best else None,
        optimizer=optimizer_states(arrays, optimizer, module),
        average=averages(arrays, parameters) if flag(facts, "averaging") else None,
        state=tuple(
            finite(arrays[f"{_STATE}{number}"], f"{_STATE}{number}") for number in range(whole(facts, "state_tensors"))
        ),
        generators={
            name.removeprefix(_GENERATOR): tensor(require_array(arrays, name, dtype="uint8", shape=(None, None)))
            for name in arrays
            if name.startswith(_GENERATOR)
        },
    )


def _check_history(history: Sequence[Evaluation], step: int, evaluated: int) -> None:
    steps = [evaluation.step for evaluation in history]
    require(steps == sorted(set(steps)) and all(0 < found <= step for found in steps), f"it was evaluated at {steps}")
    require(evaluated == (steps[-1] if steps else -1), f"evaluated is {evaluated}, and the history ends with {steps}")
