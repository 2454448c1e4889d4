"""The commands and the code of docs/seq2seq.md run in one folder, in its own order; networks are smaller."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.core.storage import load
from nlmkit.text.catalog import resolve

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "seq2seq.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.S)

SMALL = {"encoder-decoder": "embedding=8 hidden=8 epochs=1", "vector-decoder": "hidden=8 epochs=1"}
"""Settings of networks in the guide's commands, in place of its own."""

GLOSSES = "lion\ta large wild cat\nriver\tmuch water that runs\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the guide talks about."""
    (tmp_path / "glosses.tsv").write_text(GLOSSES, encoding="utf-8")
    (tmp_path / "valid.tsv").write_text(GLOSSES, encoding="utf-8")
    text = "".join(Path(file).read_text(encoding="utf-8") for file in resolve("english"))
    (tmp_path / "text.txt").write_text(text + "lion river\n" * 10, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str) -> str:
    """Run a command, or ``echo … | command``; return what it prints to stdout."""
    line, _, _ = re.sub(r"(?<=\s)#.*", "", line).partition("\n")
    if line.startswith("nlmkit fit"):
        line = re.sub(r" -p (batch|epochs|hidden)=\d+", "", line)
    before, pipe, after = line.partition(" | ")
    given = " ".join(shlex.split(before)[1:]) + "\n" if pipe else None
    program, *words = shlex.split(after if pipe else line)
    assert program == "nlmkit"
    if words[0] == "fit" and words[1] in SMALL:
        words += [word for setting in SMALL[words[1]].split() for word in ("-p", setting)]
    result = CliRunner().invoke(nlmkit, words, input=given)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return result.stdout


@pytest.mark.slow
def test_every_block_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    printed = []
    for language, block in BLOCKS:
        if language == "python":
            exec(block, names)
        else:
            printed += [run(line) for line in block.splitlines()]
    found = capsys.readouterr().out
    assert "BLEU" in found
    assert float(re.findall(r"([\d.]+)% of 297 pictures named", found)[0]) > 50
    assert (folder / "attention.png").exists()
    (folder / "en-zh").rename(folder / "elsewhere")
    assert load("elsewhere").digest
