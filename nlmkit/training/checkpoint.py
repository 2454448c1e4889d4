"""Checkpoint of a training run: safetensors and strict JSON in a folder, replaced atomically.

A checkpoint is written as ``nlmkit.saving.save_folder`` writes, so whenever a run is killed, either the old checkpoint
or the new one loads. Nothing in it is ever unpickled or evaluated. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nlmkit.saving import load_folder, require, save_folder
from nlmkit.training.checkpoint_facts import check_same_run, note_nothing_to_resume
from nlmkit.training.checkpoint_folders import KIND, check_target, has_checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RUN = "run"


class Saved(NamedTuple):
    """Contents of a checkpoint, not yet checked: JSON and arrays."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class CheckpointStore:
    """Store of the checkpoint of a run.

    Args:
        folder: The folder.
        identity: Identity of the run, as JSON: checkpoints of others are refused. Options are in ``hyper_parameters``;
            other keys appear in messages, such as ``training text``.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = dict(identity)

    @property
    def last_good(self) -> str:
        """Return the end of a message on divergence, with the path of the last good checkpoint, if there is one."""
        return f"; {self.folder} contains the last good checkpoint" if (self.folder / "manifest.json").exists() else ""

    def save(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a checkpoint, replacing the previous one.

        Raises:
            SavedModelError: The folder cannot be written; the previous checkpoint is kept.
        """
        save_folder(self.folder, {"kind": KIND, _RUN: self._identity, **facts}, arrays=arrays)

    def load(self) -> Saved | None:
        """Return the checkpoint, or None if there is none yet.

        Raises:
            SavedModelError: It is damaged, or belongs to another run; the message lists the differences.
        """
        if not has_checkpoint(self.folder):
            return None
        loaded = load_folder(self.folder)
        is_checkpoint = loaded.manifest.get("kind") == KIND
        require(is_checkpoint, f"{self.folder}: not a checkpoint of a training run; nothing to resume")
        check_same_run(self.folder, loaded.manifest.get(_RUN), self._identity)
        return Saved(loaded.manifest, loaded.arrays)

    def begin(self, *, resume: bool, tell: bool = True) -> Saved | None:
        """Return the checkpoint to resume from; None for a new run.

        Args:
            resume: Whether to resume from the checkpoint, if there is one.
            tell: Whether to send a note if there is none.

        Raises:
            SavedModelError: As in ``load``; or the folder contains something else that a checkpoint would replace.
        """
        found = self.load() if resume else None
        if found is None:
            check_target(self.folder)
            if resume and tell:
                note_nothing_to_resume(self.folder)
        return found
