"""Losses and metrics of the neural regressors, against formulas written out, and the rule of divergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import TEXTS
from toys.numbers import NUMBERS

from nlmkit.documents.neural.batching import Documents, Sample
from nlmkit.errors import HyperParameterError, NlmkitError
from nlmkit.regressors.neural.cnn_regressor import CNNRegressor
from nlmkit.regressors.neural.task import RegressionTask
from nlmkit.training.divergence import Diverged

TINY: dict[str, Any] = {"embedding": 8, "maps": 4, "epochs": 2, "batch": 8, "lr": 0.01}


def made(delta: float | None, *, targets: Any = (), valid: Any = None, scale: float = 1.0) -> RegressionTask:
    """A task with nothing but losses, metrics, and the targets that a result is judged by."""
    task = object.__new__(RegressionTask)
    task._delta, task._scale = delta, scale

    def sample(numbers: Any) -> Sample:
        return Sample(Documents.whole(np.zeros(len(numbers)), np.arange(len(numbers) + 1)), np.array(numbers, float))

    task._sample = sample(targets)
    task._valid = None if valid is None else sample(valid)
    return task


ERRORS = np.array([0.0, 0.3, -0.5, 1.0, -4.0])
HUBER = [0.0, 0.045, 0.125, 0.5 * (1.0 - 0.25), 0.5 * (4.0 - 0.25)]
"""With δ = ½: e²/2, then δ(|e| − δ/2)."""


@pytest.mark.parametrize(
    ("delta", "expected"), [(None, [0.0, 0.09, 0.25, 1.0, 16.0]), (0.5, HUBER), (9.0, list(ERRORS**2 / 2))]
)
def test_losses_by_hand(delta: float | None, expected: list[float]) -> None:
    task = made(delta, scale=3.0)
    targets = np.linspace(-1, 1, len(ERRORS))
    outputs = (targets + ERRORS)[:, None]
    np.testing.assert_allclose(task.losses(ERRORS), expected, rtol=1e-12)
    found = task.measured(outputs, targets)
    assert found["loss"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert found["rmse"] == pytest.approx(3 * np.sqrt(np.mean(ERRORS**2)), rel=1e-12)
    tensors = torch.from_numpy(outputs), torch.from_numpy(targets)
    assert float(task.mean_loss(*tensors)) == pytest.approx(np.mean(expected), rel=1e-12)
    assert float(task.summed_loss(*tensors)) == pytest.approx(np.sum(expected), rel=1e-12)


def test_what_is_not_finite_has_diverged() -> None:
    with pytest.raises(Diverged, match="not finite"):
        made(None).measured(np.array([[np.inf]]), np.zeros(1))


def test_the_result_is_judged_by_the_mean() -> None:
    """Targets of ±1: the mean has the loss 1, and 1.5 times that and a half is the bound."""
    task = made(None, targets=[1.0, -1.0] * 4, valid=[2.0, 0.0])
    assert task.judge(0.5, {"loss": 1.0, "rmse": 1.0}, {"loss": 1.9, "rmse": 1.0}) == []
    with pytest.raises(
        Diverged, match=r"the loss 2\.01 on the training texts, worse than the 1 of predicting the mean"
    ):
        task.judge(2.01, None, None)
    (note,) = task.judge(1.1, None, None)
    assert note.startswith("the loss on the training texts, 1.1, is worse than the 1 of predicting the mean")
    (note,) = task.judge(0.5, {"loss": 2.1, "rmse": 1.0}, {"loss": 2.1, "rmse": 1.0})
    assert note.startswith("the loss on the held-out texts, 2.1, is worse than the 2 of predicting the mean")
    (note,) = task.judge(0.5, {"loss": 0.5, "rmse": 1.0}, {"loss": 3.0, "rmse": 1.0})
    assert note.startswith("training went off after its best evaluation: the loss on the held-out texts ended at 3,")


def test_options_of_another_loss_are_refused() -> None:
    with pytest.raises(HyperParameterError, match=r"huber_delta=2\.0 has no effect: it needs loss=huber"):
        CNNRegressor(**TINY, huber_delta=2.0).fit(TEXTS, NUMBERS)
    with pytest.raises(HyperParameterError, match="loss must be one of squared, huber"):
        CNNRegressor(loss="absolute")
    for options, needed in (({"warmup": 0.3}, "schedule=one-cycle"), ({"decay": 0.9}, "schedule=plateau")):
        with pytest.raises(HyperParameterError, match=f"has no effect: it needs {needed}"):
            CNNRegressor(**TINY, **options).fit(TEXTS, NUMBERS)
    with pytest.raises(HyperParameterError, match="label_smoothing"):
        CNNRegressor(label_smoothing=0.1)


def test_a_rate_that_is_far_too_high_is_an_error() -> None:
    settings = {**TINY, "optimizer": "sgd", "lr": 1e4, "max_norm": None}
    with pytest.raises(NlmkitError, match=r"training diverged at step \d+ \(epoch \d\): .*try a lower lr"):
        CNNRegressor(**settings).fit(TEXTS, NUMBERS)
