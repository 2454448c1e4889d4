"""What all tests share: reproducible property tests, and real corpora where the machine has them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads of each, idle most of the time, would wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("nlmkit", derandomize=True, deadline=None)
settings.load_profile("nlmkit")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository, which is no part of it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder shared/data with real corpora is not beside the repository")
    return folder
