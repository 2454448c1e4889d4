"""The commands and the code of docs/ngram-counts.md run, in its own order, in one folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit

GUIDE = (Path(__file__).parents[1] / "docs" / "ngram-counts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    outputs: dict[str, str] = {}
    for language, block in BLOCKS:
        if language == "python":
            exec(block, names)
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "nlmkit"
            result = CliRunner().invoke(nlmkit, words)
            assert result.exit_code == 0, result.output
            outputs[line] = result.output
    sentences = int(capsys.readouterr().out)
    assert (
        sentences == int(outputs["nlmkit update old corpus:english/valid -o new"].split("sentences")[-1].split()[0]) + 2
    )
    new, again = (
        outputs[f"nlmkit perplexity {model} corpus:english/test"].splitlines()[0] for model in ("new", "again")
    )
    assert new == again
    assert "unk:closed" in outputs["nlmkit perplexity closed corpus:english/test"]
