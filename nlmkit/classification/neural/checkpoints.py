"""Checkpoints of a classifier's training, made between epochs: safetensors and strict JSON, replaced atomically."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.classification.neural.history import Evaluation
from nlmkit.errors import SavedModelError
from nlmkit.nn.budget import Plan
from nlmkit.nn.checkpoints import KIND, check_target
from nlmkit.nn.optimisation import load_optimizer_state, optimizer_state
from nlmkit.saving import load_folder, require, require_array, save_folder

if TYPE_CHECKING:
    from nlmkit.classification.neural.batching import Sample
    from nlmkit.classification.neural.training import _Trainer
    from nlmkit.components import RunOptions

_MODULE, _BEST, _OPTIMIZER, _AVERAGE = "module.", "best.", "optimizer.", "average."


class Checkpoints:
    """Where a run's checkpoint lies, and how it is written and read.

    Args:
        trainer: The run.
        options: Its component.
        run: Folder, time between checkpoints, and whether to resume.
    """

    def __init__(self, trainer: _Trainer, options: Any, run: RunOptions) -> None:
        self._trainer, self._run = trainer, run
        self._folder = None if run.checkpoint is None else Path(run.checkpoint)
        self._saved_at = 0.0
        if self._folder is not None:
            self._facts = _run_facts(trainer, options, run)

    def save(self, seconds: float) -> None:
        """Write a checkpoint between two epochs, where there is a folder for it and the last one is old enough.

        Raises:
            SavedModelError: The folder cannot be written; the checkpoint before it still stands.
        """
        if self._folder is None or seconds - self._saved_at < self._run.checkpoint_seconds:
            return
        self._saved_at = seconds
        trainer = self._trainer
        named: dict[str, Mapping[str, Tensor]] = {
            _MODULE: trainer.module.state_dict(),
            _BEST: trainer.best or {},
            _AVERAGE: _numbered(trainer.average.tensors),
            **{
                f"{_OPTIMIZER}{name}.": values
                for name, values in optimizer_state(trainer.optimizer, trainer.module).items()
            },
        }
        arrays = {
            f"{prefix}{name}": tensor.detach().cpu().numpy()
            for prefix, tensors in named.items()
            for name, tensor in tensors.items()
        }
        manifest = {
            "kind": KIND,
            "run": self._facts,
            "step": trainer.step,
            "epoch": trainer.epoch,
            "seconds": seconds,
            "words": trainer.words,
            "plan": None if trainer.pacer.plan is None else trainer.pacer.plan.to_json(),
            "history": [dataclasses.asdict(evaluation) for evaluation in trainer.history],
            "average_count": trainer.average.count,
            "averaging": trainer.average.tensors is not None,
            "has_best": trainer.best is not None,
        }
        save_folder(self._folder, manifest, arrays=arrays)

    def resume(self) -> float | None:
        """Put the run where its checkpoint is, if that is wanted and there is one; gives its seconds.

        Raises:
            SavedModelError: The checkpoint is damaged or another run's, or something else lies in the folder.
        """
        if self._folder is None:
            return None
        if not self._run.resume or not (self._folder / "manifest.json").exists():
            check_target(self._folder)
            return None
        loaded = load_folder(self._folder)
        facts, arrays = loaded.manifest, loaded.arrays
        require(facts.get("kind") == KIND, f"{self._folder}: holds no checkpoint of a training run; nothing to resume")
        if facts.get("run") != self._facts:
            there = facts.get("run")
            known = there if isinstance(there, dict) else {}
            differing = sorted(name for name in self._facts if known.get(name) != self._facts[name])
            raise SavedModelError(
                f"{self._folder}: the checkpoint is another run's (other {', '.join(differing) or 'facts'}); "
                "fit with its options and texts, or without resume"
            )
        try:
            return self._restore(facts, arrays)
        except SavedModelError as error:
            raise SavedModelError(f"{self._folder}: the checkpoint is damaged: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise SavedModelError(
                f"{self._folder}: the checkpoint is damaged: {type(error).__name__} ({error}); "
                "begin again without resume"
            ) from error

    def _restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> float:
        trainer = self._trainer
        for name in ("step", "epoch", "words", "average_count"):
            require(type(facts[name]) is int and facts[name] >= 0, f"{name} is {facts[name]!r}")
        seconds = facts["seconds"]
        require(type(seconds) is float and seconds >= 0, f"seconds is {seconds!r}")
        shapes = trainer.module.state_dict()
        module = _like(arrays, _MODULE, shapes)
        best = _like(arrays, _BEST, shapes) if facts["has_best"] else None
        optimizer = {
            name: _optimizer_state(arrays, name, parameter) for name, parameter in trainer.module.named_parameters()
        }
        plan = None if facts["plan"] is None else Plan.from_json(facts["plan"])
        require(plan is not None or self._run.budget_seconds is not None, "it does not say how many steps there are")
        history = [Evaluation(**evaluation) for evaluation in facts["history"]]
        for evaluation in history:
            held_out = () if trainer.valid is None else (evaluation.accuracy, evaluation.validation_loss)
            numbers = (evaluation.epoch, evaluation.loss, evaluation.seconds, *held_out)
            require(all(type(number) is float for number in numbers), f"an evaluation is {evaluation}")
        trainer.module.load_state_dict(module)
        load_optimizer_state(trainer.optimizer, trainer.module, optimizer)
        if facts["averaging"]:
            assert trainer.average.tensors is not None
            averages = _like(arrays, _AVERAGE, _numbered(trainer.average.tensors))
            trainer.average.load(list(averages.values()), facts["average_count"])
        trainer.best, trainer.history, trainer.pacer.plan = best, history, plan
        trainer.step, trainer.epoch, trainer.words = facts["step"], facts["epoch"], facts["words"]
        self._saved_at = seconds
        return float(seconds)


def _run_facts(trainer: _Trainer, options: Any, run: RunOptions) -> dict[str, Any]:
    """What must be the same for a run to be gone on with, as JSON."""
    shapes = {name: [str(tensor.dtype), *tensor.shape] for name, tensor in trainer.module.state_dict().items()}
    return {
        "component": options.name,
        "hyper_parameters": options.saved_params(),
        "training texts": _digest(trainer.sample),
        "held-out texts": None if trainer.valid is None else _digest(trainer.valid),
        "network": hashlib.sha256(repr(sorted(shapes.items())).encode()).hexdigest()[:16],
        "budget": None if run.budget_seconds is None else float(run.budget_seconds),
    }


def _digest(sample: Sample) -> str:
    digest = hashlib.sha256()
    for array in (sample.documents.ids, sample.documents.sentences, sample.documents.documents, sample.targets):
        digest.update(np.ascontiguousarray(array, "<i8").data)
    return digest.hexdigest()[:16]


def _numbered(tensors: Any) -> dict[str, Tensor]:
    return {str(number): tensor for number, tensor in enumerate(tensors or ())}


def _like(arrays: Mapping[str, NDArray[Any]], prefix: str, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: _tensor(require_array(arrays, f"{prefix}{name}", dtype=_numpy_dtype(tensor), shape=tuple(tensor.shape)))
        for name, tensor in shapes.items()
    }


def _optimizer_state(arrays: Mapping[str, NDArray[Any]], name: str, parameter: Tensor) -> dict[str, Tensor]:
    """One parameter's state: of its shape, a value a row, or scalars."""
    prefix = f"{_OPTIMIZER}{name}."
    found = {}
    for full, array in arrays.items():
        if not full.startswith(prefix):
            continue
        sound = array.dtype == np.float32 and array.shape in ((), tuple(parameter.shape[:1]), tuple(parameter.shape))
        require(sound, f"array {full!r} has a wrong shape")
        found[full.removeprefix(prefix)] = _tensor(array)
    return found


def _numpy_dtype(tensor: Tensor) -> np.dtype[Any]:
    return torch.empty(0, dtype=tensor.dtype).numpy().dtype


def _tensor(array: NDArray[Any]) -> Tensor:
    """A tensor with memory of its own: the array lies in a file that the next checkpoint replaces."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="))).clone()
