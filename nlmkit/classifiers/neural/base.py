"""Base class of the neural classifiers: classes, probabilities and loss."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from nlmkit.classifiers.base import Classifier
from nlmkit.core.parameters import param
from nlmkit.documents.neural.estimator import NeuralTextModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.neural.task import ClassificationTask
    from nlmkit.documents.neural.task import TaskSetup
    from nlmkit.text import Corpus


@dataclasses.dataclass(kw_only=True)
class NeuralClassifier(NeuralTextModel, Classifier):
    """Base class of the neural classifiers: one output per class, trained with cross-entropy.

    The weights kept are those with the highest accuracy on held-out texts; ties are broken by the lowest loss.
    """

    held_out_by: ClassVar[str] = "class by class, "

    label_smoothing: float = param(0.0, ge=0, lt=1, help="share of the target spread over all classes")

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return len(self.classes_)

    def strata(self, targets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the classes, so that held-out texts are stratified by class."""
        return targets

    def task(self, setup: TaskSetup) -> ClassificationTask:
        """Return the task with cross-entropy and accuracy; see ``NeuralTextModel.task``."""
        from nlmkit.classifiers.neural.task import ClassificationTask

        return ClassificationTask(setup, label_smoothing=self.label_smoothing)

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the probability of each class: float64 [documents, classes].

        Documents are scored in batches of similar length; the batching changes values by at most 1e-5.
        """
        import numpy as np

        from nlmkit.documents.neural.scoring import log_probabilities

        documents, extra = self.documents_of(corpus)
        return np.exp(log_probabilities(self.module_, documents, extra=extra))
