"""The checkpoint of a training run: safetensors and strict JSON in a folder, replaced atomically.

A checkpoint is written as :func:`nlmkit.saving.save_folder` writes, so whenever a run is killed, the old checkpoint
loads or the new one. Nothing in it is ever unpickled or evaluated. This module imports no torch.
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
    """What a checkpoint holds: JSON and arrays, neither of which has been looked into."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class CheckpointStore:
    """Where the checkpoint of a run is kept.

    Args:
        folder: The folder.
        identity: What run this is, as JSON: another run's checkpoint is refused. Options are in ``hyper_parameters``;
            other names are read in messages, such as ``training text``.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = dict(identity)

    @property
    def last_good(self) -> str:
        """End of a message about diverged training: where the last good checkpoint is, if there is one."""
        return f"; {self.folder} holds the last good checkpoint" if (self.folder / "manifest.json").exists() else ""

    def save(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a checkpoint in place of the one before.

        Raises:
            SavedModelError: The folder cannot be written; the checkpoint before is still there.
        """
        save_folder(self.folder, {"kind": KIND, _RUN: self._identity, **facts}, arrays=arrays)

    def load(self) -> Saved | None:
        """The checkpoint, None where there is none yet.

        Raises:
            SavedModelError: It is damaged, or another run's; the message says in what they differ.
        """
        if not has_checkpoint(self.folder):
            return None
        loaded = load_folder(self.folder)
        is_checkpoint = loaded.manifest.get("kind") == KIND
        require(is_checkpoint, f"{self.folder}: holds no checkpoint of a training run; nothing to resume")
        check_same_run(self.folder, loaded.manifest.get(_RUN), self._identity)
        return Saved(loaded.manifest, loaded.arrays)

    def begin(self, *, resume: bool, tell: bool = True) -> Saved | None:
        """The checkpoint to go on from; None where a run begins anew.

        Args:
            resume: Go on from the checkpoint, if there is one.
            tell: Whether to note that there is none.

        Raises:
            SavedModelError: As of :meth:`load`; or something else is in the folder, which a checkpoint would replace.
        """
        found = self.load() if resume else None
        if found is None:
            check_target(self.folder)
            if resume and tell:
                note_nothing_to_resume(self.folder)
        return found
