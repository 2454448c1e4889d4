"""The commands and the code of docs/subwords.md run, in its own order, in one folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import Page

from pages.conftest import DOCS

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

GUIDE = (DOCS / "subwords.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(GUIDE)
    page.run()
    tokens, name, bits = page.printed.splitlines()
    assert tokens in GUIDE
    assert re.fullmatch(r"bpe\(600 [0-9a-f]{16}\)", name)
    compared = next(output for line, output in page.outputs.items() if "--by" in line)
    assert f"{float(bits):.4f}" in compared
    assert "flatters models that have many" in page.noted
