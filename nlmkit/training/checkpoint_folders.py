"""Folder of a training checkpoint: checks before writing, and removal.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

from nlmkit.errors import SavedModelError
from nlmkit.saving import read_manifest

KIND: Final = "training-checkpoint"
"""Kind in the manifest of a checkpoint."""

_OWN: Final = re.compile(r"manifest\.json|\.lock|arrays-[0-9a-f]{16}\.safetensors|\.tmp-[0-9a-f]{16}")


def check_target(folder: Path) -> None:
    """Refuse to write checkpoints into a folder with a saved model, or anything else.

    Raises:
        SavedModelError: The folder contains something that is not a checkpoint, is a link, or is not writable.
    """
    _refuse_link(folder)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if existing.is_dir() and not os.access(existing, os.W_OK | os.X_OK):
        raise SavedModelError(f"{folder}: {existing} is not writable; choose another folder for checkpoints")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SavedModelError(f"{folder}: is a file, but checkpoints need a folder; choose another path")
    names = {entry.name for entry in folder.iterdir()}
    if "manifest.json" in names and read_manifest(folder).get("kind") != KIND:
        raise SavedModelError(
            f"{folder}: contains a saved model, not a checkpoint; choose another folder for checkpoints"
        )
    foreign = sorted(name for name in names if not _OWN.fullmatch(name))
    if foreign:
        raise SavedModelError(
            f"{folder}: contains {foreign[0]!r}, which is not part of a checkpoint; choose another folder"
        )


def _refuse_link(folder: Path) -> None:
    # Files written and removed must be in this folder; a link could point anywhere.
    if folder.is_symlink():
        raise SavedModelError(f"{folder}: is a symbolic link, but checkpoints need their own folder; remove the link")


def beside(model: Path, suffix: str) -> Path:
    """Return the path next to a model's folder with its name and a suffix.

    ``.`` and ``..`` are resolved first.

    Raises:
        SavedModelError: The folder is the root.
    """
    if model.name in ("", ".."):
        model = model.resolve()
        if not model.name:
            raise SavedModelError(
                f"{model}: is the root folder, next to which checkpoints cannot be stored; choose another folder"
            )
        here = Path.cwd().resolve()
        if here.is_relative_to(model):
            up = len(here.relative_to(model).parts) + 1
            return Path(*[".."] * up, model.name + suffix)
    return model.with_name(model.name + suffix)


def has_checkpoint(folder: Path) -> bool:
    """Return whether there is a checkpoint, or at least its manifest.

    Raises:
        SavedModelError: The folder is a link, or is not readable.
    """
    _refuse_link(folder)
    try:
        return (folder / "manifest.json").exists()
    except OSError as error:
        raise SavedModelError(f"{folder}: cannot be used for checkpoints ({error.strerror})") from None


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a checkpoint; None if there is no readable one."""
    try:
        manifest = read_manifest(folder)
    except SavedModelError:
        return None
    return manifest if manifest.get("kind") == KIND else None


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint that is no longer needed, if there is one.

    Raises:
        SavedModelError: The folder contains something else.
    """
    check_target(folder)
    if folder.exists():
        # The manifest first: without it there is no checkpoint, even if the rest cannot be deleted.
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder)
