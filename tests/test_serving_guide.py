"""The commands and the code of docs/serving.md run, and its table has every question and limit."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.serving.models import all_questions

GUIDE = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "python":
            exec(block, {})
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            if program != "pip":
                assert program == "nlmkit"
                result = CliRunner().invoke(nlmkit, words)
                assert result.exit_code == 0, result.output
    assert "'log_prob', 'oov', 'perplexity'" in capsys.readouterr().out


def test_every_question_is_in_the_table() -> None:
    assert re.findall(r"^\| `/v1/(\w+)` \|", GUIDE, re.M) == [
        *("score", "surprisal", "next", "classify", "predict", "tag", "translate", "describe", "similar")
    ]
    assert set(re.findall(r"^\| `/v1/(\w+)` \|", GUIDE, re.M)) == set(all_questions())
    for question in all_questions().values():
        (row,) = re.findall(rf"^\| `/v1/{question.name}` \|.*$", GUIDE, re.M)
        assert all(f"`{name}`" in row for name in (question.item, *(option.name for option in question.options)))


def test_options_of_the_guide_exist() -> None:
    shown = CliRunner().invoke(nlmkit, ["serve", "--help"]).stdout
    named = set(re.findall(r"--[a-z][a-z-]+", GUIDE)) - {"--per-line", "--per-token"}
    assert named
    assert all(f"{option} " in shown for option in named)
