"""The commands and the code of docs/ngram-mixing.md run in one folder, in its own order."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from nlmkit import NGram, load
from pages.conftest import DOCS


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news.txt").write_text("the market fell\nthe market rose again\nshares fell\n", encoding="utf-8")
    Path("talk.txt").write_text("oh the cat again\nthe dog and the cat\nit rose\n", encoding="utf-8")
    Path("valid.txt").write_text("the cat fell\nthe market\n", encoding="utf-8")
    commands, fence, code = (DOCS / "ngram-mixing.md").read_text(encoding="utf-8").partition("```python\n")
    Page(commands).run()
    assert sum(load("small", NGram).table_.sizes) == 40
    assert sum(load("small-news", NGram).table_.sizes) == 25
    page = Page(fence + code)
    page.run()
    assert page.printed.startswith("[0.")
    assert load("mixed", NGram).pruned(to=40).digest == load("small").digest
