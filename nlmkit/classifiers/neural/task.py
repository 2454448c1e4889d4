"""Task of the training engine for classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nlmkit.documents.neural.scoring import log_softmax
from nlmkit.documents.neural.task import TaskSetup, TextTask
from nlmkit.training import divergence
from nlmkit.training.metrics import Metric


class ClassificationTask(TextTask):
    """Task of texts with classes, trained with cross-entropy; targets are class indices: int64 [documents].

    Args:
        setup: See ``TextTask``.
        label_smoothing: Share of the target spread over all classes.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (Metric("accuracy", greater_is_better=True, form="{:.1%}"), Metric("loss"))

    def __init__(self, setup: TaskSetup, *, label_smoothing: float) -> None:
        super().__init__(setup)
        self._label_smoothing = label_smoothing

    def mean_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean cross-entropy with smoothed labels."""
        smoothing = self._label_smoothing
        if weights is None:
            return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)
        losses = functional.cross_entropy(outputs, targets, label_smoothing=smoothing, reduction="none")
        return (weights * losses).mean()

    def divergence(self, fixed: Tensor, outputs: Tensor) -> Tensor:
        """Return the mean Kullback-Leibler divergence of the probabilities from others that are constant."""
        probs, others = outputs.log_softmax(dim=1), fixed.log_softmax(dim=1)
        return functional.kl_div(probs, others, reduction="batchmean", log_target=True)

    def summed_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the sum of −ln p(class)."""
        if weights is None:
            return functional.cross_entropy(outputs, targets, reduction="sum")
        return (weights * functional.cross_entropy(outputs, targets, reduction="none")).sum()

    def measured(
        self, outputs: NDArray[np.float64], targets: NDArray[np.int64], weights: NDArray[np.float64] | None = None
    ) -> Mapping[str, float]:
        """Return the accuracy, and the mean −ln p(class), weighted if the texts are.

        Raises:
            Diverged: A probability is not finite.
        """
        log_probs = log_softmax(outputs)
        loss = float(-np.average(log_probs[np.arange(len(log_probs)), targets], weights=weights))
        if not np.isfinite(loss):
            raise divergence.Diverged("probabilities of held-out texts are not finite")
        right = log_probs.argmax(axis=1) == targets
        return {"accuracy": float(np.average(right, weights=weights)), "loss": loss}

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise for weights worse than chance on their own training texts; return notes on doubtful results."""
        held_out, ended = (None if found is None else found["loss"] for found in (kept, last))
        return divergence.judged(
            loss,
            held_out,
            ended,
            choices=self.module.outputs,
            slack=divergence.CLASSIFIER_SLACK,
            what="classes",
        )
