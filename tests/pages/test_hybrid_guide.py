"""The commands and the code of docs/hybrid.md run in one folder, in its own order."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from pages.conftest import DOCS

GUIDE = (DOCS / "hybrid.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train.txt", "valid.txt", "test.txt"):
        Path(name).write_text("the cat sat\nthe dog sat on the mat\na cat saw the dog\n" * 4, encoding="utf-8")
    page = Page(GUIDE)
    page.run()
    assert "softmax_weight" in page.outputs["nlmkit perplexity hybrid test.txt --per-token"].splitlines()[0]
    assert page.printed.startswith("(4, 4)\n")
