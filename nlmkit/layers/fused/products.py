"""Matrix products with one weight at every step of a window."""

from __future__ import annotations

import contextlib
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_MANY: Final = 8


class StepProduct:
    """Function x [B, k] → x Wᵀ [B, m], called many times with one W.

    In bfloat16, oneDNN arranges W for its blocks once instead of at every call, if this torch offers that: a quarter
    of the time of such a product.

    Args:
        weight: W [m, k].
        rows: B.
        calls: Number of calls to come; arranging W pays from some on.
    """

    def __init__(self, weight: Tensor, rows: int, calls: int) -> None:
        self._weight = weight
        self._packed: Tensor | None = None
        if weight.dtype == torch.bfloat16 and calls >= _MANY:
            with contextlib.suppress(AttributeError, RuntimeError):  # not in this build, or not for this CPU
                self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)

    def __call__(self, x: Tensor) -> Tensor:
        """Return x Wᵀ [B, m]."""
        if self._packed is None:
            return functional.linear(x, self._weight)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, None, "none", [], "")
        return found
