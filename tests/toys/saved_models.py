"""Saved folders for the tests of ``saving``; child processes import this file too, so it imports little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nlmkit.saving import load_folder, save_folder

OLD: dict[str, Any] = {"kind": "language_model", "which": "old"}
NEW: dict[str, Any] = {"kind": "language_model", "which": "new"}
OLD_ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "ids": np.array([3, 1], np.int32)}
NEW_ARRAYS = {"weights": np.full((4, 3), 0.5, np.float32)}
OLD_WORDS = ["the", "cat"]
NEW_WORDS = ["ein", "Hund", "läuft"]


def save_old(folder: Path) -> None:
    save_folder(folder, OLD, arrays=OLD_ARRAYS, vocabulary=OLD_WORDS)


def save_new(folder: Path) -> None:
    save_folder(folder, NEW, arrays=NEW_ARRAYS, vocabulary=NEW_WORDS)


def which(folder: Path) -> str:
    """Loads and checks the contents against the manifest that came with them."""
    saved = load_folder(folder)
    name = saved.manifest["which"]
    arrays: dict[str, Any] = OLD_ARRAYS if name == "old" else NEW_ARRAYS
    assert name in ("old", "new")
    assert set(saved.arrays) == set(arrays)
    for key, array in arrays.items():
        assert saved.arrays[key].dtype == array.dtype
        assert saved.arrays[key].shape == array.shape
        assert (saved.arrays[key] == array).all()
    assert saved.vocabulary == (OLD_WORDS if name == "old" else NEW_WORDS)
    return str(name)


def listing(folder: Path) -> set[str]:
    """What lies in the folder besides the lock (which Windows removes)."""
    return {path.name for path in folder.iterdir()} - {".lock"}


def save_large(folder: str | Path, letter: str) -> None:
    number = ord(letter)
    arrays = {"w": np.full(200_000, number, np.float32), letter: np.array([number])}
    save_folder(folder, {"letter": letter}, arrays=arrays, vocabulary=[letter] * number)


def check_large(folder: str | Path) -> str:
    saved = load_folder(folder)
    letter: str = saved.manifest["letter"]
    assert saved.vocabulary == [letter] * ord(letter)
    assert (saved.arrays["w"] == ord(letter)).all()
    assert set(saved.arrays) == {"w", letter}
    return letter
