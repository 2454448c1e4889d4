"""The commands and the code of docs/trees.md run in one folder, in its own order; networks are smaller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import Page

from nlmkit.core.storage import load
from nlmkit.text.trees import LabelledTrees
from pages.conftest import DOCS

GUIDE = (DOCS / "trees.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.chdir(tmp_path)
    Path("trees.txt").write_text("(_ (_ A) (_ (_ fine) (_ film)))\n", encoding="utf-8")
    (example,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    sentences = [example, example.replace("pos", "neg").replace("fine", "dull")] * 6
    Path("deps.conllu").write_text("\n".join(sentences), encoding="utf-8")
    page = Page(GUIDE.replace("hidden=50, embedding=50, epochs=3", "hidden=8, embedding=8, epochs=1"))
    page.run()
    assert "accuracy" in page.printed
    assert Path("tree.png").exists()
    assert load("deps").predict(LabelledTrees.read("deps.conllu")).tolist()


def test_the_example_of_dependencies_is_as_described() -> None:
    (example,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    trees = LabelledTrees.read(iter(example.splitlines()), format="conllu")
    assert (trees.words, trees.node_labels) == (("A", "fine", "film"), (None, "pos", "pos"))
