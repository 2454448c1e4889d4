"""How weights are found: the optimizer, parameters in groups, and clipping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nlmkit.training.adadelta import Adadelta

if TYPE_CHECKING:
    from nlmkit.training.options import Optimization


# ---------------------------------------------------------------------------------------------------- optimizer


def build_optimizer(
    groups: Sequence[Mapping[str, Any]], options: Optimization, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that ``options.optimizer`` names, with torch's values for all but rate and weight decay.

    ``adamw`` decays weights apart from the gradient (Loshchilov & Hutter 2019); for the others the decay is an L2
    penalty in the gradient. ``sgd`` has no momentum, ``adadelta`` has ρ .95 (Zeiler 2012).

    Args:
        groups: Parameter groups. ``weight_decay``, 0 if missing, is usually that of matrices and not of vectors
            (biases, gains of layer norms); ``scale``, 1 if missing, is what the learning rate is multiplied by.
        options: Name and highest rate.
        device: Where the parameters are. Where torch has a fused update, it is used: one pass over memory.
    """
    merged = _merged(groups)
    fused = True if device.type in ("cpu", "cuda") else None
    match options.optimizer:
        case "adamw":
            return torch.optim.AdamW(merged, lr=options.lr, fused=fused)
        case "adam":
            return torch.optim.Adam(merged, lr=options.lr, fused=fused)
        case "sgd":
            return torch.optim.SGD(merged, lr=options.lr, fused=fused)
        case "rmsprop":
            return torch.optim.RMSprop(merged, lr=options.lr)
        case "adagrad":
            return torch.optim.Adagrad(merged, lr=options.lr, fused=True if device.type == "cpu" else None)
        case "adadelta":
            return Adadelta(merged, lr=options.lr)
    raise AssertionError(f"the options let {options.optimizer!r} through")


def _merged(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same parameters in one group for each scale and weight decay: every group costs a call of the update."""
    found: dict[tuple[float, float], list[Tensor]] = {}
    for group in groups:
        key = group.get("scale", 1.0), group.get("weight_decay", 0.0)
        found.setdefault(key, []).extend(group["params"])
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale} for (scale, decay), parameters in found.items()
    ]


def layered_groups(
    layers: Sequence[Sequence[nn.Parameter]], *, weight_decay: float, layer_rate: float
) -> list[dict[str, Any]]:
    """Parameters for :func:`build_optimizer`: weight decay for matrices only, a rate of its own for each layer.

    Args:
        layers: The parameters of each layer, from the input to the output.
        weight_decay: Of matrices.
        layer_rate: The rate of a layer is that of the layer above divided by this.
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
    """What the optimizer remembers of each parameter, by the parameter's name and its own key."""
    return {
        name: {key: value for key, value in optimizer.state[parameter].items() if isinstance(value, Tensor)}
        for name, parameter in module.named_parameters()
        if parameter in optimizer.state
    }


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, module: nn.Module, saved: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Let the optimizer remember what :func:`optimizer_state` gave."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    state = optimizer.state_dict()
    state["state"] = {number: dict(saved[name]) for number, name in enumerate(ordered) if saved.get(name)}
    optimizer.load_state_dict(state)


# ----------------------------------------------------------------------------------------------------- clipping


def clip_gradients(parameters: Iterable[Tensor], *, norm: float | None, value: float | None) -> Tensor:
    """Clip gradients in place, entries first and then their norm.

    Args:
        parameters: Whose gradients are clipped together; those without one are passed over.
        norm: Largest Euclidean norm of all gradients as one vector.
        value: Largest absolute value of an entry.

    Returns:
        The norm before anything was clipped: a scalar, not finite when an entry is not.
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
    """Scale rows that are longer than ``largest`` back to it, in place; shorter ones stay as they are."""
    norms = weight.norm(dim=1, keepdim=True)
    weight.mul_(torch.where(norms > largest, largest / norms, 1.0))
