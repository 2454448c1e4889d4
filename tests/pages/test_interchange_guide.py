"""The commands and the code of docs/interchange.md run, in its own order, in one folder; completion is there."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import Page

from pages.conftest import DOCS

for module in ("tokenizers", "pandas", "sklearn"):
    pytest.importorskip(module, reason=f"{module} is not installed")


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page((DOCS / "interchange.md").read_text(encoding="utf-8"))
    page.run()
    by = {
        words: text
        for line, text in page.outputs.items()
        for words in ("bits-per-byte", "macro-f1", "--per-word")
        if words in line
    }
    assert "BITS/BYTE" in by["bits-per-byte"]
    assert by["macro-f1"].startswith("| rank | model | macro f1 |")
    rows = list(csv.DictReader(io.StringIO(by["--per-word"]), delimiter="\t"))
    assert [row["word"] for row in rows if row["condition"] == "a"] == [
        "The",
        "cat",
        "sat",
        "on",
        "the",
        "mat.",
        "</s>",
    ]
    assert "['yes', 'no']" in page.printed
    assert page.printed.rstrip().endswith("True")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell: str) -> None:
    environment = {**os.environ, "_NLMKIT_COMPLETE": f"{shell}_source"}
    code = "from nlmkit.cli import main; import sys; sys.argv = ['nlmkit']; main()"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert f"_NLMKIT_COMPLETE={shell}_complete" in found.stdout
