"""Records of a run in a model's folder: training logs, pictures, and settings.

Saving keeps them and loading ignores them. They can be in the folder itself or in a subfolder that contains nothing
else.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from nlmkit.errors import SavedModelError
from nlmkit.saving.manifest import MANIFEST, read_manifest
from nlmkit.saving.temporary import NAME as TEMPORARY_NAME
from nlmkit.saving.temporary import READ_FLAGS

LOG_BEGINNING: Final = b'{"step": '
"""First bytes of a training log, which identify it independently of its name."""

SETTINGS_BEGINNING: Final = b"[fit]\n"
"""First bytes of the settings of a run."""

PICTURES: Final = frozenset({".png", ".svg", ".pdf"})
SETTINGS: Final = ".toml"

_EMPTY_LOG: Final = ".jsonl"
_MODELS_OWN: Final = re.compile(r"manifest\.json|\.lock|(?:arrays|vocabulary)-.*|\.tmp-.*")
_DEEPEST: Final = 4


def is_record(entry: os.DirEntry[str], depth: int = 0) -> bool:
    """Return whether an entry of a model's folder is a record of a run, or a folder of records."""
    if entry.is_dir(follow_symlinks=False):
        if depth == _DEEPEST:
            return False
        with os.scandir(entry.path) as entries:
            return all(is_record(inner, depth + 1) for inner in entries)
    if not entry.is_file(follow_symlinks=False):
        return False
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in PICTURES or TEMPORARY_NAME.fullmatch(entry.name):
        return True
    beginning = _beginning(entry.path)
    if not beginning:
        return suffix == _EMPTY_LOG
    return beginning.startswith(LOG_BEGINNING) or (suffix == SETTINGS and beginning.startswith(SETTINGS_BEGINNING))


def _beginning(path: str) -> bytes:
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError:
        return b"?"
    with open(descriptor, "rb") as file:
        return file.read(len(LOG_BEGINNING))


def is_models_own(name: str) -> bool:
    """Return whether a name is reserved for files of a saved model."""
    return bool(_MODELS_OWN.fullmatch(name))


def model_around(path: Path) -> Path | None:
    """Return the folder of the saved model or checkpoint that contains ``path``, or None."""
    inner = Path(os.path.realpath(path.parent))
    for folder in (inner, *list(inner.parents)[:_DEEPEST]):
        if os.path.lexists(folder / MANIFEST):
            try:
                read_manifest(folder)
            except SavedModelError:  # another program's
                continue
            return folder
    return None
