from __future__ import annotations

from pathlib import Path

import pytest
from toys.saved_models import save_old


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_old(folder)
    return folder
