"""The code of docs/ngram-clusters.md runs, its calculation prints what the page shows, and its options exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.language_models.ngram.external.engines import Serial

GUIDE = (Path(__file__).parents[1] / "docs" / "ngram-clusters.md").read_text(encoding="utf-8")


def test_the_code_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit, plan = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(fit, names)
    model = names["fit"](Serial(), ["a b c", "a b"], str(tmp_path))
    assert model.fit_report_["sentences"] == 2
    exec(plan, names)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert "".join(f"    {line}\n" for line in printed.splitlines()) in GUIDE


def test_its_options_exist() -> None:
    options = CliRunner().invoke(nlmkit, ["fit", "--help"]).output
    for option in set(re.findall(r"nlmkit fit .*", GUIDE)):
        for flag in re.findall(r"--[a-z-]+", option):
            assert flag in options
