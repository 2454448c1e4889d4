"""What all neural classifiers share: classes, probabilities and the loss of a class."""

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
    """Base of the neural classifiers: one output per class, trained with cross-entropy.

    The weights kept are those with the highest accuracy on held-out texts, of equal ones those with the lowest loss.
    """

    held_out_by: ClassVar[str] = "class by class, "

    label_smoothing: float = param(0.0, ge=0, lt=1, help="share of the target given to all classes")

    @property
    def outputs(self) -> int:
        """The number of classes."""
        return len(self.classes_)

    def strata(self, targets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The classes: each has its share of the held-out texts."""
        return targets

    def task(self, setup: TaskSetup) -> ClassificationTask:
        """Cross-entropy, accuracy and loss; see :meth:`NeuralTextModel.task`."""
        from nlmkit.classifiers.neural.task import ClassificationTask

        return ClassificationTask(setup, label_smoothing=self.label_smoothing)

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Probability of each class: float64 [documents, classes].

        Documents are read side by side in batches of similar length; how changes no value by more than 1e-5.
        """
        import numpy as np

        from nlmkit.documents.neural.scoring import log_probabilities

        documents, extra = self.documents_of(corpus)
        return np.exp(log_probabilities(self.module_, documents, extra=extra))
