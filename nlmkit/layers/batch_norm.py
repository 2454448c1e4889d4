"""Batch normalization of sequences, over real positions only (Ioffe & Szegedy 2015).

Sequences are channel-first [R, n, T] here. Statistics count the real positions of all rows alike, so that they depend
neither on the amount of padding nor on how a text is placed in its batch; they do depend, in training, on the other
texts of the batch.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

MOMENTUM: Final = 0.1
"""Share of a batch's statistics in the running ones."""

EPSILON: Final = 1e-5


class BatchNorm(nn.Module):
    """Per channel: subtract the mean, divide by the standard deviation, scale, shift.

    In training, mean and variance are those of the batch's real positions, and move the running statistics by
    ``MOMENTUM``; the running variance is that of a sample (n − 1). In evaluation the running statistics take their
    place, so that a text's output depends on the text alone. They are buffers: part of saving and of checkpoints.
    A running average of the weights needs that of these statistics; see ``statistics``.

    Args:
        channels: Number n of channels.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, sequences: Tensor, mask: Tensor | None) -> Tensor:
        """Return the normalized sequences [R, n, T], zero at padding.

        Args:
            sequences: [R, n, T], with any values at padding.
            mask: Ones at real positions, zeros at padding, [R, 1, T]; None without padding.
        """
        if not self.training:
            scale = self.weight * (self.variance + EPSILON).rsqrt()
            shift = self.bias - self.mean * scale
            return masked(torch.addcmul(shift.unsqueeze(1), sequences, scale.unsqueeze(1)), mask)
        rows, _, columns = sequences.shape
        count = max(1, rows * columns if mask is None else int(mask.sum()))
        found = _Normalized.apply(sequences, mask, self.weight, self.bias, count)  # type: ignore[no-untyped-call]
        normalized, mean, variance = found
        with torch.no_grad():
            self.mean.lerp_(mean, MOMENTUM)
            self.variance.lerp_(variance * (count / max(1, count - 1)), MOMENTUM)
        return normalized  # type: ignore[no-any-return]

    def statistics(self) -> list[Tensor]:
        """Return the running mean and variance, which are averaged together with the weights."""
        return [self.mean, self.variance]

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{len(self.weight)}"


class _Normalized(torch.autograd.Function):
    """Normalization by the statistics of the real positions, which keeps one tensor for the gradient."""

    @staticmethod
    def forward(  # noqa: PLR0917
        context: Any, sequences: Tensor, mask: Tensor | None, weight: Tensor, bias: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output, and mean and variance [n] of the real positions."""
        wide = masked(sequences.to(weight.dtype), mask)
        mean = wide.sum(dim=(0, 2)) / count
        normalized = masked(wide - mean.unsqueeze(1), mask)
        variance = torch.linalg.vector_norm(normalized, dim=(0, 2)).square() / count
        deviation = (variance + EPSILON).rsqrt()
        normalized *= deviation.unsqueeze(1)
        context.save_for_backward(normalized, mask, weight, deviation)
        context.count = count
        context.mark_non_differentiable(mean, variance)
        output = torch.addcmul(bias.unsqueeze(1), normalized, weight.unsqueeze(1))
        return masked(output, mask).to(sequences.dtype), mean, variance

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequences, weight and bias."""
        normalized, mask, weight, deviation = context.saved_tensors
        gradient = masked(gradients[0].to(weight.dtype), mask)
        of_bias = gradient.sum(dim=(0, 2))
        of_weight = torch.einsum("rnt,rnt->n", gradient, normalized)
        scale = (weight * deviation).unsqueeze(1)
        centered = gradient - (of_bias / context.count).unsqueeze(1)
        centered.addcmul_(normalized, (of_weight / context.count).unsqueeze(1), value=-1)
        of_sequences = masked(centered.mul_(scale), mask).to(gradients[0].dtype)
        return of_sequences, None, of_weight, of_bias, None


def masked(sequences: Tensor, mask: Tensor | None) -> Tensor:
    """Return the sequences [R, n, T] with zeros at padding; see ``BatchNorm.forward``."""
    return sequences if mask is None else sequences * mask
