"""The commands and the code of docs/ngram-mixing.md run in one folder, in its own order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit import NGram, load
from nlmkit.cli.group import nlmkit

GUIDE = (Path(__file__).parents[1] / "docs" / "ngram-mixing.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news.txt").write_text("the market fell\nthe market rose again\nshares fell\n", encoding="utf-8")
    Path("talk.txt").write_text("oh the cat again\nthe dog and the cat\nit rose\n", encoding="utf-8")
    Path("valid.txt").write_text("the cat fell\nthe market\n", encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "nlmkit"
        result = CliRunner().invoke(nlmkit, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert sum(load("small", NGram).table_.sizes) == 40
    assert sum(load("small-news", NGram).table_.sizes) == 25
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(code, {})
    assert capsys.readouterr().out.startswith("[0.")
    assert load("mixed", NGram).pruned(to=40).digest == load("small").digest
