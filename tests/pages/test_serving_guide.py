"""The commands and the code of docs/serving.md run, and its table has every question and limit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from running import Page

from nlmkit.cli.group import nlmkit
from nlmkit.serving.models import all_questions
from pages.conftest import DOCS

GUIDE = (DOCS / "serving.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(GUIDE)
    page.run()
    assert "'log_prob', 'oov', 'perplexity'" in page.printed


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
