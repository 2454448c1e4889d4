"""The commands and the code of docs/report.md run in one folder, and its table has the sections of a report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import Page

from pages.conftest import DOCS

GUIDE = (DOCS / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Page(GUIDE).run()
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", (tmp_path / "report.html").read_text(encoding="utf-8"))
    documented = re.findall(r"^\| ([A-Z][^|]*?) \|", GUIDE, re.MULTILINE)[1:]
    assert [title for title in documented if title in titles] == titles
    assert set(documented) - set(titles) == {"Learning curves", "Gates and gradients"}  # of networks
    assert "<h1>English</h1>" in (tmp_path / "english.html").read_text(encoding="utf-8")
