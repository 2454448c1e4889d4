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

from nlmkit.errors import SavedModelError
from nlmkit.nn.budget import Plan
from nlmkit.nn.checkpoint_folders import KIND, check_target, remove_checkpoint
from nlmkit.nn.history import Evaluation
from nlmkit.saving import load_folder, require, require_array, save_folder

if TYPE_CHECKING:
    from nlmkit.components import Component
    from nlmkit.text import Vocabulary

__all__ = ["KIND", "Checkpoint", "check_target", "load_checkpoint", "remove_checkpoint", "run_facts", "save_checkpoint"]

_MODULE, _BEST, _OPTIMIZER, _AVERAGE = "module.", "best.", "optimizer.", "average."
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
    arrays: dict[str, NDArray[Any]] = {_PENDING: checkpoint.pending}
    named: dict[str, Mapping[str, Tensor]] = {
        _MODULE: checkpoint.module,
        _BEST: checkpoint.best or {},
        _AVERAGE: _numbered(checkpoint.average or ()),
        _STATE: _numbered(checkpoint.state),
        _GENERATOR: checkpoint.generators,
        **{f"{_OPTIMIZER}{name}.": values for name, values in checkpoint.optimizer.items()},
    }
    for prefix, tensors in named.items():
        arrays |= {f"{prefix}{name}": tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
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
        "history": [evaluation.to_json() for evaluation in checkpoint.history],
        "epoch_loss": list(checkpoint.epoch_loss),
        "average_count": checkpoint.average_count,
        "averaging": checkpoint.average is not None,
        "has_best": checkpoint.best is not None,
        "state_tensors": len(checkpoint.state),
    }
    save_folder(folder, manifest, arrays=arrays)


def _numbered(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    return {str(number): tensor for number, tensor in enumerate(tensors)}


# ------------------------------------------------------------------------------------------------------ reading


def load_checkpoint(folder: Path, run: Mapping[str, Any], module: nn.Module) -> Checkpoint | None:
    """Read the checkpoint of a run.

    Args:
        folder: Where it was saved.
        run: The run that wants to go on; see :func:`run_facts`.
        module: Its module, for the shapes.

    Returns:
        The checkpoint, None where there is none yet.

    Raises:
        SavedModelError: It is damaged, or another run's; the message says in what they differ.
    """
    if not folder.exists() or (folder.is_dir() and not (folder / "manifest.json").exists()):
        return None
    loaded = load_folder(folder)
    facts, arrays = loaded.manifest, loaded.arrays
    require(facts.get("kind") == KIND, f"{folder}: holds no checkpoint of a training run; nothing to resume")
    _check_run(folder, facts.get("run"), run)
    try:
        return _checkpoint(facts, arrays, module)
    except SavedModelError as error:
        raise SavedModelError(f"{folder}: the checkpoint is damaged: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SavedModelError(
            f"{folder}: the checkpoint is damaged: {type(error).__name__} ({error}); begin again without resume"
        ) from error


def _check_run(folder: Path, saved: object, run: Mapping[str, Any]) -> None:
    require(isinstance(saved, dict), f"{folder}: the checkpoint does not say whose it is; begin again without resume")
    assert isinstance(saved, dict)
    if saved == dict(run):
        return
    differing = []
    for name in sorted({*saved, *run} - {"hyper_parameters"}):
        if saved.get(name) != run.get(name):
            differing.append(f"{name} {saved.get(name)} there, {run.get(name)} here")
    there, here = saved.get("hyper_parameters"), run.get("hyper_parameters")
    if isinstance(there, dict) and isinstance(here, dict):
        names = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
        differing += [f"{name}={there.get(name)} there, {here.get(name)} here" for name in names]
    raise SavedModelError(
        f"{folder}: the checkpoint is another run's ({'; '.join(differing)}); "
        "fit with its options and texts, or without resume"
    )


def _checkpoint(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], module: nn.Module) -> Checkpoint:
    for name in ("step", "epoch", "window", "evaluated", "tokens", "average_count", "state_tensors"):
        require(type(facts[name]) is int and facts[name] >= -(name == "evaluated"), f"{name} is {facts[name]!r}")
    for name in ("averaging", "has_best"):
        require(isinstance(facts[name], bool), f"{name} is {facts[name]!r}")
    loss, events = facts["epoch_loss"]
    require(type(loss) is float and type(events) is int and type(facts["seconds"]) is float, "a sum is no number")
    shapes = module.state_dict()
    parameters = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    return Checkpoint(
        run=facts["run"],
        step=facts["step"],
        epoch=facts["epoch"],
        window=facts["window"],
        evaluated=facts["evaluated"],
        seconds=facts["seconds"],
        tokens=facts["tokens"],
        plan=None if facts["plan"] is None else Plan.from_json(facts["plan"]),
        history=tuple(map(Evaluation.from_json, facts["history"])),
        epoch_loss=(loss, events),
        pending=np.array(require_array(arrays, _PENDING, dtype="float64", shape=(None, 3))),
        average_count=facts["average_count"],
        module=_like(arrays, _MODULE, shapes),
        best=_like(arrays, _BEST, shapes) if facts["has_best"] else None,
        optimizer={name: _optimizer_state(arrays, name, parameter) for name, parameter in parameters.items()},
        average=_averages(arrays, list(parameters.values())) if facts["averaging"] else None,
        state=tuple(_tensor(arrays[f"{_STATE}{number}"]) for number in range(facts["state_tensors"])),
        generators={
            name.removeprefix(_GENERATOR): _tensor(require_array(arrays, name, dtype="uint8", shape=(None, None)))
            for name in arrays
            if name.startswith(_GENERATOR)
        },
    )


def _like(arrays: Mapping[str, NDArray[Any]], prefix: str, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: _tensor(require_array(arrays, f"{prefix}{name}", dtype=_numpy_dtype(tensor), shape=tuple(tensor.shape)))
        for name, tensor in shapes.items()
    }


def _averages(arrays: Mapping[str, NDArray[Any]], parameters: Sequence[Tensor]) -> list[Tensor]:
    return list(_like(arrays, _AVERAGE, _numbered(parameters)).values())


def _optimizer_state(arrays: Mapping[str, NDArray[Any]], name: str, parameter: Tensor) -> dict[str, Tensor]:
    """One parameter's state: scalars, and tensors of its shape."""
    prefix = f"{_OPTIMIZER}{name}."
    found = {}
    for full in arrays:
        key = full.removeprefix(prefix)
        if full.startswith(prefix) and "." not in key:
            shape = tuple(parameter.shape) if arrays[full].ndim else ()
            found[key] = _tensor(require_array(arrays, full, dtype="float32", shape=shape))
    return found


def _numpy_dtype(tensor: Tensor) -> np.dtype[Any]:
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype


def _tensor(array: NDArray[Any]) -> Tensor:
    """A tensor with memory of its own: the array lies in a file that the next checkpoint replaces."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="))).clone()
