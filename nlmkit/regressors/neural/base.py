"""What all neural regressors share: one output, and the loss of a number."""

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
    """Base of the neural regressors: one output, in standard deviations from the mean of the training numbers.

    The weights kept are those with the lowest loss on held-out texts.
    """

    loss: str = param(
        "squared",
        choices=("squared", "huber"),
        help="what training minimizes; huber: squared for small errors, linear for large ones (Huber 1964)",
    )
    huber_delta: float = param(
        1.0,
        gt=0,
        help="error from which on loss=huber is linear, in standard deviations of the training numbers",
        needs=value_of("loss", "huber"),
    )

    @property
    def outputs(self) -> int:
        """One: the number."""
        return 1

    def strata(self, targets: NDArray[np.float64]) -> NDArray[np.int64]:
        """One group: the held-out texts are drawn from all texts alike."""
        import numpy as np

        return np.zeros(len(targets), np.int64)

    def task(self, setup: TaskSetup) -> RegressionTask:
        """The loss, and the RMSE in the numbers' unit; see :meth:`NeuralTextModel.task`."""
        from nlmkit.regressors.neural.task import RegressionTask

        delta = self.huber_delta if self.loss == "huber" else None
        return RegressionTask(setup, delta=delta, scale=self.target_scale_)

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        """Number of each document, in standard units: float64 [documents].

        Documents are read side by side in batches of similar length; how changes no value by more than 1e-5.
        """
        return self.raw_outputs(corpus)[:, 0]
