"""The folder of a training checkpoint, whoever's it is: where one may be written, and how one is removed.

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
"""What a checkpoint's manifest says that it is."""

_OWN: Final = re.compile(r"manifest\.json|\.lock|arrays-[0-9a-f]{16}\.safetensors|\.tmp-[0-9a-f]{16}")


def check_target(folder: Path) -> None:
    """Refuse to write checkpoints where a saved model, or anything else, stands.

    Raises:
        SavedModelError: The folder holds something that is not a checkpoint, is a link, or cannot be written.
    """
    _refuse_link(folder)
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if existing.is_dir() and not os.access(existing, os.W_OK | os.X_OK):
        raise SavedModelError(f"{folder}: nothing can be written in {existing}; choose another folder for checkpoints")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SavedModelError(f"{folder}: is a file, and checkpoints go to a folder; choose another path")
    names = {entry.name for entry in folder.iterdir()}
    if "manifest.json" in names and read_manifest(folder).get("kind") != KIND:
        raise SavedModelError(f"{folder}: holds a saved model and no checkpoint; choose another folder for checkpoints")
    foreign = sorted(name for name in names if not _OWN.fullmatch(name))
    if foreign:
        raise SavedModelError(
            f"{folder}: holds {foreign[0]!r}, which is no part of a checkpoint; choose another folder"
        )


def _refuse_link(folder: Path) -> None:
    # What is written and removed here must be in this folder, and a link may point to anyone's.
    if folder.is_symlink():
        raise SavedModelError(
            f"{folder}: is a symbolic link, and checkpoints go to a folder of their own; remove the link"
        )


def beside(model: Path, suffix: str) -> Path:
    """The path beside a model's folder that has its name and a suffix.

    For a folder that is given as ``.`` or ``..`` it is beside the folder that this names.

    Raises:
        SavedModelError: Nothing is beside the folder, which is the root.
    """
    if model.name in ("", ".."):
        model = model.resolve()
        if not model.name:
            raise SavedModelError(
                f"{model}: is the root, so no folder for checkpoints can be beside it; choose another folder"
            )
        here = Path.cwd().resolve()
        if here.is_relative_to(model):
            up = len(here.relative_to(model).parts) + 1
            return Path(*[".."] * up, model.name + suffix)
    return model.with_name(model.name + suffix)


def has_checkpoint(folder: Path) -> bool:
    """Whether there is a checkpoint, or at least its manifest.

    Raises:
        SavedModelError: The folder is a link, or cannot be looked at.
    """
    _refuse_link(folder)
    try:
        return (folder / "manifest.json").exists()
    except OSError as error:
        raise SavedModelError(f"{folder}: cannot be used for checkpoints ({error.strerror})") from None


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a checkpoint says; None where there is none that can be read."""
    try:
        manifest = read_manifest(folder)
    except SavedModelError:
        return None
    return manifest if manifest.get("kind") == KIND else None


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint that is no longer needed; nothing happens where there is none.

    Raises:
        SavedModelError: The folder holds something else.
    """
    check_target(folder)
    if folder.exists():
        # The manifest first: without it there is no checkpoint, however far this gets.
        (folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(folder)
