"""A task of the engine in a few lines, as a plugin may write one: least squares by a network of two layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nlmkit.plugin import Batch, Diverged, Extent, Metric, Step, Task

ROWS, SIZE = 10, 4
"""Rows of the data, and of a batch; the last batch of an epoch has two."""


class Net(nn.Module):
    """y = v · tanh(W x) + b, with masks on the hidden layer."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(seed)
        self.below = nn.Parameter(torch.randn(3, 2, generator=source))
        self.above = nn.Parameter(torch.randn(1, 3, generator=source))
        self.bias = nn.Parameter(torch.zeros(1))
        self.masks = torch.Generator()
        self.dropout = 0.0

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.tanh(inputs @ self.below.T)
        if self.training and self.dropout:
            hidden = hidden * (torch.rand(hidden.shape, generator=self.masks) >= self.dropout) / (1 - self.dropout)
        return (hidden @ self.above.T)[:, 0] + self.bias


class Rows:
    """An epoch: batches of row numbers in random order."""

    def __init__(self, number: int, task: Regression) -> None:
        source = torch.Generator().manual_seed(number)
        self.batches = list(torch.split(torch.randperm(ROWS, generator=source), SIZE))
        self._number, self._rate = number, task.rate

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch[Tensor]:
        rows = self.batches[index]
        return Batch(rows, len(rows), 100 * len(rows), float(len(rows)), self._rate)

    def passed(self, index: int) -> float:
        return self._number + index / len(self)


@dataclasses.dataclass(eq=False)
class Regression(Task[Tensor]):
    """Ten points of a plane; what a test wants otherwise is set as an attribute.

    Attributes:
        pieces: Parts that a batch is divided into.
        scale: Factor of the lower layer's learning rate.
        frozen_until: Epoch from which on the lower layer is trained.
        largest: Largest absolute value of a weight of the upper layer.
        decays: Whether a carry is halved from step to step, and added to the loss as a penalty.
        held_out: Whether the points are held-out data, too.
    """

    module: Any = dataclasses.field(default_factory=Net)
    pieces: int = 1
    scale: float = 1.0
    rate: float = 1.0
    frozen_until: int = 0
    largest: float | None = None
    decays: bool = False
    held_out: bool = False
    watches: bool = True
    epochs: int = 3

    unit = "rows"
    metrics: ClassVar = (Metric("error"),)

    def __post_init__(self) -> None:
        self.device = torch.device("cpu")
        source = torch.Generator().manual_seed(7)
        self.inputs = torch.randn(ROWS, 2, generator=source)
        self.targets = self.inputs @ torch.tensor([1.0, -2.0]) + 0.5

    @property
    def is_evaluated(self) -> bool:
        return self.held_out

    @property
    def watches_gradient(self) -> bool:
        return self.watches

    def identity(self) -> Mapping[str, Any]:
        return {"component": "regression", "hyper_parameters": {}}

    def steps(self, epochs: int | None = None) -> int:
        return 3 * (self.epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        return Extent(3, ROWS / 3)

    def epoch(self, number: int) -> Rows:
        return Rows(number, self)

    def begin_epoch(self, number: int) -> None:
        self.module.masks = torch.Generator().manual_seed(100 + number)
        self.module.below.requires_grad_(number >= self.frozen_until)

    def generators(self) -> Mapping[str, torch.Generator]:
        return {"masks": self.module.masks}

    def initial_carry(self) -> tuple[Tensor, ...]:
        return (torch.ones(1, 1),) if self.decays else ()

    def parts(self, data: Tensor) -> Iterable[tuple[Tensor, float]]:
        return [(part, len(part) / len(data)) for part in torch.tensor_split(data, self.pieces) if len(part)]

    def loss(self, data: Tensor, carry: tuple[Tensor, ...]) -> Step:
        loss = (self.module(self.inputs[data]) - self.targets[data]).square().mean()
        if not carry:
            return Step(loss)
        return Step(loss, (carry[0] / 2,), carry[0].sum() * self.module.bias.square().sum())

    def parameters(self) -> list[nn.Parameter]:
        return [self.module.below, self.module.above, self.module.bias]

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"params": [self.module.below], "weight_decay": 0.1, "scale": self.scale},
            {"params": [self.module.above], "weight_decay": 0.1},
            {"params": [self.module.bias]},
        ]

    def after_step(self) -> None:
        if self.largest is not None:
            with torch.no_grad():
                self.module.above.clamp_(-self.largest, self.largest)

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        self.module.eval()
        error = self._error()
        self.module.train()
        return {"error": error}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        return 0.0

    def training_loss(self) -> float:
        assert not self.module.training
        return self._error()

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        if loss > 1e6:
            raise Diverged(f"the error is {loss:.4g}")
        return [f"the error is {loss:.6f}"]

    def _error(self) -> float:
        with torch.no_grad():
            return float((self.module(self.inputs) - self.targets).square().mean())
