"""The commands and the code of docs/trees.md run in one folder, in its own order; networks are smaller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.core.storage import load
from nlmkit.text.trees import LabelledTrees

GUIDE = (Path(__file__).parents[1] / "docs" / "trees.md").read_text(encoding="utf-8")
SMALL = "-p embedding=8 -p hidden=8 -p epochs=1"


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trees.txt").write_text("(_ (_ A) (_ (_ fine) (_ film)))\n", encoding="utf-8")
    (example,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    sentences = [example, example.replace("pos", "neg").replace("fine", "dull")] * 6
    (tmp_path / "deps.conllu").write_text("\n".join(sentences), encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(code.replace("hidden=50, embedding=50, epochs=3", "hidden=8, embedding=8, epochs=1"), {})
    assert "accuracy" in capsys.readouterr().out
    (commands,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    for line in commands.splitlines():
        words = line.partition("#")[0].split()
        assert words[0] == "nlmkit"
        words = [*words[1:], *(SMALL.split() if words[1] == "fit" else ())]
        if "--tree-plot" in words:
            pytest.importorskip("matplotlib")
        result = CliRunner().invoke(nlmkit, words)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert (tmp_path / "tree.png").exists()
    assert load("deps").predict(LabelledTrees.read("deps.conllu")).tolist()


def test_the_example_of_dependencies_is_as_described() -> None:
    (example,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
    trees = LabelledTrees.read(iter(example.splitlines()), format="conllu")
    assert (trees.words, trees.node_labels) == (("A", "fine", "film"), (None, "pos", "pos"))
