"""Cases in which the command line once lost something without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run


@pytest.mark.slow
def test_an_unbuffered_stdout_loses_nothing(model: str, environment: dict[str, str], tmp_path: Path) -> None:
    """A pipe that takes little at a time makes short writes, which a raw stream does not repeat."""
    if not hasattr(os, "set_blocking"):
        pytest.skip("needs pipes that do not block")
    text = tmp_path / "long.txt"
    text.write_text("the cat sat on the mat\n" * 20_000, encoding="utf-8")
    command = [sys.executable, "-m", "nlmkit", "perplexity", model, str(text), "--per-line"]
    done = subprocess.run(
        command, env=environment | {"PYTHONUNBUFFERED": "1"}, capture_output=True, timeout=60, check=True
    )
    assert done.stdout.count(b"\n") == 20_001
    full = Path("/dev/full")
    if full.exists():
        with full.open("wb") as device:
            failed = subprocess.run(
                command, env=environment | {"PYTHONUNBUFFERED": "1"}, stdout=device, stderr=subprocess.PIPE, timeout=60
            )
        assert failed.returncode == 1
        assert failed.stderr.count(b"\n") == 1


def test_standard_input_is_one_text(run: Run, model: str) -> None:
    for command in (("fit", "ngram", "-", "-", "-o", "m"), ("fit", "ngram", "-", "--valid", "-", "-o", "m")):
        assert "used twice" in run(*command, input="a b\n", code=2).stderr
    for command in ("perplexity", "score"):
        assert "used twice" in run(command, model, "-", "-", input="a b\n", code=2).stderr
    assert not Path("m").exists()


def test_a_dash_is_no_file_to_import_or_export(run: Run, model: str) -> None:
    assert "- is not supported" in run("export", model, "-", "--format", "arpa", code=2).stderr
    assert "- is not supported" in run("import", "-", "--format", "arpa", "-o", "m", code=2).stderr
    assert not Path("-").exists()


def test_huge_hyper_parameters_are_refused(run: Run, texts: Path) -> None:
    train = texts / "train.txt"
    for smoothing, setting in (("katz", "katz_max=9223372036854775807"), ("add-k", "add_k=1e308")):
        options = ("-p", f"smoothing={smoothing}", "-p", setting)
        assert "must be" in run("fit", "ngram", train, "-o", "m", *options, code=1).stderr
    assert not Path("m").exists()


def test_an_option_without_effect_is_refused_before_the_text_is_read(run: Run) -> None:
    stderr = run("fit", "ngram", "nowhere.txt", "-o", "m", "-p", "add_k=2", code=1).stderr
    assert stderr == "nlmkit: add_k=2 has no effect: it needs smoothing=add-k\n"


@pytest.mark.parametrize("value", ["0.5", "1"])
def test_a_switch_in_a_configuration_is_true_or_false(run: Run, value: str) -> None:
    Path("run.toml").write_text(f"[fit]\nlowercase = {value}\n", encoding="utf-8")
    stderr = run("fit", "ngram", "nowhere.txt", "-o", "m", "--config", "run.toml", code=1).stderr
    assert stderr.startswith("nlmkit: run.toml: [fit] lowercase must be true or false, not ")
