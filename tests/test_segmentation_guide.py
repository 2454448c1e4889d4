"""The commands and the code of docs/segmentation.md run, in its own order, in one folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.core.storage import load

GUIDE = (Path(__file__).parents[1] / "docs" / "segmentation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.S)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for language, block in BLOCKS:
        if language == "python":
            exec(block, names)
            continue
        for line in block.splitlines():
            command, _, tolerated = line.partition("#")[0].partition("||")
            program, *words = shlex.split(command)
            result = CliRunner().invoke(nlmkit, words)
            assert program == "nlmkit"
            assert result.exit_code == 0 or tolerated, result.output
            assert "bits per character" in result.output or not tolerated
    figures = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[-3:]]
    assert figures[0] < figures[2] < figures[1]  # as the guide says
    (tmp_path / "segmenter").rename(tmp_path / "elsewhere")
    assert load("words-lm").digest
