"""The commands and the code of docs/seq2seq.md run in one folder, in its own order; networks are smaller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import Page

from nlmkit.core.storage import load
from nlmkit.text.catalog import resolve
from pages.conftest import DOCS

GLOSSES = "lion\ta large wild cat\nriver\tmuch water that runs\n"


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("glosses.tsv").write_text(GLOSSES, encoding="utf-8")
    Path("valid.tsv").write_text(GLOSSES, encoding="utf-8")
    text = "".join(Path(file).read_text(encoding="utf-8") for file in resolve("english"))
    Path("text.txt").write_text(text + "lion river\n" * 10, encoding="utf-8")
    page = Page((DOCS / "seq2seq.md").read_text(encoding="utf-8"))
    page.run()
    assert "BLEU" in page.printed
    assert float(re.findall(r"([\d.]+)% of 297 pictures named", page.printed)[0]) > 50
    assert Path("attention.png").exists()
    Path("en-zh").rename("elsewhere")
    assert load("elsewhere").digest
