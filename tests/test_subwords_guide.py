"""The commands and the code of docs/subwords.md run, in its own order, in one folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

GUIDE = (Path(__file__).parents[1] / "docs" / "subwords.md").read_text(encoding="utf-8")
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
            if program == "pip":
                continue
            assert program == "nlmkit"
            result = CliRunner().invoke(nlmkit, words)
            assert result.exit_code == 0, result.output
            outputs[line] = result.output
    tokens, name, bits = capsys.readouterr().out.splitlines()
    assert tokens in GUIDE
    assert re.fullmatch(r"bpe\(600 [0-9a-f]{16}\)", name)
    compared = next(output for line, output in outputs.items() if "--by" in line)
    assert f"{float(bits):.4f}" in compared
    assert "flatters models that have many" in compared
