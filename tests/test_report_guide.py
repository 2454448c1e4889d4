"""The commands and the code of docs/report.md run in one folder, and its table has the sections of a report."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit

GUIDE = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for language, block in BLOCKS:
        if language == "python":
            exec(block, {})
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "nlmkit"
            result = CliRunner().invoke(nlmkit, words)
            assert result.exit_code == 0, result.output
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", (tmp_path / "report.html").read_text(encoding="utf-8"))
    documented = re.findall(r"^\| ([A-Z][^|]*?) \|", GUIDE, re.MULTILINE)[1:]
    assert [title for title in documented if title in titles] == titles
    assert set(documented) - set(titles) == {"Learning curves", "Gates and gradients"}  # of networks
    assert "<h1>English</h1>" in (tmp_path / "english.html").read_text(encoding="utf-8")
