"""The command forms of the regressors with a neural network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import RunOptions, load
from nlmkit.cli.training import Training
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.records import read_log

STARS = {"fine": 5, "dull": 2, "lovely": 4, "awful": 1}
ROWS = [
    (stars, f"the {thing} was {word}") for thing in ("film", "song", "meal", "tool") for word, stars in STARS.items()
]
SMALL = ["-p", "embedding=8", "-p", "epochs=8", "-p", "batch=4", "-p", "lr=0.01"]
SIZES = {"cnn-regressor": ["-p", "maps=4"], "lstm-regressor": ["-p", "hidden=4"]}


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with numbers."""
    path = tmp_path_factory.mktemp("numbers") / "train.tsv"
    path.write_text("".join(f"{stars}\t{text}\n" for stars, text in ROWS), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SIZES)
def test_fit_score_predict(run: Run, train: Path, name: str) -> None:
    fit = run("fit", name, train, "-o", "m", *SMALL, *SIZES[name], "-p", "loss=huber", "--valid", train, "--json")
    facts = json.loads(fit.stdout)
    assert facts["digest"] == load("m").digest
    assert facts["fit"]["held_out"] == {"texts": len(ROWS), "chosen": "given"}
    report = json.loads(run("score", "m", train, "--json").stdout)
    assert report["n"] == len(ROWS)
    assert report["rmse"] == pytest.approx(facts["fit"]["validation_rmse"], rel=1e-6)
    lines = run("predict", "m", input="the film was fine\n\n").stdout.splitlines()
    found = load("m").predict(["the film was fine", ""])  # type: ignore[attr-defined]
    np.testing.assert_allclose([float(line.split("\t")[0]) for line in lines], found, rtol=1e-3)


def test_cross_validation(run: Run, train: Path) -> None:
    command = ["fit", "cnn-regressor", train, "--cross-validate", "4", *SMALL, *SIZES["cnn-regressor"], "--json"]
    facts = json.loads(run(*command).stdout)
    assert len(facts["rmse"]["folds"]) == 4
    assert facts["n"] == len(ROWS)
    assert not list(Path.cwd().iterdir())  # neither a model nor a checkpoint


@pytest.mark.parametrize("name", SIZES)
def test_interrupted_and_resumed(run: Run, train: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["fit", name, train, *SMALL, *SIZES[name], "--json"]
    whole = json.loads(run(*command, "-o", "whole", "--log", "whole.jsonl").stdout)
    step = GradientStepper.step

    def interrupted(self: Any, moment: Any) -> float:
        if moment.step == 10:  # in the third epoch of four steps
            raise KeyboardInterrupt
        return step(self, moment)

    options = Training.options

    def often(*given: Any) -> RunOptions:
        return dataclasses.replace(options(*given), checkpoint_seconds=1e-9)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStepper, "step", interrupted)
        patch.setattr(Training, "options", often)
        stopped = run(*command, "-o", "cut", "--log", "cut.jsonl", code=130)
    assert "cut.checkpoint" in stopped.stderr
    assert "step 10" in stopped.stderr
    resumed = json.loads(run(*command, "-o", "cut", "--log", "cut.jsonl", "--resume").stdout)
    assert resumed["digest"] == whole["digest"]
    first, second = (
        [(record.step, record.metrics, record.validation) for record in read_log(log)]
        for log in ("whole.jsonl", "cut.jsonl")
    )
    assert first == second
    assert set(first[-1][2]) == {"loss", "rmse"}
