"""Cross-entropy of a linear layer, a chunk of rows at a time.

The logits [N, V] of a window of text are the largest tensor in training: 64 columns of 35 words over 10,000 words are
90 MB, and as much again for their gradient. Here they exist for one chunk only. The gradient with respect to the
logits is known as soon as they are (softmax − target), so each chunk's part of the gradients is computed at once, in
the forward pass, and nothing is computed twice; the backward pass multiplies by the incoming gradient.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

CHUNK = 256
"""Rows at a time; the logits of 10,000 words then are 10 MB."""


def linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    *,
    chunk: int = CHUNK,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Sum over rows of −ln softmax(W f + b) at the target.

    Under autocast the matrix products run in its type; softmax, sums and weight gradients stay in the weights' type.

    Args:
        features: [N, d].
        weight: [V, d].
        bias: [V].
        targets: int64 [N], in [0, V).
        chunk: Rows whose logits are in memory at a time; it changes the result only by rounding.
        label_smoothing: Share ε of the target that is spread evenly over all V words (Szegedy et al. 2016).

    Returns:
        Scalar, in the type of ``weight``. It can be differentiated once, with respect to the first three.
    """
    device = features.device.type
    autocast = torch.is_autocast_enabled(device)
    if autocast:
        features = features.to(torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False) if autocast else contextlib.nullcontext():
        loss: Tensor = _LinearCrossEntropy.apply(features, weight, bias, targets, chunk, label_smoothing)  # type: ignore[no-untyped-call]
    return loss


def picked_log_probs(features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """ln softmax(W f + b) at the target, row by row, a chunk of logits at a time: [N].

    Args:
        features: [N, d].
        weight: [V, d].
        bias: [V].
        targets: int64 [N], in [0, V).
    """
    chunks = zip(torch.split(features, CHUNK), torch.split(targets, CHUNK), strict=True)
    return torch.cat(
        [
            functional.linear(part, weight, bias).log_softmax(dim=1).gather(1, target[:, None])[:, 0]
            for part, target in chunks
        ]
    )


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917  (autograd calls it by position)
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, chunk: int, label_smoothing: float
    ) -> Tensor:
        wanted = ctx.needs_input_grad[:3]
        factors = weight.to(features.dtype)
        by_features = torch.empty_like(features) if wanted[0] else None
        by_weight: Tensor | None = None
        by_bias: Tensor | None = None
        loss = weight.new_zeros(())
        for begin in range(0, len(features), chunk):
            rows = slice(begin, begin + chunk)
            part, target = features[rows], targets[rows]
            logits = torch.mm(part, factors.t()).to(weight.dtype).add_(bias)
            log_probs = torch.log_softmax(logits, dim=1)
            loss.add_(functional.nll_loss(log_probs, target, reduction="sum"), alpha=1 - label_smoothing)
            if label_smoothing:
                loss.sub_(log_probs.sum(), alpha=label_smoothing / len(weight))
            if not any(wanted):
                continue
            # By the logits: softmax − (1 − ε) [word is target] − ε / V.
            by_logits = log_probs.exp_()
            places = target[:, None]
            by_logits.scatter_add_(1, places, by_logits.new_full(places.shape, label_smoothing - 1))
            if label_smoothing:
                by_logits.sub_(label_smoothing / len(weight))
            if wanted[2]:
                by_bias = _added(by_bias, by_logits.sum(dim=0))
            by_logits = by_logits.to(features.dtype)
            if by_features is not None:
                torch.mm(by_logits, factors, out=by_features[rows])
            if by_weight is not None and by_weight.dtype == features.dtype:
                by_weight.addmm_(by_logits.t(), part)
            elif wanted[1]:
                by_weight = _added(by_weight, torch.mm(by_logits.t(), part).to(weight.dtype))
        if not len(features):
            by_weight, by_bias = (torch.zeros_like(each) for each in (weight, bias))
        ctx.save_for_backward(by_features, by_weight, by_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        found = (None if part is None else part * gradient.to(part.dtype) for part in ctx.saved_tensors)
        return (*found, None, None, None)


def _added(total: Tensor | None, part: Tensor) -> Tensor:
    """Return the sum, in place of the total where there is one."""
    return part if total is None else total.add_(part)
