"""Checkpoints of a GloVe training run: weights and accumulators as safetensors, the rest as strict JSON.

A checkpoint is a folder as :func:`nlmkit.saving.save_folder` writes it, so whenever a run is killed, the old
checkpoint loads or the new one. The co-occurrence records are not in it: they follow from text and seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import load_folder, require, require_array, save_folder
from nlmkit.training.checkpoint_facts import amount, check_same_run, is_amount, reading, whole
from nlmkit.training.checkpoint_folders import KIND, check_target, has_checkpoint
from nlmkit.training.plan import Plan

__all__ = ["KIND", "Checkpoint", "check_target", "load_checkpoint", "save_checkpoint"]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A training run between two rounds of records.

    Attributes:
        facts: What run this is, as JSON.
        costs: Mean cost of each finished epoch.
        position: Records done of the epoch that is not finished.
        cost: Sum of their costs.
        plan: Planned rounds of a run with a budget, None while the speed is being measured and without a budget.
        pace: What that plan is changed by, as JSON.
        threads: Threads that train without locks; None where that is not known.
        seconds: Time of training so far.
        arrays: The weights by name.
    """

    facts: Mapping[str, Any]
    costs: tuple[float, ...]
    position: int
    cost: float
    plan: Plan | None
    pace: object
    threads: object
    seconds: float
    arrays: Mapping[str, NDArray[Any]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of the one before.

    Raises:
        SavedModelError: The folder cannot be written; the checkpoint before it still stands.
    """
    manifest = {
        "kind": KIND,
        "run": dict(checkpoint.facts),
        "costs": list(checkpoint.costs),
        "position": checkpoint.position,
        "cost": checkpoint.cost,
        "plan": None if checkpoint.plan is None else checkpoint.plan.to_json(),
        "pace": checkpoint.pace,
        "threads": checkpoint.threads,
        "seconds": checkpoint.seconds,
    }
    save_folder(folder, manifest, arrays=checkpoint.arrays)


def load_checkpoint(
    folder: Path, facts: Mapping[str, Any], like: Mapping[str, NDArray[Any]], *, rounds: int
) -> Checkpoint | None:
    """Read the checkpoint of a run.

    Args:
        folder: Where it was saved.
        facts: Those of the run that wants to go on.
        like: Arrays of the names, shapes and dtypes that its arrays must have.
        rounds: Of an epoch.

    Returns:
        The checkpoint, None where there is none yet.

    Raises:
        SavedModelError: It is damaged, or another run's; the message says in what they differ.
    """
    if not has_checkpoint(folder):
        return None
    loaded = load_folder(folder)
    found = loaded.manifest
    require(found.get("kind") == KIND, f"{folder}: holds no checkpoint of a training run; nothing to resume")
    check_same_run(folder, found.get("run"), facts)
    with reading(folder):
        costs = found.get("costs")
        require(isinstance(costs, list) and all(map(is_amount, costs)), f"costs is {str(costs)[:80]}")
        assert isinstance(costs, list)
        return Checkpoint(
            facts=facts,
            costs=tuple(map(float, costs)),
            position=whole(found, "position"),
            cost=amount(found, "cost"),
            plan=_plan(found, rounds),
            pace=found.get("pace"),
            threads=found.get("threads"),
            seconds=amount(found, "seconds"),
            arrays={name: _finite(loaded.arrays, name, array) for name, array in like.items()},
        )


def _plan(found: Mapping[str, Any], rounds: int) -> Plan | None:
    """The plan; earlier versions planned whole epochs."""
    if found.get("epochs") is not None:
        return Plan.of(whole(found, "epochs", least=1) * rounds)
    return None if found.get("plan") is None else Plan.from_json(found["plan"])


def _finite(arrays: Mapping[str, NDArray[Any]], name: str, like: NDArray[Any]) -> NDArray[Any]:
    array = require_array(arrays, name, dtype=like.dtype, shape=like.shape)
    require(np.isfinite(array).all(), f"array {name!r} holds NaN or infinity")
    # Accumulators begin with 1 and grow; their roots divide.
    accumulators = {"squares": array, "biases": array[..., 1]}.get(name)
    require(accumulators is None or (accumulators >= 1).all(), f"array {name!r} holds accumulators below 1")
    return array
