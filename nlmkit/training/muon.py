"""Muon: momentum orthogonalized by a few matrix products, for the matrices of a network's body."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from nlmkit.training.precision import cpu_units

MOMENTUM: Final = 0.95
"""Decay of the momentum (Jordan 2024)."""

ADAM_RMS: Final = 0.2
"""Root mean square of a typical update of AdamW per rate, which that of Muon equals (Liu et al. 2025)."""

_SAFETY: Final = 1.02  # rounding in bfloat16 must not raise a singular value above the interval of the first polynomial

_FIRST: Final = (
    (4.7262, -10.5272, 7.1010),
    (7.0964, -19.6987, 14.3317),
    (8.1306, -23.7673, 17.5630),
    (8.4209, -24.9129, 18.4740),
    (8.4922, -25.1944, 18.6979),
    (8.5091, -25.2612, 18.7511),
)
_LATER: Final = (
    (2.7330, -2.0355, 0.4591),
    (3.6841, -2.7562, 0.5404),
    (4.1022, -3.0525, 0.5742),
    (4.2194, -3.1341, 0.5835),
    (4.2482, -3.1540, 0.5858),
)

MOST_STEPS: Final = len(_FIRST)
"""Maximum number of steps of ``orthogonalized``."""


def polynomials(steps: int) -> list[tuple[float, float, float]]:
    """Return a, b, c of the polynomials a x + b x³ + c x⁵ of each step, from the first to the last.

    Each is the best approximation of 1, in the maximum norm, on the interval that contains what the one before leaves
    of the singular values (Amsel et al. 2025), which starts where the last one's error is 0.3: at 0.16, 0.038, 0.0091,
    0.0021, 0.00050 and 0.00012 for 1 to 6 steps. So a few steps reach further down than as many of one polynomial.
    """
    return [_FIRST[steps - 1], *_LATER[: steps - 1][::-1]]


def orthogonalized(matrices: Tensor, steps: int) -> Tensor:
    """Return matrices with about the same singular vectors and singular values near 1, by a Newton–Schulz iteration.

    X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, beginning with the matrix divided by its norm, changes each singular value by an
    odd polynomial. Singular values much smaller than the largest one remain below 1.

    Args:
        matrices: [blocks, rows, columns], in the type to compute in.
        steps: Number of steps.
    """
    norms = torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True, dtype=torch.float32)
    scaled = matrices / (_SAFETY * norms + torch.finfo(torch.float32).tiny).to(matrices.dtype)
    wide = scaled.shape[1] <= scaled.shape[2]
    found = []
    # One by one: on CPUs a batched product of several matrices is slower.
    for block in scaled:
        x = block if wide else block.t().contiguous()
        for a, b, c in polynomials(steps):
            gram = torch.mm(x, x.t())
            x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        found.append(x if wide else x.t())
    return torch.stack(found)


def hidden_matrices(module: nn.Module) -> dict[nn.Parameter, int]:
    """Return the trained matrices of a module that Muon may update, each with the number of matrices stacked in it.

    A layer that stacks matrices along the first dimension, one per gate, has the attribute ``stacked``: their number by
    the name of the parameter.
    """
    found = {}
    for part in module.modules():
        stacked = getattr(part, "stacked", {})
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.ndim == 2 and parameter.requires_grad:
                found[parameter] = stacked.get(name, 1)
    return found


class Muon(torch.optim.AdamW):
    """Muon (Jordan 2024) for groups with ``blocks`` above 0, AdamW for the others.

    With g the gradient of a matrix and m its momentum, and with each of the ``blocks`` matrices of n × k stacked along
    the first dimension updated by itself::

        m ← μ m + g      o = orthogonalized(g + μ m)      w ← w − lr · (0.2 · √max(n, k) · o + decay · w)

    An orthogonal matrix times √max(n, k) has entries with a root mean square of 1, and 0.2 is that of AdamW's updates
    (Liu et al. 2025); so both parts have the same learning rate.

    Args:
        groups: Parameter groups, each with ``blocks``.
        lr: Learning rate.
        steps: Number of Newton–Schulz steps, from 1 to ``MOST_STEPS``.
        every: Matrices are updated at each ``every``-th step only, by as many times the rate; the momentum is updated
            at each.
        fused: As for torch's AdamW.
    """

    def __init__(self, groups: Any, lr: float, *, steps: int = 3, every: int = 1, fused: bool | None = None) -> None:
        super().__init__(groups, lr=lr, fused=fused)
        self._steps, self._every = steps, every

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step; closures are not supported."""
        aside = []
        for group in self.param_groups:
            for parameter in group["params"] if group["blocks"] else ():
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
                    aside.append((parameter, parameter.grad))
                    parameter.grad = None  # AdamW skips parameters without one
        super().step()
        for parameter, gradient in aside:
            parameter.grad = gradient

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # float32, since torch converts loaded state to it
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        momentum = state["momentum"].mul_(MOMENTUM).add_(gradient)
        if state["step"] % self._every:
            return
        rate = group["lr"] * self._every
        if group["weight_decay"]:
            parameter.mul_(1 - rate * group["weight_decay"])
        direction = gradient.add(momentum, alpha=MOMENTUM)
        stacked = direction.view(group["blocks"], -1, parameter.shape[1]).to(_quick_type(parameter.device))
        found = orthogonalized(stacked, self._steps).to(parameter.dtype)
        parameter.sub_(found.view_as(parameter), alpha=rate * ADAM_RMS * math.sqrt(max(stacked.shape[1:])))


def _quick_type(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device multiplies matrices in it faster, else float32."""
    if device.type == "cuda":
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = device.type == "cpu" and cpu_units() is not None
    return torch.bfloat16 if quick else torch.float32
