"""Training of neural classifiers: interruptions, damaged checkpoints, budgets and divergence."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from toys.checkpoint_mutations import Enough, check_every_mutation
from toys.classifiers import LABELS, TEXTS

from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.han import HAN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.classifiers.neural.task import ClassificationTask
from nlmkit.core.run import RunOptions
from nlmkit.documents.neural import task, training
from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.saving import read_manifest
from nlmkit.training import divergence
from nlmkit.training.gradient import GradientStepper

SMALL: dict[str, Any] = {"embedding": 4, "batch": 5, "epochs": 4, "dropout": 0.3, "valid_share": 0.2}
CLASSIFIERS: dict[str, Any] = {
    "cnn": (CNN, {**SMALL, "maps": 3, "averaging": "ema", "sort_within": 2}),
    "han": (HAN, {**SMALL, "hidden": 3, "attention": 3}),
    "lstm-classifier": (LSTMClassifier, {**SMALL, "hidden": 3, "optimizer": "adam"}),
}
STEP = GradientStepper.step


def stopping(monkeypatch: pytest.MonkeyPatch, at: int, how: Any) -> None:
    """Let something happen before the step of that number."""

    def step(self: Any, moment: Any) -> float:
        if moment.step == at:
            how()
        return STEP(self, moment)

    monkeypatch.setattr(GradientStepper, "step", step)


def make(name: str) -> Any:
    kind, settings = CLASSIFIERS[name]
    return kind(**{key: value for key, value in settings.items() if key in kind.hyper_parameters()})


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("at", [1, 12])
def test_ctrl_c_finishes_the_step_and_saves_it_with_averages_and_optimizers(
    name: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, folder = make(name).fit(TEXTS, LABELS), tmp_path / "run"
    with monkeypatch.context() as patch:
        stopping(patch, at, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            make(name).fit(TEXTS, LABELS, run=RunOptions(checkpoint=folder))
    assert read_manifest(folder)["step"] == at + 1
    assert make(name).fit(TEXTS, LABELS, run=RunOptions(checkpoint=folder, resume=True)).digest == whole.digest


KILLED = """
import os, signal, sys, torch
from nlmkit.core.run import RunOptions
from nlmkit.training.gradient import GradientStepper
from classifiers.neural.test_training import LABELS, TEXTS, make

torch.set_num_threads(1)  # as in the test
step = GradientStepper.step

def killed(self, moment):
    if moment.step == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, moment)

GradientStepper.step = killed
make("cnn").fit(TEXTS, LABELS, run=RunOptions(checkpoint=sys.argv[1], checkpoint_seconds=1e-9))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_run_resumes_with_the_same_bytes(tmp_path: Path) -> None:
    folder, root = tmp_path / "run", Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], cwd=root, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert read_manifest(folder)["step"] == 9  # in the middle of the second epoch
    resumed = make("cnn").fit(TEXTS, LABELS, run=RunOptions(checkpoint=folder, resume=True))
    assert resumed.digest == make("cnn").fit(TEXTS, LABELS).digest


def test_a_torn_step_is_never_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    stopping(monkeypatch, 3, lambda: None)

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(functional, "cross_entropy", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make("cnn").fit(TEXTS, LABELS, run=RunOptions(checkpoint=folder))
    assert not folder.exists()


def test_another_number_of_threads_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = RunOptions(checkpoint=tmp_path / "run", resume=True, checkpoint_seconds=1e-9)
    make("cnn").fit(TEXTS, LABELS, run=run)
    caplog.clear()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    make("cnn").fit(TEXTS, LABELS, run=run)
    (message,) = [message for message in caplog.messages if "thread" in message]
    assert "the run had 1 thread and resumes with 7" in message


def test_a_link_in_place_of_the_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    for resume in (False, True):
        with pytest.raises(SavedModelError, match="is a symbolic link"):
            make("cnn").fit(TEXTS, LABELS, run=RunOptions(checkpoint=tmp_path / "run", resume=resume))
    assert not list((tmp_path / "elsewhere").iterdir())


# ------------------------------------------------------------------------------------- checkpoints by hand


def enough() -> None:
    raise Enough


@pytest.mark.slow
def test_a_checkpoint_made_by_hand_goes_on_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    run: dict[str, Any] = {"checkpoint": folder, "budget_seconds": 3600}
    # Steps and looks at the clock as in a run that has all the time there is.
    monkeypatch.setattr("nlmkit.training.speed._MEASURED_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        stopping(patch, 12, enough)
        with pytest.raises(Enough):
            make("cnn").fit(TEXTS, LABELS, run=RunOptions(**run, checkpoint_seconds=1e-9))

    def resume() -> None:
        taken = 0

        def step(self: Any, moment: Any) -> float:
            nonlocal taken
            if taken == 2:
                raise Enough
            taken += 1
            return STEP(self, moment)

        monkeypatch.setattr(GradientStepper, "step", step)
        make("cnn").fit(TEXTS, LABELS, run=RunOptions(**run, resume=True))

    check_every_mutation(folder, resume, fewest=150)


# -------------------------------------------------------------------------------------------------- budget


class Ticking:
    """A clock on which a step takes as long as a test wants; evaluations take one second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: Any) -> None:
        self.now = 0.0
        evaluate, loss = task.outputs_of, functional.cross_entropy
        steps = 0

        def stepped(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            if torch.is_grad_enabled():
                steps += 1
                self.now += seconds(steps, self.now)
            return loss(*arguments, **options)

        def evaluated(*arguments: Any, **options: Any) -> Any:
            self.now += 1.0
            return evaluate(*arguments, **options)

        train = training.train
        monkeypatch.setattr(functional, "cross_entropy", stepped)
        monkeypatch.setattr(task, "outputs_of", evaluated)
        monkeypatch.setattr(training, "train", lambda *rest: train(*rest[:-1], 0.0, clock=self.clock))

    def clock(self) -> float:
        return self.now


@pytest.mark.slow
@pytest.mark.parametrize(
    "seconds",
    [
        lambda step, now: 1.0,
        lambda step, now: 6.0 if now < 20 else 1.0,
        lambda step, now: 4.0 if now > 50 else 1.0,
        lambda step, now: 0.3 if now > 30 else 1.0,
        lambda step, now: (0.3, 0.6, 2.1)[step % 3],
    ],
)
def test_a_budget_is_used_whatever_the_machine_does(seconds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Ticking(monkeypatch, seconds)
    report = make("cnn").fit(TEXTS, LABELS, run=RunOptions(budget_seconds=100)).fit_report_
    assert 95 <= clock.now <= 105
    assert not any("budget" in note for note in report["notes"])
    assert len(report["history"]) <= 26  # they have a quarter of the budget


def test_reading_the_texts_is_part_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.documents.neural import estimator

    now, begins = 100.0, []

    class Reads(CNN):
        def text_pipeline(self, data: Any) -> Any:
            nonlocal now
            now += 50.0
            return super().text_pipeline(data)

    monkeypatch.setattr(estimator, "seconds", lambda: now)
    train = training.train
    monkeypatch.setattr(training, "train", lambda *rest: begins.append(rest[-1]) or train(*rest))
    fitted = Reads(**{**CLASSIFIERS["cnn"][1], "epochs": 1}).fit(TEXTS, LABELS)
    assert begins == [100.0]
    assert "_started" not in vars(fitted)


# ---------------------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("lr", [1e4, 1e30])
def test_a_rate_that_is_far_too_high_is_an_error(lr: float, share: float) -> None:
    settings = {**CLASSIFIERS["cnn"][1], "optimizer": "sgd", "lr": lr, "valid_share": share, "max_norm": None}
    with pytest.raises(NlmkitError, match=r"training diverged at step \d+ \(epoch \d\): .*try a lower lr"):
        CNN(**settings).fit(TEXTS, LABELS)


def test_a_classifier_that_learns_nothing_is_no_divergence() -> None:
    source = np.random.default_rng(0)
    labels = source.permutation(LABELS).tolist()
    assert CNN(**{**CLASSIFIERS["cnn"][1], "epochs": 1}).fit(TEXTS, labels).is_fitted


def test_probabilities_worse_than_uniform_on_held_out_texts_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies = itertools.count(0.5, 0.01)
    monkeypatch.setattr(ClassificationTask, "measured", lambda *_: {"accuracy": next(accuracies), "loss": 0.9})
    (note,) = (
        CNN(**{**CLASSIFIERS["cnn"][1], "epochs": 10, "lr": 0.02, "optimizer": "adam"})
        .fit(TEXTS, LABELS)
        .fit_report_["notes"]
    )
    assert note.startswith("the loss on the held-out text, 0.9, is worse than the 0.6931 of the uniform distribution")


def test_the_log_and_the_learning_curve_name_accuracy_and_loss(tmp_path: Path) -> None:
    from nlmkit.training.records import read_log

    fitted = make("cnn").fit(TEXTS, LABELS, run=RunOptions(log=tmp_path / "log.jsonl"))
    records = read_log(tmp_path / "log.jsonl")
    history = fitted.fit_report_["history"]
    measured = [record for record in records if record.validation["accuracy"] is not None]
    assert [record.validation for record in measured] == [
        {"accuracy": found["accuracy"], "loss": found["validation_loss"]} for found in history
    ]
    assert {name for record in records for name in record.metrics} == {"loss"}
    # The speed of a line is that since the line before, and no line is of the whole session.
    assert all(record.speed is None or record.speed > 0 for record in records)


def test_the_metrics_by_hand() -> None:
    outputs = np.array([[1.0, -1.0], [0.0, 3.0], [2.0, 2.5], [0.0, 0.0]])
    targets = np.array([0, 0, 1, 1])
    made = object.__new__(ClassificationTask)
    found = made.measured(outputs, targets)
    # Of equal logits the first class is taken.
    assert found["accuracy"] == 0.5
    terms = [np.log1p(np.exp(-2.0)), np.log1p(np.exp(3.0)), np.log1p(np.exp(-0.5)), np.log(2.0)]
    assert found["loss"] == pytest.approx(np.mean(terms), rel=1e-12)
    with pytest.raises(divergence.Diverged, match="not finite"):
        made.measured(np.array([[np.nan, 0.0]]), np.array([0]))
