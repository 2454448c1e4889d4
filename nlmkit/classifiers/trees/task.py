"""Task of the training engine for classification of the nodes of trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.classifiers.neural.task import ClassificationTask
from nlmkit.classifiers.trees.forest import Forest
from nlmkit.classifiers.trees.network import TreeModule, node_outputs
from nlmkit.documents.neural.batching import parts_of_batch
from nlmkit.documents.neural.scoring import log_softmax
from nlmkit.documents.neural.task import TaskSetup
from nlmkit.training.divergence import Diverged
from nlmkit.training.examples import Chosen, ExampleEpoch
from nlmkit.training.metrics import Metric
from nlmkit.training.stepper import Extent
from nlmkit.training.task import Carry, Step


class TreeTask(ClassificationTask):
    """Task of trees whose nodes have classes, trained with the mean cross-entropy of the labelled nodes of a batch.

    The weights kept are those with the highest accuracy at the roots of held-out trees.

    Args:
        setup: See ``TextTask``. Documents are a ``Forest``; targets are the class of each node, -1 without one: int64
            [nodes]. Each training tree has a node with a class, each held-out tree a root with one.
        label_smoothing: Share of the target spread over all classes.
        at_roots: Which classes roots can have: bool [classes].
    """

    module: TreeModule
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", greater_is_better=True, form="{:.1%}"),
        Metric("node_accuracy", greater_is_better=True, form="{:.1%}"),
        Metric("loss"),
    )

    def __init__(self, setup: TaskSetup, *, label_smoothing: float, at_roots: NDArray[np.bool_]) -> None:
        super().__init__(setup, label_smoothing=label_smoothing)
        self._at_roots = at_roots
        self._judged_nodes = setup.sample.targets >= 0
        forest = cast("Forest", setup.sample.documents)
        self._terms = np.add.reduceat(self._judged_nodes, forest.offsets[:-1], dtype=np.int64)

    def identity(self) -> Mapping[str, Any]:
        """Return component, hyper-parameters, and digests of the trees with their targets."""
        held_out = None if self._valid is None else cast("Forest", self._valid.documents).digest
        shapes = [cast("Forest", self._sample.documents).digest, held_out]
        return {**super().identity(), "trees": shapes}

    def extent(self) -> Extent:
        """Return the extent of the run; evaluations read all held-out trees."""
        return super().extent()._replace(divisor=1)

    def epoch(self, number: int) -> ExampleEpoch[Any]:
        """Return the batches of epoch ``number``; their events are labelled nodes."""
        return super().epoch(number).with_events(self._terms)

    def parts(self, data: Chosen[Any]) -> Iterator[tuple[Chosen[Any], float]]:
        """Yield the batch, or parts of it if it is very large, each with its share of the labelled nodes."""
        forest, numbers = data
        total = int(self._terms[numbers].sum())
        for part in parts_of_batch(forest, numbers, floats=self._floats):
            yield Chosen(forest, part), int(self._terms[part].sum()) / total

    def loss(self, data: Chosen[Any], carry: Carry) -> Step:
        """Return the mean loss of the labelled nodes of some trees."""
        forest, numbers = data
        batch, nodes = forest.trees(numbers, judged=self._judged_nodes)
        outputs = self.module(batch.to(self.device))
        targets = self._targets[torch.from_numpy(nodes).to(self.device)]
        return Step(self.mean_loss(outputs.float(), targets))

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of the held-out trees: accuracy of the roots, accuracy and loss of all labelled nodes.

        Raises:
            Diverged: A probability is not finite.
        """
        valid = self._valid
        assert valid is not None
        forest, targets = cast("Forest", valid.documents), valid.targets
        judged = np.flatnonzero(targets >= 0)
        outputs = node_outputs(self.module, forest, targets >= 0, extra=valid.extra, interrupted=interrupted)
        of_nodes = log_softmax(outputs[judged])
        loss = float(-of_nodes[np.arange(len(judged)), targets[judged]].mean())
        if not np.isfinite(loss):
            raise Diverged("probabilities of held-out trees are not finite")
        best = of_nodes.argmax(axis=1)
        roots = forest.offsets[1:] - 1
        of_roots = np.where(self._at_roots, outputs[roots], -np.inf).argmax(axis=1)
        return {
            "accuracy": float((of_roots == targets[roots]).mean()),
            "node_accuracy": float((best == targets[judged]).mean()),
            "loss": loss,
        }

    def training_loss(self) -> float:
        """Return the mean loss of the labelled nodes of the first training trees."""
        forest, targets = cast("Forest", self._sample.documents), self._sample.targets
        total, terms = 0.0, 0
        with torch.inference_mode():
            for part in parts_of_batch(forest, np.arange(self._judged), floats=self._floats):
                batch, nodes = forest.trees(part, judged=self._judged_nodes)
                outputs = self.module(batch.to(self.device)).float().cpu()
                total += float(self.summed_loss(outputs, self.as_tensor(targets[nodes])))
                terms += len(nodes)
        return total / terms
