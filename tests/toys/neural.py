"""A module of a few weights with the interface of a language module, options to train it, and a clock for budgets."""

import dataclasses
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.neural.module import LanguageModule
from nlmkit.language_models.neural.options import (
    ArchitectureOptions,
    OptimizationOptions,
    RecurrentOptions,
    RegularizationOptions,
)
from nlmkit.text import Vocabulary

torch.set_num_threads(1)


class Output(NamedTuple):
    features: Tensor
    state: tuple[Tensor, ...]
    raw: Tensor
    dropped: Tensor


class OutputLayer(nn.Module):
    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, words)

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int, label_smoothing: float = 0.0) -> Tensor:
        return functional.cross_entropy(self.linear(features), targets, label_smoothing=label_smoothing)

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        return self.linear(features).log_softmax(1).gather(1, targets[:, None])[:, 0]


class TinyModule(nn.Module):
    """h = tanh(W x + U h), with dropout on the outputs whose masks come from the generator it is given."""

    def __init__(self, words: int = 12, width: int = 6, dropout: float = 0.2, seed: int = 0) -> None:
        super().__init__()
        self.vocabulary_size = words
        self.vectors = nn.Embedding(words, width)
        self.recurrent = nn.Linear(width, width)
        self.frozen = nn.Parameter(torch.ones(width), requires_grad=False)
        self.register_buffer("rank", torch.arange(words))
        self.output = OutputLayer(words, width)
        self.width, self.dropout = width, dropout
        self.generator = torch.Generator()
        source = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn(parameter.shape, generator=source) * 0.3)

    @property
    def softmax(self) -> OutputLayer:
        return self.output

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        return (torch.zeros(1, batch, self.width, device=self.recurrent.weight.device),)

    def forward(self, ids: Tensor, state: tuple[Tensor, ...]) -> Output:
        hidden, found = state[0][0], []
        for vectors in self.vectors(ids):
            hidden = torch.tanh(vectors * self.frozen + self.recurrent(hidden))
            found.append(hidden)
        raw = torch.stack(found)
        dropped = raw
        if self.training and self.dropout:
            kept = torch.rand(raw.shape, generator=self.generator) >= self.dropout
            dropped = raw * kept / (1 - self.dropout)
        return Output(dropped, (hidden[None],), raw, dropped)

    def set_generator(self, generator: torch.Generator) -> None:
        self.generator = generator

    def penalty(self, output: Output) -> Tensor:
        return 0.01 * output.dropped.square().mean()

    def parameter_groups(self, weight_decay: float = 0.0) -> list[dict[str, Any]]:
        weights = [weight for weight in self.parameters() if weight.requires_grad]
        return [
            {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
            {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
        ]


def tiny_module(**values: Any) -> LanguageModule:
    return cast("LanguageModule", TinyModule(**values))


@dataclasses.dataclass(kw_only=True)
class Tiny(ArchitectureOptions, RecurrentOptions, RegularizationOptions, OptimizationOptions, LanguageModel):
    """Options of a tiny model."""

    name = "tiny"


SMALL: dict[str, Any] = {"batch": 4, "bptt": 5, "epochs": 3, "lr": 0.05}


def tiny(**values: Any) -> Tiny:
    return Tiny(**{**SMALL, **values})


def text(events: int = 403, words: int = 12, seed: int = 0) -> NDArray[np.int32]:
    """Events with something to learn: each word is mostly followed by the next one."""
    source = np.random.default_rng(seed)
    steps = source.choice([1, 2, 5], events, p=[0.8, 0.15, 0.05])
    return (np.cumsum(steps) % (words - 2) + 2).astype(np.int32)


def vocabulary(events: NDArray[np.int32] | None = None, words: int = 12) -> Vocabulary:
    counts = None if events is None else np.bincount(events, minlength=words)
    return Vocabulary([f"w{number}" for number in range(3, words)], counts)


class Clock:
    """Seconds that pass only when someone says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TimedModule(TinyModule):
    """Each training step and each window of evaluation takes as long on the clock as the test wants."""

    def __init__(self, clock: Clock, *, step: float = 1.0, evaluation: float = 0.0, **values: Any) -> None:
        super().__init__(**values)
        self.clock, self.step, self.evaluation = clock, step, evaluation
        self.steps = 0
        self.slower_after: int | None = None
        self.slower = 1.0

    def forward(self, ids: Tensor, state: tuple[Tensor, ...]) -> Output:
        if self.training:
            self.steps += 1
            slow = self.slower_after is not None and self.steps > self.slower_after
            self.clock.now += self.step * (self.slower if slow else 1)
        else:
            self.clock.now += self.evaluation
        return super().forward(ids, state)
