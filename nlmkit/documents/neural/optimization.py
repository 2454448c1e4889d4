"""Optimizer and learning rate of a text model: ``nlmkit.training.optimization`` and its additions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import torch
from torch import nn

from nlmkit.documents.neural.options import TrainingOptions
from nlmkit.training import optimization as optimisation
from nlmkit.training import schedules
from nlmkit.training.adadelta import Adadelta

RATIO: Final = 32.0
"""The slanted triangle begins and ends at its peak over this."""


def parameter_groups(
    parts: Sequence[tuple[str, Sequence[nn.Parameter]]], weight_decay: float, layer_rate: float
) -> list[dict[str, Any]]:
    """Parameters for a torch optimizer: weight decay for matrices only, a rate of its own for each part.

    Args:
        parts: Parts of the network with their parameters, from the input to the output.
        weight_decay: Of matrices.
        layer_rate: The rate of a part is that of the part above divided by this.

    Returns:
        A group for each rate and weight decay; its learning rate is multiplied by its ``scale``.
    """
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for depth, (_, parameters) in enumerate(reversed(parts)):
        for parameter in parameters:
            decay = weight_decay if parameter.ndim >= 2 else 0.0
            found.setdefault((layer_rate**-depth, decay), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale} for (scale, decay), parameters in found.items()
    ]


def takes_sparse_gradients(options: TrainingOptions) -> bool:
    """Whether word vectors may have gradients for the words of a batch alone, without any difference to the result."""
    return options.optimizer == "adadelta" and options.clip_norm is None and options.weight_decay == 0


def build_optimizer(
    groups: list[dict[str, Any]], options: TrainingOptions, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that ``options.optimizer`` names, with torch's values for all but rate and weight decay.

    ``adamw`` decays weights apart from the gradient (Loshchilov & Hutter 2019); for the others the decay is an L2
    penalty in the gradient. ``sgd`` has no momentum, ``adadelta`` has ρ .95 (Zeiler 2012).

    Args:
        groups: As :func:`parameter_groups` gives them.
        options: Name and highest rate.
        device: Where the parameters are. Where torch has a fused update, it is used: one pass over memory.
    """
    if options.optimizer == "adadelta":
        return Adadelta(groups, lr=options.lr)
    return optimisation.build_optimizer(groups, cast("Any", options), device)


def learning_rate(options: TrainingOptions, step: float, steps: float | None, *, plateaus: int = 0) -> float:
    """The learning rate of a step; arguments are those of :func:`nlmkit.training.schedules.learning_rate`."""
    if options.schedule != "slanted-triangular":
        return schedules.learning_rate(cast("Any", options), step, steps, plateaus=plateaus)
    if steps is None:
        return options.lr / RATIO
    return slanted_triangular(step, steps, peak=options.lr, warmup=options.warmup)


def slanted_triangular(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly from peak / 32 to the peak, then fall linearly back (Howard & Ruder 2018).

    Args:
        step: From 0 to ``steps`` − 1.
        steps: Of the whole schedule.
        peak: Highest rate.
        warmup: Share of the steps in which the rate rises.
    """
    top = warmup * steps
    share = step / top if step < top else 1 - (step - top) / (steps - top)
    return peak * (1 + share * (RATIO - 1)) / RATIO


@torch.no_grad()
def clip_rows(weight: torch.Tensor, largest: float) -> None:
    """Scale rows that are longer than ``largest`` back to it, in place; shorter ones stay as they are."""
    norms = weight.norm(dim=1, keepdim=True)
    weight.mul_(torch.where(norms > largest, largest / norms, 1.0))
