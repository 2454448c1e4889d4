from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys.saved_models import save_old


@pytest.fixture(autouse=True, scope="module")
def no_fsync() -> Iterator[None]:
    """What fsync does, only a power cut could show; the tests of its order put their own in its place."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_old(folder)
    return folder
