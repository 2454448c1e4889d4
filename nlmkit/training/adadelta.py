"""Adadelta that updates only the rows of a word matrix that have a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Adadelta(torch.optim.Optimizer):
    """Adadelta (Zeiler 2012), with the same steps as torch's, but much faster for word vectors.

    With g the gradient, v and u the running means of its square and of the update's square::

        v ← ρ v + (1 − ρ) g²      d = g · √(u + ε) / √(v + ε)      u ← ρ u + (1 − ρ) d²      w ← w − lr · d

    Without a gradient, the means of a row only shrink by ρ. With a sparse gradient, this is applied when the
    row is next updated, as ρ to the power of the number of skipped steps; other rows are neither read nor written.

    Args:
        groups: Parameters, or parameter groups.
        lr: Factor of the update.
        rho: ρ.
        eps: ε.
    """

    def __init__(self, groups: Any, lr: float = 1.0, *, rho: float = 0.95, eps: float = 1e-6) -> None:
        super().__init__(groups, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step; closures are not supported."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["square_avg"] = torch.zeros_like(parameter)
            state["acc_delta"] = torch.zeros_like(parameter)
            if gradient.is_sparse:
                # Steps are counted in float32, since torch converts loaded state to it.
                state["step"] = torch.zeros(())
                state["seen"] = torch.zeros(len(parameter), device=parameter.device)
        rho, eps, rate = group["rho"], group["eps"], group["lr"]
        if not gradient.is_sparse:
            if group["weight_decay"]:
                gradient = gradient.add(parameter, alpha=group["weight_decay"])
            square, delta = state["square_avg"], state["acc_delta"]
            parameter.sub_(_direction(square, delta, gradient, rho, eps), alpha=rate)
            return
        if group["weight_decay"]:
            raise RuntimeError("weight decay changes every row, so it needs a dense gradient")
        state["step"] += 1
        gradient = gradient.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        passed = state["step"].to(rows.device) - 1 - state["seen"][rows]
        shrunk = torch.pow(rho, passed).unsqueeze(1)
        square, delta = state["square_avg"][rows] * shrunk, state["acc_delta"][rows] * shrunk
        parameter.index_add_(0, rows, _direction(square, delta, values, rho, eps), alpha=-rate)
        state["square_avg"][rows], state["acc_delta"][rows] = square, delta
        state["seen"][rows] = state["step"].to(rows.device)


def _direction(square: Tensor, delta: Tensor, gradient: Tensor, rho: float, eps: float) -> Tensor:
    """Return the step d; update both means in place."""
    square.mul_(rho).addcmul_(gradient, gradient, value=1 - rho)
    found = delta.add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(gradient)
    delta.mul_(rho).addcmul_(found, found, value=1 - rho)
    return found
