"""Checkpoints of a classifier's training, made between steps: safetensors and strict JSON, replaced atomically."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.documents.neural.history import Evaluation, best_of
from nlmkit.errors import SavedModelError
from nlmkit.saving import load_folder, require, require_array, save_folder
from nlmkit.training.checkpoint_facts import (
    amount,
    check_same_run,
    flag,
    is_amount,
    is_number,
    note_nothing_to_resume,
    note_other_threads,
    reading,
    records,
    sums,
    whole,
)
from nlmkit.training.checkpoint_folders import KIND, check_target, has_checkpoint
from nlmkit.training.optimization import load_optimizer_state, optimizer_state
from nlmkit.training.plan import Plan
from nlmkit.training.torch_state import BEST, MODULE, arrays_of, averages, like, optimizer_states, tensor

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.documents.neural.batching import Sample
    from nlmkit.documents.neural.training import _Trainer

_PENDING, _GENERATOR = "pending", "generator.module"
_FIELDS = frozenset(field.name for field in dataclasses.fields(Evaluation))


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
        self.saved_at = 0.0
        """Seconds of training at the last checkpoint."""
        self._threads = torch.get_num_threads() if trainer.module.device.type == "cpu" else None
        if self._folder is not None:
            self._facts = _run_facts(trainer, options, run)

    @property
    def kept(self) -> str:
        """End of the message about diverged training: which checkpoint is left."""
        if self._folder is None or not (self._folder / "manifest.json").exists():
            return ""
        return f"; {self._folder} holds the last good checkpoint"

    def save(self, seconds: float, stepping: float) -> None:
        """Write a checkpoint between two steps, where there is a folder for it.

        Args:
            seconds: Of training so far.
            stepping: Those of them that were steps.

        Raises:
            SavedModelError: The folder cannot be written; the checkpoint before it still stands.
        """
        if self._folder is None:
            return
        self.saved_at = seconds
        trainer = self._trainer
        arrays = {
            _PENDING: trainer.monitor.pending,
            _GENERATOR: trainer.module.generator.get_state().numpy(),
            **arrays_of(
                module=trainer.module.state_dict(),
                best=trainer.best,
                average=trainer.average.tensors,
                optimizer=optimizer_state(trainer.optimizer, trainer.module),
            ),
        }
        manifest = {
            "kind": KIND,
            "run": self._facts,
            "step": trainer.step,
            "epoch": trainer.epoch,
            "batch": trainer.batch,
            "evaluated": trainer.evaluated,
            "epoch_loss": list(trainer.monitor.epoch_loss),
            "seconds": seconds,
            "words": trainer.words,
            "plan": None if trainer.pacer.plan is None else trainer.pacer.plan.to_json(),
            "pace": trainer.pacer.to_json(stepping),
            "threads": self._threads,
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
        if not self._run.resume or not has_checkpoint(self._folder):
            check_target(self._folder)
            if self._run.resume:
                note_nothing_to_resume(self._folder)
            return None
        loaded = load_folder(self._folder)
        facts, arrays = loaded.manifest, loaded.arrays
        require(facts.get("kind") == KIND, f"{self._folder}: holds no checkpoint of a training run; nothing to resume")
        check_same_run(self._folder, facts.get("run"), self._facts)
        with reading(self._folder):
            self.saved_at = self._restore(facts, arrays)
            note_other_threads(self._folder, facts.get("threads"), self._threads)
        return self.saved_at

    def _restore(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> float:
        trainer = self._trainer
        step, seconds = whole(facts, "step"), amount(facts, "seconds")
        epoch, words = whole(facts, "epoch", most=step), whole(facts, "words")
        # Checkpoints of earlier versions were made between two epochs, and say nothing of what is between two batches.
        within = "batch" in facts
        batch = whole(facts, "batch", most=step) if within else 0
        shapes = trainer.module.state_dict()
        history = [_evaluation(found, held_out=trainer.valid is not None) for found in records(facts, "history")]
        steps = [evaluation.step for evaluation in history]
        require(steps == sorted(set(steps)) and all(0 < at <= step for at in steps), f"it was evaluated at {steps}")
        evaluated = whole(facts, "evaluated") if within else (steps or [0])[-1]
        require(evaluated == (steps or [0])[-1], f"evaluated is {evaluated}, and the history ends with {steps}")
        has_best = flag(facts, "has_best")
        require(has_best == (best_of(history) is not None), "it has best weights without an evaluation, or none")
        module = like(arrays, MODULE, shapes)
        best = like(arrays, BEST, shapes) if has_best else None
        optimizer = optimizer_states(arrays, trainer.optimizer, trainer.module)
        self._restore_plan(facts, step)
        count, averaging = whole(facts, "average_count", most=step), flag(facts, "averaging")
        require(averaging == (trainer.average.tensors is not None), "it has an average, and the run none, or not so")
        if trainer.average.tensors is not None:
            trainer.average.load(averages(arrays, trainer.average.tensors), count)
        trainer.module.load_state_dict(module)
        load_optimizer_state(trainer.optimizer, trainer.module, optimizer)
        trainer.best, trainer.history, trainer.evaluated = best, history, evaluated
        trainer.step, trainer.words = step, words
        trainer.begin_epoch(epoch, batch)
        require(batch < trainer.batches, f"epoch {epoch} has no batch {batch}")
        if within:
            self._restore_within(facts, arrays)
        return seconds

    def _restore_plan(self, facts: Mapping[str, Any], step: int) -> None:
        pacer = self._trainer.pacer
        plan = None if facts["plan"] is None else Plan.from_json(facts["plan"])
        if self._run.budget_seconds is None:
            require(plan is not None, "it does not say how many steps there are")
            require(plan == pacer.plan, "its plan is not that of its epochs")
        require(plan is None or plan.bent_at <= step <= plan.steps, f"step {step} is not in its plan")
        pacer.plan = plan
        pacer.restore(facts.get("pace"))

    def _restore_within(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """What is between two batches: sums since the last line and evaluation, and the source of the masks."""
        pending = np.array(require_array(arrays, _PENDING, dtype="float64", shape=(None, 3)))
        require(np.isfinite(pending).all() and (pending[:, 2] >= 1).all(), f"array {_PENDING!r} holds no sums of steps")
        self._trainer.monitor.restore(pending, sums(facts, "epoch_loss"))
        state = tensor(require_array(arrays, _GENERATOR, dtype="uint8", shape=(None,)))
        try:
            self._trainer.module.generator.set_state(state)
        except (RuntimeError, TypeError) as error:
            raise SavedModelError(f"a random generator cannot be restored ({error})") from None


def _evaluation(value: Mapping[str, Any], *, held_out: bool) -> Evaluation:
    """An evaluation from JSON; a SavedModelError where it makes no sense."""
    require(set(value) == _FIELDS, f"an evaluation holds {sorted(value)}")
    tried = (value["accuracy"], value["validation_loss"])
    amounts = (value["epoch"], value["seconds"], *(tried if held_out else ()))
    sound = type(value["step"]) is int and is_number(value["loss"])
    sound = sound and all(map(is_amount, amounts)) and all(type(found) is float for found in (value["loss"], *amounts))
    sound = sound and (tried[0] <= 1 if held_out else tried == (None, None))
    require(sound, f"an evaluation is {str(dict(value))[:200]}")
    return Evaluation(**value)


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
    for array in (
        sample.documents.ids,
        sample.documents.sentence_offsets,
        sample.documents.document_offsets,
        sample.targets,
    ):
        digest.update(np.ascontiguousarray(array, "<i8").data)
    return digest.hexdigest()[:16]
