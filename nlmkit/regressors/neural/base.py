"""Base class of the neural regressors: one output, and the loss of a number."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.parameters import param, value_of
from nlmkit.documents.neural.estimator import NeuralTextModel
from nlmkit.regressors.base import Regressor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.documents.neural.task import TaskSetup
    from nlmkit.regressors.neural.task import RegressionTask
    from nlmkit.text import Corpus


@dataclasses.dataclass(kw_only=True)
class NeuralRegressor(NeuralTextModel, Regressor):
    """Base class of the neural regressors: one output, in standard deviations from the mean of the training numbers.

    The weights kept are those with the lowest loss on held-out texts.
    """

    loss: str = param(
        "squared",
        choices=("squared", "huber"),
        help="loss to minimize; huber: squared for small errors, linear for large ones (Huber 1964)",
    )
    huber_delta: float = param(
        1.0,
        gt=0,
        help="error above which loss=huber is linear, in standard deviations of the training numbers",
        needs=value_of("loss", "huber"),
    )

    @property
    def outputs(self) -> int:
        """Number of outputs: one."""
        return 1

    def strata(self, targets: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return one stratum: held-out texts are drawn uniformly."""
        import numpy as np

        return np.zeros(len(targets), np.int64)

    def task(self, setup: TaskSetup) -> RegressionTask:
        """Return the task with the loss, and the RMSE in the original unit; see ``NeuralTextModel.task``."""
        from nlmkit.regressors.neural.task import RegressionTask

        delta = self.huber_delta if self.loss == "huber" else None
        return RegressionTask(setup, delta=delta, scale=self.target_scale_)

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the number of each document, in standard units: float64 [documents].

        Documents are scored in batches of similar length; the batching changes values by at most 1e-5.
        """
        return self.raw_outputs(corpus)[:, 0]
