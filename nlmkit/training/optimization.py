"""Optimizers, parameter groups, and gradient clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nlmkit.training.adadelta import Adadelta
from nlmkit.training.muon import Muon

if TYPE_CHECKING:
    from nlmkit.training.options import Optimization


# ---------------------------------------------------------------------------------------------------- optimizer


def build_optimizer(
    groups: Sequence[Mapping[str, Any]], options: Optimization, device: torch.device
) -> torch.optim.Optimizer:
    """Build the optimizer ``options.optimizer``, with torch's defaults except for rate and weight decay.

    ``adamw`` decouples the weight decay (Loshchilov & Hutter 2019); for the others it is an L2
    penalty in the gradient. ``sgd`` has no momentum, ``adadelta`` has ρ .95 (Zeiler 2012). ``muon`` updates groups with
    ``blocks``, and is ``adamw`` for the others; its weight decay is decoupled, too.

    Args:
        groups: Parameter groups. ``weight_decay``, by default 0, is usually set for matrices and not for vectors
            (biases, gains of layer norms); ``scale``, by default 1, multiplies the learning rate. ``blocks`` is the
            number of matrices stacked in each parameter that ``muon`` orthogonalizes, by default 0: none.
        options: Name and maximum rate.
        device: Device of the parameters. Torch's fused update is used if available: one pass over memory.
    """
    merged = _merged(groups, has_blocks=options.optimizer == "muon")
    fused = True if device.type in ("cpu", "cuda") else None
    match options.optimizer:
        case "adamw":
            kind: Callable[..., torch.optim.Optimizer] = partial(torch.optim.AdamW, fused=fused)
        case "adam":
            kind = partial(torch.optim.Adam, fused=fused)
        case "sgd":
            kind = partial(torch.optim.SGD, fused=fused)
        case "rmsprop":
            kind = torch.optim.RMSprop
        case "adagrad":
            kind = partial(torch.optim.Adagrad, fused=True if device.type == "cpu" else None)
        case "adadelta":
            kind = Adadelta
        case "muon":
            kind = partial(Muon, steps=options.muon_steps, every=options.muon_every, fused=fused)
        case other:
            raise AssertionError(f"the options let {other!r} through")
    return kind(merged, lr=options.lr)


def _merged(groups: Sequence[Mapping[str, Any]], *, has_blocks: bool) -> list[dict[str, Any]]:
    """Merge groups with equal scale, weight decay and blocks, since each group costs a call of the update."""
    found: dict[tuple[float, float, int], list[Tensor]] = {}
    for group in groups:
        blocks = group.get("blocks", 0) if has_blocks else 0
        key = group.get("scale", 1.0), group.get("weight_decay", 0.0), blocks
        found.setdefault(key, []).extend(group["params"])
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale, "blocks": blocks}
        for (scale, decay, blocks), parameters in found.items()
    ]


def layered_groups(
    layers: Sequence[Sequence[nn.Parameter]], *, weight_decay: float, layer_rate: float
) -> list[dict[str, Any]]:
    """Return groups for ``build_optimizer``: weight decay for matrices only, one learning rate per layer.

    Args:
        layers: Parameters of each layer, from input to output.
        weight_decay: Weight decay of matrices.
        layer_rate: Ratio of the rates of a layer and of the layer below.
    """
    return [
        {
            "params": [parameter],
            "weight_decay": weight_decay if parameter.ndim >= 2 else 0.0,
            "scale": layer_rate**-depth,
        }
        for depth, parameters in enumerate(reversed(layers))
        for parameter in parameters
    ]


def optimizer_state(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return the optimizer state by parameter name and key."""
    return {
        name: {key: value for key, value in optimizer.state[parameter].items() if isinstance(value, Tensor)}
        for name, parameter in module.named_parameters()
        if parameter in optimizer.state
    }


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, module: nn.Module, saved: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Load the result of ``optimizer_state`` into the optimizer."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    state = optimizer.state_dict()
    state["state"] = {number: dict(saved[name]) for number, name in enumerate(ordered) if saved.get(name)}
    optimizer.load_state_dict(state)


# ----------------------------------------------------------------------------------------------------- clipping


def clip_gradients(parameters: Iterable[Tensor], *, norm: float | None, value: float | None) -> Tensor:
    """Clip gradients in place: first their entries, then their norm.

    Args:
        parameters: Parameters whose gradients are clipped together; those without a gradient are skipped.
        norm: Maximum Euclidean norm of all gradients as one vector.
        value: Maximum absolute value of an entry.

    Returns:
        The norm before clipping: a scalar, not finite if an entry is not.
    """
    with_gradient = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad for parameter in with_gradient if parameter.grad is not None]
    before = torch.nn.utils.get_total_norm(gradients)
    after = before
    if value is not None:
        torch.nn.utils.clip_grad_value_(with_gradient, value)
        after = torch.nn.utils.get_total_norm(gradients) if norm is not None else before
    if norm is not None:
        torch.nn.utils.clip_grads_with_norm_(with_gradient, norm, after)
    return before


@torch.no_grad()
def clip_rows(weight: Tensor, largest: float) -> None:
    """Rescale rows with a norm above ``largest`` to that norm, in place."""
    norms = weight.norm(dim=1, keepdim=True)
    weight.mul_(torch.where(norms > largest, largest / norms, 1.0))
