"""Options, counts and small networks for the tests of ``layers`` and of the modules of language models."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural.module import LanguageModule, feedforward_module, recurrent_module
from nlmkit.language_models.neural.options import FeedForwardModelOptions, ForgetGateOptions, RecurrentModelOptions
from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.row_order import WordOrder

V = 30
COUNTS = np.random.default_rng(5).integers(1, 200, V)
COUNTS[1] = 0


@dataclasses.dataclass(kw_only=True)
class Recurrent(ForgetGateOptions, RecurrentModelOptions):
    """Options of a recurrent model."""


@dataclasses.dataclass(kw_only=True)
class FeedForward(FeedForwardModelOptions):
    """Options of a feed-forward model."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def recurrent(
    kind: str = "lstm", *, counts: NDArray[np.int64] = COUNTS, seed: int = 0, **values: Any
) -> LanguageModule:
    options = Recurrent(
        **{"embedding": 6, "hidden": 8, "softmax": "full", "softmax_head": 7, "softmax_samples": 9, **values}
    )
    return recurrent_module(kind, options, counts, seeded(seed), forget_bias=options.forget_bias)


def feedforward(*, counts: NDArray[np.int64] = COUNTS, seed: int = 0, **values: Any) -> LanguageModule:
    options = FeedForward(
        **{
            **{"embedding": 6, "hidden": 8, "order": 4, "softmax": "full", "softmax_head": 7, "softmax_samples": 9},
            **values,
        }
    )
    return feedforward_module(options, counts, seeded(seed))


def words(width: int = 6, *, cutoffs: list[int] | None = None, counts: NDArray[np.int64] = COUNTS) -> WordVectors:
    order = WordOrder.by_frequency(counts)
    if cutoffs is not None:
        order = order.with_cutoffs(np.array(cutoffs))
    return WordVectors(order, width, seeded(3))


def random_ids(*shape: int, seed: int = 1) -> torch.Tensor:
    """Ids as they are read and predicted: never ``<s>``."""
    ids = np.random.default_rng(seed).integers(1, V, shape)
    return torch.tensor(np.where(ids == 1, 0, ids))


def array(tensor: torch.Tensor) -> NDArray[np.float64]:
    found: NDArray[np.float64] = tensor.detach().double().numpy()
    return found


def randomized(module: torch.nn.Module, seed: int = 7) -> Any:
    """The module with weights that are nowhere small or equal."""
    source = seeded(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=source) * 0.7)
    return module
