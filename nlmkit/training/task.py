"""Training task of a neural model: network, data by epoch, loss and evaluation.

``GradientStepper`` runs it. To make runs interruptible anywhere,
random draws of an epoch must depend only on the seed and the number of the epoch, and those of a step must come from
``Task.generators``.
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
"""State passed from step to step within an epoch, such as a hidden state; the batch is dimension 1."""


class Batch(NamedTuple, Generic[B]):
    """Data of one step.

    Attributes:
        data: Input of ``Task.loss``.
        events: Number of events in the mean loss; weight of this step's loss in means over several steps.
        items: Number of units for the speed, including those of other processes.
        work: Work of the step, to which its time is proportional.
        rate: Factor of the learning rate.
    """

    data: B
    events: int
    items: int
    work: float
    rate: float = 1.0


class Epoch(Protocol[B]):
    """One pass over the training data: a pure function of the seed and the number of the epoch."""

    def __len__(self) -> int:
        """Return the number of steps."""

    def __getitem__(self, index: int) -> Batch[B]:
        """Return the data of a step."""

    def passed(self, index: int) -> float:
        """Return the number of passes over the data before a step, including earlier epochs."""


class Step(NamedTuple):
    """Result of a loss function.

    Attributes:
        loss: Mean loss, a scalar, for the log and the check for divergence.
        carry: State of the next step, detached from the graph, with shapes and types of the initial carry.
        penalty: Scalar added to the loss for the gradient.
    """

    loss: Tensor
    carry: Carry = ()
    penalty: Tensor | None = None


class Task(abc.ABC, Generic[B]):
    """Base class of tasks: one network, one data set, one device.

    Attributes:
        module: The network, on its device.
        device: The device.
    """

    module: nn.Module
    device: torch.device

    unit: ClassVar[str] = "tokens"
    """Unit of ``Batch.items``."""

    metrics: ClassVar[Sequence[Metric]]
    """Metrics of ``evaluate``, the decisive one first."""

    records_epochs: ClassVar[bool] = False
    """Whether the history gets an entry at the end of each epoch without held-out data."""

    averages_from_first_weights: ClassVar[bool] = False
    """Whether an exponential average starts from the untrained weights, instead of those after the first step."""

    # ------------------------------------------------------------------------------------- to implement

    @property
    @abc.abstractmethod
    def is_evaluated(self) -> bool:
        """Whether there is held-out data; methods on evaluation are called only if so."""

    @abc.abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return component, ``hyper_parameters`` and digests of the data, as JSON, which identify a run."""

    @abc.abstractmethod
    def steps(self, epochs: int | None = None) -> int:
        """Return the number of steps in ``epochs`` epochs, by default those of the options."""

    @abc.abstractmethod
    def extent(self) -> Extent:
        """Return the extent of the run, for its plan."""

    @abc.abstractmethod
    def epoch(self, number: int) -> Epoch[B]:
        """Return epoch ``number``, from 0: a pure function of the seed and that number."""

    @abc.abstractmethod
    def loss(self, data: B, carry: Carry) -> Step:
        """Return the mean loss of a batch, or of one of its parts, in the graph."""

    @abc.abstractmethod
    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of the held-out data with the current weights; the module is in training mode afterwards.

        Args:
            interrupted: Called regularly; returns whether to stop.

        Raises:
            KeyboardInterrupt: ``interrupted`` returned True.
        """

    @abc.abstractmethod
    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate`` from a part of it, limited to ``most`` seconds."""

    @abc.abstractmethod
    def training_loss(self) -> float:
        """Return the mean loss of some training data with the current weights; the module is in evaluation mode."""

    # ------------------------------------------------------------------------------------ to override

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Mapping[str, float]:
        """Return the metrics of a part of the held-out data; called only if ``Extent.divisor`` is more than 1.

        Args:
            interrupted: See ``evaluate``.
            divisor: n to read about an n-th of the data, from 2 to ``Extent.divisor``; a function of n, so that results
                can be compared.
        """
        raise NotImplementedError

    def initial_carry(self) -> Carry:
        """Return the carry of the first step of an epoch."""
        return ()

    def begin_epoch(self, number: int) -> None:
        """Prepare for an epoch, for example by seeding masks or unfreezing layers."""

    def begin_step(self, share: float) -> float:
        """Prepare for a step; return its work relative to the usual one, as ``Extent.cost`` predicts it.

        Args:
            share: Share of the planned steps that have been taken. It may fall when a run with a budget gets more
                steps, so all that depends on it must be set each time.
        """
        return 1.0

    def parts(self, data: B) -> Iterable[tuple[B, float]]:
        """Yield parts whose gradients are accumulated, with their shares of loss and penalty, which sum to 1."""
        return ((data, 1.0),)

    def after_step(self) -> None:
        """Change weights after the optimizer did, such as by limiting norms."""

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters that are trained, averaged and clipped together."""
        return [parameter for parameter in self.module.parameters() if parameter.requires_grad]

    def statistics(self) -> list[Tensor]:
        """Return the buffers that steps move, such as running statistics of batch normalization.

        A running average of the weights includes them, so that averaged weights meet averaged statistics.
        """
        return []

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of the optimizer; see ``build_optimizer``."""
        return [{"params": self.parameters()}]

    @property
    def watches_gradient(self) -> bool:
        """Whether to compute the gradient norm for the log even without clipping."""
        return True

    def generators(self) -> Mapping[str, torch.Generator]:
        """Return the random generators of steps by name; their states are part of a checkpoint."""
        return {}

    def training_metrics(self, loss: float | None) -> Mapping[str, float | None]:
        """Return the metrics of a line of the log, from the mean loss of its steps; the loss is None without steps."""
        return {"loss": loss}

    def shown(self, metrics: Mapping[str, float | None]) -> str:
        """Return the training metrics for the progress display; may be empty."""
        return "" if metrics["loss"] is None else f"loss {metrics['loss']:.3f}"

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise ``Diverged`` for unusable weights; return notes on doubtful ones.

        Args:
            loss: ``training_loss`` of the weights that will be kept; finite.
            kept: Metrics of their evaluation; None where there was none.
            last: Metrics of the last evaluation.
        """
        return []
