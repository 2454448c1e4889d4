"""The programs in examples/ run, and show what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.slow


def example(name: str) -> ModuleType:
    """Import a program of the folder."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_of_digits_are_spelt(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("digits").main() > 0.85
    assert "is read as: " in capsys.readouterr().out


def test_definitions_follow_from_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    """Each held-out word is taken for what it is, and its definition is less surprising."""
    told, untold = example("glosses").main()
    assert told < 0.95 * untold
    found = capsys.readouterr().out
    for beginning in ("wolf: an animal that", "berry: a fruit that", "spade: a tool that", "attic: a room where"):
        assert beginning in found


def test_everything_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("dialogue_acts").main() == 0
    assert "the blue door" in capsys.readouterr().out


def test_the_list_of_examples_is_complete() -> None:
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"]({file.name})" in listed for file in FOLDER.glob("*.py"))
