"""What all tests share: reproducible property tests, no waiting, and real corpora where the machine has them."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads of each, idle most of the time, would wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("nlmkit", derandomize=True, deadline=None)
settings.load_profile("nlmkit")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Tests and modules live to the end of the run, so Python looks for garbage among them once and no more."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_fsync() -> Iterator[None]:
    """What fsync does, only a power cut could show; tests of its order and its errors put their own in its place."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository, which is no part of it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder shared/data with real corpora is not beside the repository")
    return folder
