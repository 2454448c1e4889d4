"""The commands and the code of docs/ngram-counts.md run, in its own order, in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Page

from pages.conftest import DOCS


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page((DOCS / "ngram-counts.md").read_text(encoding="utf-8"))
    page.run()
    outputs = page.outputs
    sentences = int(page.printed)
    assert (
        sentences == int(outputs["nlmkit update old corpus:english/valid -o new"].split("sentences")[-1].split()[0]) + 2
    )
    new, again = (
        outputs[f"nlmkit perplexity {model} corpus:english/test"].splitlines()[0] for model in ("new", "again")
    )
    assert new == again
    assert "unk:closed" in outputs["nlmkit perplexity closed corpus:english/test"]
