"""Cross-entropy of a linear layer, a chunk of rows at a time.

The logits [N, V] of a window of text are the largest tensor in training: 64 columns of 35 words over 10,000 words are
90 MB, and as much again for their gradient. Here they exist for one chunk only. The gradient with respect to the
logits is known as soon as they are (softmax − target), so each chunk's part of the gradients is computed at once, in
the forward pass, and nothing is computed twice; the backward pass multiplies by the incoming gradient.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nlmkit.layers.softmax.rows import softmax_of_rows

CHUNK = 256
"""Rows at a time; the logits of 10,000 words then are 10 MB."""


@contextlib.contextmanager
def in_type_of_products(features: Tensor, *, bfloat16: bool) -> Iterator[Tensor]:
    """Yield features in the type of matrix products: bfloat16, or that of autocast, which is off in the block."""
    device = features.device.type
    if not torch.is_autocast_enabled(device):
        yield features.to(torch.bfloat16) if bfloat16 else features
        return
    features = features.to(torch.bfloat16 if bfloat16 else torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):
        yield features


def linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    *,
    chunk: int = CHUNK,
    label_smoothing: float = 0.0,
    bfloat16: bool = False,
) -> Tensor:
    """Sum over rows of −ln softmax(W f + b) at the target.

    Under autocast the matrix products run in its type, with ``bfloat16`` in that one; softmax, sums and weight
    gradients stay in the weights' type.

    Args:
        features: [N, d].
        weight: [V, d]; rows after these are ignored, which spares a gradient by a slice.
        bias: [V].
        targets: int64 [N], in [0, V).
        chunk: Rows whose logits are in memory at a time; it changes the result only by rounding.
        label_smoothing: Share ε of the target that is spread evenly over all V words (Szegedy et al. 2016).
        bfloat16: Whether to compute the matrix products in bfloat16, with logits rounded to it.

    Returns:
        Scalar, in the type of ``weight``. It can be differentiated once, with respect to the first three.
    """
    with in_type_of_products(features, bfloat16=bfloat16) as typed:
        loss: Tensor
        loss, _ = _LinearCrossEntropy.apply(typed, weight, bias, targets, chunk, label_smoothing, None, None, 0.0)  # type: ignore[no-untyped-call]
    return loss


def mixture_cross_entropy(  # noqa: PLR0917
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    log_weights: Tensor,
    log_rest: Tensor,
    *,
    chunk: int = CHUNK,
    alone: float = 0.0,
    bfloat16: bool = False,
) -> tuple[Tensor, Tensor]:
    """Sum over rows of the cross-entropy of a mixture of this softmax and other distributions.

    The loss of a row with p = softmax(W f + b) at the target is −(1 − ε) ln(λ p + r) − ε ln p. The derivative by its
    logits is that of −ln p times ε + (1 − ε) λ p / (λ p + r), so nothing is computed twice here either.

    Args:
        features: [N, d].
        weight: [V, d]; rows after these are ignored.
        bias: [V].
        targets: int64 [N], in [0, V).
        log_weights: ln λ of each row: [N].
        log_rest: ln r of each row, the weighted probability of the target under the other distributions: [N].
        chunk: Rows whose logits are in memory at a time; it changes the result only by rounding.
        alone: ε, share of the loss of this softmax alone.
        bfloat16: Whether to compute the matrix products in bfloat16.

    Returns:
        The sum, a scalar that can be differentiated once, with respect to the first three and the two logarithms; and
        ln p of each target, without gradient: [N].
    """
    mixture = log_weights.to(weight.dtype), log_rest.to(weight.dtype), alone
    with in_type_of_products(features, bfloat16=bfloat16) as typed:
        loss, log_probs = _LinearCrossEntropy.apply(typed, weight, bias, targets, chunk, 0.0, *mixture)  # type: ignore[no-untyped-call]
    return loss, log_probs


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


class WithGradients(torch.autograd.Function):
    """Sum of losses whose gradients are computed in the forward pass.

    Arguments are features, weight and bias; three without gradient; the logarithms of a mixture, or None; and one
    without gradient.
    """

    @staticmethod
    def kept(
        ctx: Any, gradients: tuple[Tensor | None, ...], loss: Tensor, mixture: Mixture | None
    ) -> tuple[Tensor, Tensor | None]:
        """Keep the gradients; return the sum of the losses, and of a mixture the log-probabilities of the targets."""
        if mixture is None:
            ctx.save_for_backward(*gradients)
            return loss, None
        ctx.save_for_backward(*gradients, mixture.by_log_weights, mixture.by_log_rest)
        ctx.mark_non_differentiable(mixture.log_probs)
        return mixture.loss, mixture.log_probs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of ``forward``, times that by the sum."""
        wanted = [*ctx.needs_input_grad[:3], True, True]
        found = [
            part * gradient.to(part.dtype) if is_wanted else None
            for part, is_wanted in zip(ctx.saved_tensors, wanted, strict=False)
        ]
        return (*found[:3], None, None, None, *(found[3:] or (None, None)), None)


class _LinearCrossEntropy(WithGradients):
    @staticmethod
    def forward(  # noqa: PLR0917  (autograd calls it by position)
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        chunk: int,
        label_smoothing: float,
        log_weights: Tensor | None,
        log_rest: Tensor | None,
        alone: float,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the sum of the losses, and of a mixture the log-probabilities of the targets."""
        wanted = ctx.needs_input_grad[:3]
        words = len(bias)
        factors = weight[:words].to(features.dtype)
        by_features = torch.empty_like(features) if wanted[0] else None
        by_weight = torch.empty_like(weight) if wanted[1] else None
        by_bias = torch.zeros_like(bias) if wanted[2] else None
        if by_weight is not None:
            by_weight[words if len(features) else 0 :] = 0
        mixture = None if log_weights is None or log_rest is None else Mixture(log_weights, log_rest, alone)
        loss = weight.new_zeros(())
        softmax = softmax_of_rows(features, bias, label_smoothing)
        chunk *= softmax.chunks
        for begin in range(0, len(features), chunk):
            rows = slice(begin, begin + chunk)
            part, target = features[rows], targets[rows]
            found = softmax(torch.mm(part, factors.t()), bias, target, label_smoothing)
            scale: Tensor | None = None
            if mixture is not None:
                scale = mixture.scale(found.log_probs, rows)
            else:
                loss.add_(found.loss)
            if not any(wanted):
                continue
            by_logits = found.by_logits
            if by_bias is not None:
                by_bias.add_(softmax.sum(by_logits, scale))
            by_logits = by_logits.to(features.dtype)
            if by_features is not None:
                torch.mm(by_logits, factors, out=by_features[rows])
            if scale is not None:
                # d values per row are scaled, instead of V
                part = part * scale[:, None].to(part.dtype)
                if by_features is not None:
                    by_features[rows].mul_(scale[:, None])
            if by_weight is not None:
                _add_product(by_weight[:words], by_logits.t(), part, is_first=begin == 0)
        return WithGradients.kept(ctx, (by_features, by_weight, by_bias), loss, mixture)


class Mixture:
    """Losses of rows whose softmax is mixed with other distributions; see ``mixture_cross_entropy``.

    Attributes:
        log_probs: ln p of each target: [N].
        loss: Sum of the losses of the rows so far.
        by_log_weights: Derivatives of the loss by ln λ: [N].
        by_log_rest: Derivatives of the loss by ln r: [N].
    """

    def __init__(self, log_weights: Tensor, log_rest: Tensor, alone: float) -> None:
        self._log_weights, self._log_rest, self._alone = log_weights, log_rest, alone
        self.log_probs = torch.empty_like(log_weights)
        self.by_log_weights, self.by_log_rest = torch.empty_like(log_weights), torch.empty_like(log_weights)
        self.loss = log_weights.new_zeros(())

    def scale(self, log_probs: Tensor, rows: slice) -> Tensor:
        """Take rows with these ln p: [n]; return the derivatives of their losses by −ln p: [n]."""
        own, rest, together = self._log_weights[rows] + log_probs, self._log_rest[rows], 1 - self._alone
        mixed = torch.logaddexp(own, rest)
        share = (own - mixed).exp_().mul_(together)
        self.log_probs[rows], self.by_log_weights[rows] = log_probs, -share
        self.by_log_rest[rows] = share - together
        self.loss.sub_(mixed.sum(), alpha=together).sub_(log_probs.sum(), alpha=self._alone)
        return share + self._alone


def _add_product(total: Tensor, one: Tensor, other: Tensor, *, is_first: bool) -> None:
    """Add a matrix product to the total, or set it to the first one."""
    if total.dtype != one.dtype:
        product = torch.mm(one, other)
        total.copy_(product) if is_first else total.add_(product)
    elif is_first:
        torch.mm(one, other, out=total)
    else:
        total.addmm_(one, other)
