"""Checkpoints of a GloVe training run: weights and accumulators as safetensors, the rest as strict JSON.

A checkpoint is a folder as :func:`nlmkit.saving.save_folder` writes it, so whenever a run is killed, the old
checkpoint loads or the new one. The co-occurrence records are not in it: they follow from text and seed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit import saving
from nlmkit.errors import SavedModelError
from nlmkit.saving import load_folder, read_manifest, require, require_array, save_folder

KIND: Final = "training-checkpoint"
"""The same as a neural model's: whoever removes checkpoints need not know whose they are."""

_MANIFEST: Final = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A training run between two rounds of records.

    Attributes:
        facts: What run this is, as JSON.
        costs: Mean cost of each finished epoch.
        position: Records done of the epoch that is not finished.
        cost: Sum of their costs.
        epochs: Planned epochs of a run with a budget, None while the speed is being measured and without a budget.
        seconds: Time of training so far.
        arrays: The weights by name.
    """

    facts: Mapping[str, Any]
    costs: tuple[float, ...]
    position: int
    cost: float
    epochs: int | None
    seconds: float
    arrays: Mapping[str, NDArray[Any]]


def check_target(folder: Path) -> None:
    """Refuse to write checkpoints where a saved model, or anything else, stands.

    Raises:
        SavedModelError: The folder holds something that is no checkpoint, or cannot be looked at.
    """
    try:
        saving.check_target(folder)
        has_manifest = (folder / _MANIFEST).exists()
    except OSError as error:
        raise SavedModelError(f"{folder}: cannot be used for checkpoints ({error.strerror})") from None
    if has_manifest and read_manifest(folder).get("kind") != KIND:
        raise SavedModelError(f"{folder}: holds a saved model and no checkpoint; choose another folder for checkpoints")


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
        "epochs": checkpoint.epochs,
        "seconds": checkpoint.seconds,
    }
    save_folder(folder, manifest, arrays=checkpoint.arrays)


def load_checkpoint(folder: Path, facts: Mapping[str, Any], like: Mapping[str, NDArray[Any]]) -> Checkpoint | None:
    """Read the checkpoint of a run.

    Args:
        folder: Where it was saved.
        facts: Those of the run that wants to go on.
        like: Arrays of the names, shapes and dtypes that its arrays must have.

    Returns:
        The checkpoint, None where there is none yet.

    Raises:
        SavedModelError: It is damaged, or another run's; the message says in what they differ.
    """
    if not (folder / _MANIFEST).exists():
        return None
    loaded = load_folder(folder)
    found = loaded.manifest
    require(found.get("kind") == KIND, f"{folder}: holds no checkpoint of a training run; nothing to resume")
    _check_run(folder, found.get("run"), facts)
    try:
        costs, cost, seconds = found.get("costs"), found.get("cost"), found.get("seconds")
        require(isinstance(costs, list) and all(map(_is_amount, costs)), f"costs is {str(costs)[:80]}")
        require(_is_amount(cost) and _is_amount(seconds), f"cost is {cost!r} and seconds is {seconds!r}")
        position, epochs = found.get("position"), found.get("epochs")
        require(type(position) is int and position >= 0, f"position is {position!r}")
        require(epochs is None or (type(epochs) is int and epochs > 0), f"epochs is {epochs!r}")
        arrays = {name: _finite(loaded.arrays, name, array) for name, array in like.items()}
    except SavedModelError as error:
        raise SavedModelError(f"{folder}: the checkpoint is damaged: {error}; begin again without resume") from error
    assert isinstance(costs, list)
    assert isinstance(position, int)
    return Checkpoint(facts, tuple(costs), position, float(cost or 0), epochs, float(seconds or 0), arrays)


def _is_amount(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0  # type: ignore[arg-type, operator]


def _finite(arrays: Mapping[str, NDArray[Any]], name: str, like: NDArray[Any]) -> NDArray[Any]:
    array = require_array(arrays, name, dtype=like.dtype, shape=like.shape)
    require(np.isfinite(array).all(), f"array {name!r} holds NaN or infinity")
    return array


def _check_run(folder: Path, saved: object, facts: Mapping[str, Any]) -> None:
    if saved == dict(facts):
        return
    there, here = _flat(saved), _flat(facts)
    differing = [
        f"{name}={there.get(name)} there, {here.get(name)} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    raise SavedModelError(
        f"{folder}: the checkpoint is another run's ({'; '.join(differing)}); "
        "fit with its options and text, or without resume"
    )


def _flat(facts: object) -> dict[str, Any]:
    """The facts, the hyper-parameters among the rest."""
    if not isinstance(facts, Mapping):
        return {}
    inside = facts.get("hyper_parameters")
    return {name: value for name, value in facts.items() if name != "hyper_parameters"} | (
        dict(inside) if isinstance(inside, Mapping) else {}
    )
