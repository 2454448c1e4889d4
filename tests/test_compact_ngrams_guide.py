"""The commands and the code of docs/compact-ngrams.md run in one folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit import load
from nlmkit.cli.group import nlmkit

GUIDE = (Path(__file__).parents[1] / "docs" / "compact-ngrams.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, block in re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.S):
        if kind == "sh":
            for line in block.splitlines():
                result = CliRunner().invoke(nlmkit, shlex.split(line)[1:])
                assert result.exit_code == 0, f"{line}\n{result.output}"
        else:
            exec(block, {})
            assert float(capsys.readouterr().out) < 0
    assert load("kn3-small").get_params()["precision"] == "q8"
