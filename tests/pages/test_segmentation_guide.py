"""The commands and the code of docs/segmentation.md run, in its own order, in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from nlmkit.core.storage import load
from pages.conftest import DOCS


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page((DOCS / "segmentation.md").read_text(encoding="utf-8"))
    page.run()
    assert "bits per character" in page.noted  # why the models of words and characters are not ranked
    figures = [float(line.split()[-1]) for line in page.printed.splitlines()[-3:]]
    assert figures[0] < figures[2] < figures[1]  # as the guide says
    (tmp_path / "segmenter").rename(tmp_path / "elsewhere")
    assert load("words-lm").digest
