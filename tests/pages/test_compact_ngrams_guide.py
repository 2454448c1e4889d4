"""The commands and the code of docs/compact-ngrams.md run in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from nlmkit import load
from pages.conftest import DOCS


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page((DOCS / "compact-ngrams.md").read_text(encoding="utf-8"))
    page.run()
    assert float(page.printed) < 0
    assert load("kn3-small").get_params()["precision"] == "q8"
