"""Cross-entropy of a linear layer over the target and a sample of words, with gradients by hand.

As in ``nlmkit.layers.softmax.cross_entropy``, logits exist for one chunk of rows only, and each chunk's part of the
gradients is computed with them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nlmkit.layers.softmax.cross_entropy import CHUNK, Mixture, WithGradients, in_type_of_products
from nlmkit.layers.softmax.rows import softmax_of_rows


class Sample(NamedTuple):
    """Words drawn for a step, for all its rows.

    Attributes:
        rows: Rows of the words: int64 [S], without repetition.
        log_chances: Logarithm of the chance at which each was drawn: [S].
    """

    rows: Tensor
    log_chances: Tensor


def sampled_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    sample: Sample,
    *,
    chunk: int = CHUNK,
    bfloat16: bool = False,
) -> Tensor:
    """Sum over rows of the cross-entropy of the target among itself and the sampled words.

    With s = W f + b, t the target and π the chances, the loss of a row is
    −ln [ exp(s_t) / (exp(s_t) + Σ_{w in sample, w ≠ t} exp(s_w) / π_w) ]. Under autocast the matrix products run in its
    type, with ``bfloat16`` in that one; everything else is in the weights' type.

    Args:
        features: [N, d].
        weight: [V, d].
        bias: [V].
        targets: int64 [N], in [0, V).
        sample: The sampled words.
        chunk: Rows at a time if all words were drawn; with fewer words more rows, with as many logits in memory.
            It changes the result only by rounding.
        bfloat16: Whether to compute the matrix products in bfloat16.

    Returns:
        Scalar, in the type of ``weight``. It can be differentiated once, with respect to the first three.
    """
    with in_type_of_products(features, bfloat16=bfloat16) as typed:
        loss: Tensor
        loss, _ = _SampledCrossEntropy.apply(typed, weight, bias, targets, sample, chunk, None, None, 0.0)  # type: ignore[no-untyped-call]
    return loss


def sampled_mixture_cross_entropy(  # noqa: PLR0917
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    sample: Sample,
    log_weights: Tensor,
    log_rest: Tensor,
    *,
    chunk: int = CHUNK,
    alone: float = 0.0,
    bfloat16: bool = False,
) -> tuple[Tensor, Tensor]:
    """Like ``mixture_cross_entropy``, with the probability of the target estimated from the sampled words.

    Returns:
        The sum, a scalar that can be differentiated once; and the estimates of ln p, without gradient: [N].
    """
    mixture = log_weights.to(weight.dtype), log_rest.to(weight.dtype), alone
    with in_type_of_products(features, bfloat16=bfloat16) as typed:
        loss, log_probs = _SampledCrossEntropy.apply(typed, weight, bias, targets, sample, chunk, *mixture)  # type: ignore[no-untyped-call]
    return loss, log_probs


class _SampledCrossEntropy(WithGradients):
    @staticmethod
    def forward(  # noqa: PLR0917  (autograd calls it by position)
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        sample: Sample,
        chunk: int,
        log_weights: Tensor | None,
        log_rest: Tensor | None,
        alone: float,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the sum of the losses, and of a mixture the log-probabilities of the targets."""
        mixture = None if log_weights is None or log_rest is None else Mixture(log_weights, log_rest, alone)
        exact = features.to(weight.dtype)
        target_weight = functional.embedding(targets, weight)
        scores = torch.linalg.vecdot(exact, target_weight).add_(bias[targets])
        drawn = sample.rows
        places = torch.full((len(bias),), -1, device=drawn.device)
        places[drawn] = torch.arange(len(drawn), device=drawn.device)
        hits = places[targets]  # where the target is in the sample, −1 if it is not
        corrected = bias[drawn] - sample.log_chances
        sampled = weight[drawn]
        factors = sampled.to(features.dtype)
        by_features = torch.empty_like(features)
        by_sampled, by_corrected = torch.zeros_like(sampled), torch.zeros_like(corrected)
        by_scores = torch.empty_like(scores)
        loss = weight.new_zeros(())
        softmax = softmax_of_rows(features, corrected, 0.0)
        chunk = max(chunk, chunk * softmax.chunks * len(bias) // max(len(drawn), 1))  # the same number of logits
        for begin in range(0, len(features), chunk):
            rows = slice(begin, begin + chunk)
            part = features[rows]
            found, by_scores[rows] = softmax.sampled(torch.mm(part, factors.t()), corrected, hits[rows], scores[rows])
            scale: Tensor | None = None
            if mixture is None:
                loss += found.loss
            else:
                scale = mixture.scale(found.log_probs, rows)
                by_scores[rows].mul_(scale)
            by_corrected += softmax.sum(found.by_logits, scale)
            low = found.by_logits.to(features.dtype)
            torch.mm(low, factors, out=by_features[rows])
            if scale is not None:  # d values per row are scaled, instead of the size of the sample
                part = part * scale[:, None].to(part.dtype)
                by_features[rows].mul_(scale[:, None])
            by_sampled += torch.mm(low.t(), part).to(weight.dtype)
        by_features += (target_weight * by_scores[:, None]).to(features.dtype)
        by_weight, by_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        by_weight[drawn], by_bias[drawn] = by_sampled, by_corrected
        by_weight.index_add_(0, targets, exact * by_scores[:, None])
        by_bias.index_add_(0, targets, by_scores)
        return WithGradients.kept(ctx, (by_features, by_weight, by_bias), loss, mixture)
