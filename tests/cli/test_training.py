"""Options of ``fit`` for components that train in steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

SMALL = ("-p", "hidden=8", "-p", "embedding=4", "-p", "epochs=2", "-p", "batch=2", "-p", "bptt=5")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.set_num_threads(1)


def test_a_neural_model_is_fitted_logged_drawn_and_scored(run: Run, texts: Path) -> None:
    train, test = texts / "train.txt", texts / "test.txt"
    result = run(
        *("fit", "lstm", train, "--valid", test, "-o", "lstm", "--seed", "7", "--log", "log.jsonl"),
        *("--plot", "curve.png", "--device", "cpu", "--precision", "float32", "--json", *SMALL),
    )
    facts = json.loads(result.stdout)
    assert facts["resolved"]["params"]["seed"] == 7
    assert Path("curve.png").read_bytes().startswith(b"\x89PNG")
    assert all(json.loads(line) for line in Path("log.jsonl").read_text(encoding="utf-8").splitlines())
    assert not Path("lstm.checkpoint").exists()
    for context in ("sentence", "stream"):
        report = json.loads(run("perplexity", "lstm", test, "--context", context, "--json").stdout)
        assert report["context"] == context
        assert report["events"] == 8


def test_a_budget_is_a_duration(run: Run, texts: Path) -> None:
    train = texts / "train.txt"
    assert "no duration" in run("fit", "lstm", train, "-o", "m", "--budget", "soon", code=2).stderr
    run("fit", "lstm", train, "-o", "m", "--budget", "2s", "-q", *SMALL)
    assert Path("m", "manifest.json").exists()


def test_what_does_not_train_in_steps_refuses_the_options(run: Run, texts: Path) -> None:
    result = run("fit", "ngram", texts / "train.txt", "-o", "m", "--budget", "2s", "--resume", code=2)
    assert "--budget, --resume: ngram does not train in steps" in result.stderr
    assert not Path("m").exists()


def test_a_picture_that_cannot_be_drawn_is_refused_before_training(run: Run, texts: Path) -> None:
    for name in ("curve.nonsense", "nowhere/curve.png"):
        run("fit", "lstm", texts / "train.txt", "-o", "m", "--plot", name, *SMALL, code=1)
    assert not Path("m").exists()
    assert not Path("m.checkpoint").exists()
