"""Conversion of weights, averages and optimizer state to arrays of a checkpoint and back, with checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.saving import require, require_array

MODULE, BEST, OPTIMIZER, AVERAGE = "module.", "best.", "optimizer.", "average."

_NEVER_NEGATIVE: Final = frozenset({"step", "exp_avg_sq", "square_avg", "sum", "acc_delta", "seen"})


def numbered(tensors: Sequence[Tensor] | None) -> dict[str, Tensor]:
    """Return tensors by index."""
    return {str(number): tensor for number, tensor in enumerate(tensors or ())}


def arrays_of(
    *,
    module: Mapping[str, Tensor],
    best: Mapping[str, Tensor] | None,
    average: Sequence[Tensor] | None,
    optimizer: Mapping[str, Mapping[str, Tensor]],
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a run by name."""
    named: dict[str, Mapping[str, Tensor]] = {
        MODULE: module,
        BEST: best or {},
        AVERAGE: numbered(average),
        **{f"{OPTIMIZER}{name}.": values for name, values in optimizer.items()},
    }
    return with_prefixes(named)


def with_prefixes(named: Mapping[str, Mapping[str, Tensor]]) -> dict[str, NDArray[Any]]:
    """Return tensors as arrays, named by prefix and name."""
    return {
        f"{prefix}{name}": tensor.detach().cpu().numpy()
        for prefix, tensors in named.items()
        for name, tensor in tensors.items()
    }


def like(arrays: Mapping[str, NDArray[Any]], prefix: str, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the arrays under a prefix, with names, shapes and dtypes of given tensors.

    Raises:
        SavedModelError: An array is missing, of another shape or dtype, or not finite.
    """
    found = {}
    for name, own in shapes.items():
        full = f"{prefix}{name}"
        found[name] = finite(require_array(arrays, full, dtype=_numpy_dtype(own), shape=tuple(own.shape)), full)
        # Integers are constant tables of a network, possibly used as indices.
        constant = own.dtype.is_floating_point or torch.equal(found[name], own.cpu())
        require(constant, f"array {full!r} differs from that of the network")
    return found


def averages(arrays: Mapping[str, NDArray[Any]], parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return the average of each parameter; raises like ``like``."""
    return list(like(arrays, AVERAGE, numbered(parameters)).values())


def optimizer_states(
    arrays: Mapping[str, NDArray[Any]], optimizer: torch.optim.Optimizer, module: nn.Module
) -> dict[str, dict[str, Tensor]]:
    """Return the optimizer state by parameter name and key.

    Raises:
        SavedModelError: An array is missing, unexpected, of another shape, or has an invalid value.
    """
    names = {parameter: name for name, parameter in module.named_parameters()}
    found = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names[parameter]
            found[name] = _optimizer_state(arrays, name, parameter)
            present, wanted = set(found[name]), _keys(optimizer, group)
            sound = wanted <= present <= wanted | {"step", "seen"} if wanted else not present
            # A parameter without any step has no state, unless the optimizer initializes it.
            require(
                sound or not (present or optimizer.state.get(parameter)),
                f"the optimizer state of {name} has {sorted(present)}, expected {sorted(wanted)}",
            )
            if "step" not in wanted:
                require(
                    ("step" in present) == ("seen" in present), f"the optimizer state of {name} has {sorted(present)}"
                )
    return found


def _keys(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> set[str]:
    """Return the keys of the state of a parameter of a group."""
    match type(optimizer).__name__:
        case "Muon" if group["blocks"]:
            return {"step", "momentum"}
        case "Adam" | "AdamW" | "Muon":
            return {"step", "exp_avg", "exp_avg_sq"}
        case "RMSprop":
            return {"step", "square_avg"}
        case "Adagrad":
            return {"step", "sum"}
        case "Adadelta":
            return {"square_avg", "acc_delta"}
    return set()


def _optimizer_state(arrays: Mapping[str, NDArray[Any]], name: str, parameter: Tensor) -> dict[str, Tensor]:
    """Return the state of one parameter: of its shape, one value per row (``seen``), or a scalar (``step``)."""
    prefix = f"{OPTIMIZER}{name}."
    found = {}
    for full, array in arrays.items():
        key = full.removeprefix(prefix)
        if not full.startswith(prefix) or "." in key:
            continue
        shape = {"step": (), "seen": tuple(parameter.shape[:1])}.get(key, tuple(parameter.shape))
        require_array(arrays, full, dtype="float32", shape=shape)
        # Squares of large gradients can be infinite in a sound run; NaN is always damage.
        require(not np.isnan(array).any(), f"array {full!r} contains NaN")
        require(key not in _NEVER_NEGATIVE or not (array < 0).any(), f"array {full!r} contains a negative value")
        require(
            key not in ("step", "seen") or bool((array < 2**53).all()),
            f"array {full!r} contains a count that is too large",
        )
        found[key] = tensor(array)
    return found


def finite(array: NDArray[Any], name: str) -> Tensor:
    """Convert an array to a tensor.

    Raises:
        SavedModelError: It contains NaN or infinity.
    """
    require(array.dtype.kind != "f" or bool(np.isfinite(array).all()), f"array {name!r} contains NaN or infinity")
    return tensor(array)


def tensor(array: NDArray[Any]) -> Tensor:
    """Return a tensor with its own memory, since the next checkpoint replaces the file of the array."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="))).clone()


def _numpy_dtype(like: Tensor) -> np.dtype[Any]:
    return torch.empty(0, dtype=like.dtype).numpy().dtype
