"""The code of docs/taggers.md runs; its commands need corpora of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from pages.conftest import ROOT


@pytest.mark.slow
def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/taggers.md").read_text(encoding="utf-8")
    page = Page(text.replace("```sh", "```text"))
    page.run()
    assert "F1" in page.printed
