"""The README is short, its commands and code run as they are, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import Page

import nlmkit
from nlmkit.core.registry import entries
from nlmkit.language_models.ngram.smoothing import METHODS
from pages.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.S)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(README, small=False)
    page.run()
    assert (tmp_path / "perplexities.svg").is_file()
    assert page.outputs["nlmkit perplexity kn5 corpus:english/test"].splitlines()[0] in page.printed


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150
    _, _, shell, python = (block for _, block in BLOCKS)
    assert len(shell.splitlines()) == 10
    assert len(python.splitlines()) <= 11
    assert README.count("![") == 1
    assert len(re.findall(r"^\|---", README, re.M)) == 1


def test_the_installing_commands_are_two() -> None:
    installing = [block for language, block in BLOCKS if "pip install" in block]
    assert len(installing) == 2
    main_job, tests = installing
    assert "nlmkit fit ngram corpus:english" in main_job
    assert "nlmkit perplexity english-5gram corpus:english/test" in main_job
    assert tests.rstrip().endswith("&& pytest -n auto --dist worksteal")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci, "CI runs the README's own command"


def test_its_links_lead_somewhere() -> None:
    places = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert len(places) > 30
    for place in places:
        assert (ROOT / place).exists(), place


def test_its_table_has_every_component_and_tokenizer() -> None:
    table = README[README.index("| kind |") :].split("\n\n")[0]
    built_in = {entry.name for entry in entries() if entry.distribution == "nlmkit"}
    assert built_in <= set(re.findall(r"`([\w-]+)`", table))


def test_every_smoothing_method_is_described() -> None:
    page = (ROOT / "docs" / "kinds" / "ngram-models.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) >= set(METHODS)


def test_public_names_exist() -> None:
    for name in nlmkit.__all__:
        assert getattr(nlmkit, name) is not None
