"""The fuzz harness on a few inputs of each reader, and again with the seeds that once found a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st

from fuzz.run import Tally, fuzz
from fuzz.targets import Target, targets
from nlmkit.errors import NlmkitError

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytest.importorskip("numba", reason="numba is not installed")

TARGETS = {target.name: target for target in targets()}
FOUND = json.loads((Path(__file__).parent / "seeds.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_refused_in_one_line_or_accepted(name: str) -> None:
    tally = Tally()
    fuzz(TARGETS[name], 20261127, tally, examples=40)
    assert tally.inputs >= 40


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [(found["target"], found["seed"]) for found in FOUND])
def test_what_once_was_a_fault_is_mended(name: str, number: int) -> None:
    fuzz(TARGETS[name], number, Tally())


def test_the_harness_sees_another_exception() -> None:
    def read(value: int, folder: Path) -> None:
        if value > 10:
            raise KeyError(value)

    with pytest.raises(KeyError, match="11"):  # shrunk
        fuzz(Target("broken", st.integers(0, 1000), read), 1, Tally())


def test_the_harness_sees_a_message_of_several_lines() -> None:
    class TwoLinesError(NlmkitError):
        def __str__(self) -> str:
            return "one line\nand another"

    def read(value: int, folder: Path) -> None:
        raise TwoLinesError

    with pytest.raises(AssertionError, match="several lines"):
        fuzz(Target("broken", st.integers(), read), 1, Tally())
