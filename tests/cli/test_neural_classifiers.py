"""The command forms of the classifiers with a neural network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import LSTM, Corpus, RunOptions, TextPipeline, load
from nlmkit.cli.training import Training
from nlmkit.representations.vectors import Vectors

pytestmark = pytest.mark.slow

WORDS = {"fine": "good", "dull": "bad", "lovely": "good", "awful": "bad"}
ROWS = [
    (label, f"the {thing} was {word}") for thing in ("film", "song", "meal", "tool") for word, label in WORDS.items()
]
SMALL = ["-p", "maps=4", "-p", "epochs=8", "-p", "batch=4", "-p", "lr=0.01"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, vectors of their words, and a language model."""
    folder = tmp_path_factory.mktemp("neural")
    (folder / "train.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in ROWS), encoding="utf-8")
    words = sorted({word for _, text in ROWS for word in text.split()})
    source = np.random.default_rng(3)
    Vectors().fit({word: source.normal(size=6) for word in words}).save(folder / "vectors")
    text = Corpus.read([text for _, text in ROWS], TextPipeline(tokenizer="word", lowercase=True))
    LSTM(hidden=8, embedding=6, epochs=1, batch=4).fit(text).save(folder / "lm")
    return folder


@pytest.mark.parametrize(("tune", "channels"), [("frozen", 1), ("fine-tune", 1), ("multichannel", 2)])
def test_fit_score_classify(run: Run, folder: Path, tune: str, channels: int) -> None:
    train = folder / "train.tsv"
    given = ["-p", f"representation={folder / 'vectors'}", "-p", f"tune={tune}", "--valid", train, "--json"]
    facts = json.loads(run("fit", "cnn", train, "-o", "m", *SMALL, *given).stdout)
    assert facts["fit"]["input"]["token_coverage"] == 1.0
    assert facts["resolved"]["params"]["tune"] == tune
    assert facts["digest"] == load("m").digest
    assert len(load("m").module_.words.channels) == channels  # type: ignore[attr-defined]
    report = json.loads(run("score", "m", train, "--json").stdout)
    assert {"accuracy", "macro_f1", "n", "interval", "confusion"} <= set(report)
    assert report["n"] == len(ROWS)
    lines = run("classify", "m", input="the film was fine\n\n").stdout.splitlines()
    assert [line.split("\t")[0] in {"good", "bad"} for line in lines] == [True, True]
    assert all(0.5 <= float(line.split("\t")[1]) <= 1 for line in lines)


def test_cross_validation(run: Run, folder: Path) -> None:
    facts = json.loads(run("fit", "cnn", folder / "train.tsv", "--cross-validate", "4", *SMALL, "--json").stdout)
    assert len(facts["accuracy"]["folds"]) == 4
    assert facts["accuracy"]["mean"] == pytest.approx(np.mean(facts["accuracy"]["folds"]))
    assert facts["accuracy"]["standard_deviation"] == pytest.approx(np.std(facts["accuracy"]["folds"], ddof=1))
    assert facts["n"] == len(ROWS)
    assert not list(Path.cwd().iterdir())  # neither a model nor a checkpoint


def test_interrupted_and_resumed(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.training.gradient import GradientStepper

    command = ["fit", "cnn", folder / "train.tsv", *SMALL, "--json"]
    whole = json.loads(run(*command, "-o", "whole").stdout)
    step = GradientStepper.step

    def interrupted(self: Any, moment: Any) -> float:
        if moment.step == 10:  # in the third epoch
            raise KeyboardInterrupt
        return step(self, moment)

    options = Training.options

    def often(*given: Any) -> RunOptions:
        return dataclasses.replace(options(*given), checkpoint_seconds=1e-9)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStepper, "step", interrupted)
        patch.setattr(Training, "options", often)
        stopped = run(*command, "-o", "cut", code=130)
    assert "interrupted: cut.checkpoint contains a checkpoint of step 10" in stopped.stderr
    resumed = json.loads(run(*command, "-o", "cut", "--resume").stdout)
    assert resumed["digest"] == whole["digest"]


def test_transfer_from_a_language_model(run: Run, folder: Path) -> None:
    given = ["-p", f"start_from={folder / 'lm'}", "-p", "lm_epochs=1", "-p", "unfreeze=gradual", "-p", "dense=5"]
    facts = json.loads(
        run("fit", "lstm-classifier", folder / "train.tsv", "-o", "m", "-p", "epochs=2", *given, "--json").stdout
    )
    assert facts["fit"]["language_model"]["tuned"]["epochs"] == 1
    assert json.loads(run("score", "m", folder / "train.tsv", "--json").stdout)["n"] == len(ROWS)
    refused = run("classify", "m", "--highlights", input="a film\n", code=1)
    assert "highlights" in refused.stderr
