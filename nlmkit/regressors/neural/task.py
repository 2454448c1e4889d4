"""Task of the training engine for regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nlmkit.documents.neural.task import TaskSetup, TextTask
from nlmkit.training.divergence import Diverged
from nlmkit.training.metrics import Metric

_SLACK: Final = (1.5, 0.5)
"""Factor of the loss of the mean, and an amount above it, from which a regressor counts as diverged."""

_HARDLY: Final = 1.02
"""Factor within which a loss counts as equal to that of the mean."""


class RegressionTask(TextTask):
    """Task of texts with numbers in standard units, trained with the squared or the Huber loss.

    Targets are float64 [documents]: standard deviations from the mean of the training numbers. A network that
    returns 0 for every text predicts the mean; a worse one has learned nothing.

    Args:
        setup: See ``TextTask``.
        delta: Error above which the Huber loss is linear; None for the squared loss.
        scale: Standard deviation of the training numbers, for the RMSE in the original unit.
    """

    metrics: ClassVar = (Metric("loss"), Metric("rmse"))

    def __init__(self, setup: TaskSetup, *, delta: float | None, scale: float) -> None:
        super().__init__(setup)
        self._delta, self._scale = delta, scale

    def as_tensor(self, targets: NDArray[np.float64]) -> Tensor:
        """Return the numbers as float32."""
        return torch.from_numpy(targets).float()

    def mean_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss."""
        if weights is None:
            return self._loss(outputs, targets, "mean")
        return (weights * self._loss(outputs, targets, "none")).mean()

    def divergence(self, fixed: Tensor, outputs: Tensor) -> Tensor:
        """Return half the mean squared difference: the divergence of normal distributions with variance 1."""
        return functional.mse_loss(outputs, fixed) / 2

    def summed_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the sum of the losses."""
        if weights is None:
            return self._loss(outputs, targets, "sum")
        return (weights * self._loss(outputs, targets, "none")).sum()

    def _loss(self, outputs: Tensor, targets: Tensor, reduction: str) -> Tensor:
        if self._delta is None:
            return functional.mse_loss(outputs[:, 0], targets, reduction=reduction)
        return functional.huber_loss(outputs[:, 0], targets, reduction=reduction, delta=self._delta)

    def losses(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss of each error, in standard units: e², or (Huber) e²/2 up to δ and δ(|e| − δ/2) above."""
        if self._delta is None:
            return errors**2
        size, delta = np.abs(errors), self._delta
        return np.where(size <= delta, errors**2 / 2, delta * (size - delta / 2))

    def measured(
        self, outputs: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> Mapping[str, float]:
        """Return the mean loss, and the RMSE in the original unit, weighted if the texts are.

        Raises:
            Diverged: An estimate is not finite.
        """
        errors = outputs[:, 0] - targets
        if not np.isfinite(errors).all():
            raise Diverged("the numbers estimated for held-out texts are not finite")
        loss = float(np.average(self.losses(errors), weights=weights))
        return {"loss": loss, "rmse": self._scale * float(np.sqrt(np.average(errors**2, weights=weights)))}

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise for weights far worse than the mean on their own training texts; return notes on doubtful results."""
        weights = None if self._sample.weights is None else self._sample.weights[: self._judged]
        of_mean = float(np.average(self.losses(self._sample.targets[: self._judged]), weights=weights))
        if loss > _SLACK[0] * of_mean + _SLACK[1]:
            raise Diverged(
                f"the final weights have the loss {loss:.4g} on the training texts, worse than the "
                f"{of_mean:.4g} of predicting the mean"
            )
        if loss > _HARDLY * of_mean:
            return [
                f"the loss on the training texts, {loss:.4g}, is worse than the {of_mean:.4g} of predicting the mean: "
                "train longer, or with another lr"
            ]
        if kept is None or last is None or self._valid is None:
            return []
        held_out = float(np.average(self.losses(self._valid.targets), weights=self._valid.weights))
        found = []
        if kept["loss"] > _HARDLY * held_out:
            found.append(
                f"the loss on the held-out texts, {kept['loss']:.4g}, is worse than the {held_out:.4g} of predicting "
                f"the mean, while that on the training texts is {loss:.4g}: the two sets differ, or are too small"
            )
        elif kept["loss"] <= held_out < last["loss"]:
            found.append(
                f"training diverged after its best evaluation: the final loss on the held-out texts was "
                f"{last['loss']:.4g}, worse than the {held_out:.4g} of predicting the mean; the best weights were "
                "kept, and a lower lr may give better ones"
            )
        return found
