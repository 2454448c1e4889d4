"""What a neural family writes to be trained: its network, its data epoch by epoch, its loss and its evaluation.

:class:`~nlmkit.training.gradient.GradientStepper` makes a run of it. The rule that lets a run be interrupted anywhere:
what an epoch draws at random depends on the seed and on the epoch's number alone, and what a step draws comes from
:meth:`Task.generators`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from nlmkit.training.metrics import Metric
from nlmkit.training.stepper import Extent

B = TypeVar("B")

Carry = tuple[Tensor, ...]
"""What goes from one step to the next within an epoch, such as a hidden state; the batch is dimension 1."""


class Batch(NamedTuple, Generic[B]):
    """The data of one step.

    Attributes:
        data: What :meth:`Task.loss` reads.
        events: What the mean loss is a mean over; the weight of this step's loss in means over several steps.
        items: What speed counts, those of other processes included.
        work: What the time of a step goes by.
        rate: Factor of the learning rate.
    """

    data: B
    events: int
    items: int
    work: float
    rate: float = 1.0


class Epoch(Protocol[B]):
    """One pass over the training data: a pure function of the seed and its number."""

    def __len__(self) -> int:
        """Number of steps."""

    def __getitem__(self, index: int) -> Batch[B]:
        """The data of a step."""

    def passed(self, index: int) -> float:
        """Passes over the data before the step of that index, those of earlier epochs included."""


class Step(NamedTuple):
    """What a loss function gives.

    Attributes:
        loss: The mean loss, a scalar; what the log and the divergence check see.
        carry: What the next step gets; cut off from the graph, and of the initial carry's shapes and types.
        penalty: What is added before the gradient is taken, a scalar.
    """

    loss: Tensor
    carry: Carry = ()
    penalty: Tensor | None = None


class Task(abc.ABC, Generic[B]):
    """One network to train on one set of data, on one device.

    Attributes:
        module: The network, on its device.
        device: That device.
    """

    module: nn.Module
    device: torch.device

    unit: ClassVar[str] = "tokens"
    """What :attr:`Batch.items` are."""

    metrics: ClassVar[Sequence[Metric]]
    """What :meth:`evaluate` measures, the deciding one first."""

    records_epochs: ClassVar[bool] = False
    """Whether the history gets an entry at the end of each epoch where there is no held-out data."""

    averages_from_first_weights: ClassVar[bool] = False
    """Whether an exponential average begins with the untrained weights; else with those after the first step."""

    # ------------------------------------------------------------------------------------- what it must say

    @property
    @abc.abstractmethod
    def is_evaluated(self) -> bool:
        """Whether there is held-out data to evaluate on; without it no method about it is called."""

    @abc.abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Component, ``hyper_parameters`` and digests of the data, as JSON: what makes another run another one."""

    @abc.abstractmethod
    def steps(self, epochs: int | None = None) -> int:
        """Steps of the first ``epochs`` epochs, or of as many as its options want."""

    @abc.abstractmethod
    def extent(self) -> Extent:
        """What the plan of a run is made from."""

    @abc.abstractmethod
    def epoch(self, number: int) -> Epoch[B]:
        """Epoch ``number``, from 0: a pure function of the seed and that number."""

    @abc.abstractmethod
    def loss(self, data: B, carry: Carry) -> Step:
        """The mean loss of a batch, or of one of its parts, in the graph."""

    @abc.abstractmethod
    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """The metrics of the held-out data, with the weights as they are; the module is in training mode afterwards.

        Args:
            interrupted: Asked now and then whether to stop.

        Raises:
            KeyboardInterrupt: It was to stop.
        """

    @abc.abstractmethod
    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """About how long :meth:`evaluate` takes, from a part of it that ends after ``most`` seconds."""

    @abc.abstractmethod
    def training_loss(self) -> float:
        """Mean loss of some training data with the weights as they are; the module is in evaluation mode."""

    # ------------------------------------------------------------------------------------ what it may change

    def initial_carry(self) -> Carry:
        """What the first step of an epoch gets."""
        return ()

    def begin_epoch(self, number: int) -> None:
        """Get ready for an epoch, such as by another generator of masks, or by unfreezing layers."""

    def parts(self, data: B) -> Iterable[tuple[B, float]]:
        """The parts whose gradients are added one after another, and each one's share of the loss, 1 in sum."""
        return ((data, 1.0),)

    def after_step(self) -> None:
        """Change weights after the optimizer did, such as by limiting norms."""

    def parameters(self) -> list[nn.Parameter]:
        """What is trained, averaged and clipped together."""
        return [parameter for parameter in self.module.parameters() if parameter.requires_grad]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of the optimizer; see :func:`~nlmkit.training.optimization.build_optimizer`."""
        return [{"params": self.parameters()}]

    @property
    def watches_gradient(self) -> bool:
        """Whether the gradient's norm is computed where nothing is clipped, so that the log has it."""
        return True

    def generators(self) -> Mapping[str, torch.Generator]:
        """What steps draw from, by name; their states are part of a checkpoint."""
        return {}

    def training_metrics(self, loss: float | None) -> Mapping[str, float | None]:
        """What a line of the log says of the steps before it, from their mean loss; None where there were none."""
        return {"loss": loss}

    def shown(self, metrics: Mapping[str, float | None]) -> str:
        """The training metrics that are shown beside the progress; may be empty."""
        return "" if metrics["loss"] is None else f"loss {metrics['loss']:.3f}"

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Refuse weights that are good for nothing by raising ``Diverged``; gives notes on doubtful ones.

        Args:
            loss: :meth:`training_loss` of the weights that will be kept; finite.
            kept: Metrics of their evaluation; None where there was none.
            last: Metrics of the last evaluation.
        """
        return []
