"""The commands and the code of docs/hybrid.md run in one folder, in its own order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit

GUIDE = (Path(__file__).parents[1] / "docs" / "hybrid.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train.txt", "valid.txt", "test.txt"):
        Path(name).write_text("the cat sat\nthe dog sat on the mat\na cat saw the dog\n" * 4, encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "nlmkit"
        result = CliRunner().invoke(nlmkit, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        if "--per-token" in words:
            assert "softmax_weight" in result.stdout.splitlines()[0]
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    exec(code, {})
    assert capsys.readouterr().out.startswith("(4, 4)\n")
