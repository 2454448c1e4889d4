"""The README's commands and code run, in its own order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nlmkit
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.text import Corpus, TextPipeline

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts that the README talks about."""
    folder = tmp_path_factory.mktemp("readme")
    for name, split in (("train", "train"), ("valid", "valid"), ("test", "test"), ("more", "valid")):
        corpus = Corpus.read(f"corpus:english/{split}", TextPipeline(tokenizer="word", lowercase=True))
        lines = (" ".join(corpus.sentence(i)) + "\n" for i in range(corpus.sentences))
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_every_block_runs(folder: Path) -> None:
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    code = "\n".join(block for language, block in BLOCKS if language == "python")
    for language, block in BLOCKS:
        if language == "sh" and "pip install" not in block:
            block = block.replace("--budget 20m", "--budget 4s -p hidden=16 -p embedding=16 -p batch=8")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{block}\n{done.stderr}"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    perplexity = float(done.stdout.split("\n")[0])
    assert f"{perplexity:.4f}" in done.stdout


def test_the_code_of_the_page_on_taggers_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "taggers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "F1" in done.stdout


def test_the_installing_commands_are_two() -> None:
    installing = [block for language, block in BLOCKS if "pip install" in block]
    assert len(installing) == 2
    main_job, tests = installing
    assert "nlmkit fit ngram corpus:english" in main_job
    assert "nlmkit perplexity english-5gram corpus:english/test" in main_job
    assert tests.rstrip().endswith("&& pytest -n auto --dist worksteal")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci, "CI runs the README's own command"


def test_every_smoothing_method_is_described() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", README, re.M)) >= set(METHODS)


def test_public_names_exist() -> None:
    for name in nlmkit.__all__:
        assert getattr(nlmkit, name) is not None
