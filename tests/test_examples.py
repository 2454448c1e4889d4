"""The programs in examples/ run, and show what they say."""

from __future__ import annotations

import importlib.util
import re
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


def test_the_next_words_are_those_of_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "room" not in example("next_words").main()
    assert re.search(r"^engine +\d+\.\d+ bits .*\broom\b", capsys.readouterr().out, re.M)


def test_an_odd_word_is_more_surprising(capsys: pytest.CaptureFixture[str]) -> None:
    usual, odd = example("surprisal").main()
    assert usual[:5] == odd[:5]
    assert usual[5] < odd[5]
    assert "▇" in capsys.readouterr().out


def test_the_language_model_corrects_the_recognizer() -> None:
    assert example("rescoring").main() == "the ferry leaves the harbor at noon"


def test_noise_is_dropped() -> None:
    program = example("filter_corpus")
    assert program.main() == program.LINES[:2]


def test_the_grid_search_finds_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("grid_search").main() > 0.6
    assert capsys.readouterr().out.startswith("best of 6")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.stem)
@pytest.mark.filterwarnings("ignore")  # of the packages that start the kernel
def test_a_notebook_runs(file: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "keep notebooks without outputs"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any("arning" in output.get("text", "") for output in outputs)


def test_the_lists_of_programs_and_notebooks_are_complete() -> None:
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = [file.name for file in FOLDER.iterdir() if file.suffix in {".py", ".ipynb"}]
    assert len(files) == 11
    assert all(f"]({name})" in listed for name in files)
