"""Softmax of rows of logits and its gradient: in torch's operations, or as machine code in one pass."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from nlmkit.layers.fused.threads import in_parts
from nlmkit.layers.fused.windows import has_machine_code, memory_of

COMPILED_WORDS: Final = 1024
"""Words from which machine code computes the softmax: below, compiling it would not pay."""


class Found(NamedTuple):
    """Result for rows of logits.

    Attributes:
        loss: Sum of the rows' losses, a scalar.
        log_probs: ln p of each target: [n].
        by_logits: Gradient of each row's loss by its logits, in the memory of the logits if possible: [n, V].
    """

    loss: Tensor
    log_probs: Tensor
    by_logits: Tensor


class PlainRows:
    """Softmax in torch's operations, in the type of the bias."""

    chunks = 1
    """Number of the caller's chunks at a time: here the logits are in memory several times."""

    def __call__(self, logits: Tensor, bias: Tensor, targets: Tensor, label_smoothing: float) -> Found:
        """Return loss, ln p and gradient of rows.

        Args:
            logits: W f, without the bias, which may be overwritten: [n, V].
            bias: [V].
            targets: int64 [n].
            label_smoothing: Share ε of the target that is spread evenly over all V words.
        """
        words, places = len(bias), targets[:, None]
        log_probs = torch.log_softmax(logits.to(bias.dtype).add_(bias), dim=1)
        picked = log_probs.gather(1, places)[:, 0]
        loss = picked.sum().mul_(label_smoothing - 1)
        if label_smoothing:
            loss.sub_(log_probs.sum(), alpha=label_smoothing / words)
        # By the logits: softmax − (1 − ε) [word is target] − ε / V.
        by_logits = log_probs.exp_()
        by_logits.scatter_add_(1, places, by_logits.new_full(places.shape, label_smoothing - 1))
        if label_smoothing:
            by_logits.sub_(label_smoothing / words)
        return Found(loss, picked, by_logits)

    def sampled(self, logits: Tensor, bias: Tensor, hits: Tensor, scores: Tensor) -> tuple[Found, Tensor]:
        """Return loss, ln p and gradient of rows whose target has a logit of its own, and the gradient by that.

        Args:
            logits: W f of sampled words, without the bias, which may be overwritten: [n, S].
            bias: [S].
            hits: Column of the target, whose logit is ignored there; −1 if it is not among them: int64 [n].
            scores: Logit of the target: [n].
        """
        hit = (hits >= 0).nonzero()[:, 0]
        logits = logits.to(bias.dtype).add_(bias)
        logits[hit, hits[hit]] = -torch.inf
        largest = torch.maximum(logits.amax(dim=1), scores) if len(bias) else scores
        by_logits = logits.sub_(largest[:, None]).exp_()
        own = (scores - largest).exp_()
        total = by_logits.sum(dim=1).add_(own)
        log_probs = scores - largest - total.log()
        by_logits.div_(total[:, None])
        return Found(-log_probs.sum(), log_probs, by_logits), own.div_(total).sub_(1)

    def sum(self, rows: Tensor, scale: Tensor | None) -> Tensor:
        """Return the sum of rows [n, V], each times its entry of ``scale`` [n], if any: [V]."""
        return rows.sum(dim=0) if scale is None else torch.mv(rows.t(), scale)


class CompiledRows:
    """Softmax as machine code, in the memory of the logits, float32 or bfloat16; sums are float32.

    Args:
        dtype: Type of the logits.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        from nlmkit.layers.softmax import row_kernels

        self._code = row_kernels
        # The same memory as in torch's operations, which have the logits twice in float32.
        self.chunks = 8 // dtype.itemsize

    def __call__(self, logits: Tensor, bias: Tensor, targets: Tensor, label_smoothing: float) -> Found:
        """Return loss, ln p and gradient of rows; arguments as for ``PlainRows``, without label smoothing."""
        log_probs = bias.new_empty(len(logits))
        arrays = [memory_of(each) for each in (logits, bias, targets, log_probs)]
        in_parts(lambda begin, end: self._code.differentiate(begin, end, *arrays), len(logits))
        return Found(-log_probs.sum(), log_probs, logits)

    def sampled(self, logits: Tensor, bias: Tensor, hits: Tensor, scores: Tensor) -> tuple[Found, Tensor]:
        """Return loss, ln p and gradient of rows whose target has a logit of its own; see ``PlainRows``."""
        log_probs, by_scores = bias.new_empty(len(logits)), bias.new_empty(len(logits))
        arrays = [memory_of(each) for each in (logits, bias, hits, scores, log_probs, by_scores)]
        in_parts(lambda begin, end: self._code.differentiate_sampled(begin, end, *arrays), len(logits))
        return Found(-log_probs.sum(), log_probs, logits), by_scores

    def sum(self, rows: Tensor, scale: Tensor | None) -> Tensor:
        """Return the sum of rows, each times its entry of ``scale``, if any: [V]."""
        scale = torch.ones(len(rows)) if scale is None else scale
        total = torch.zeros(rows.shape[1])
        arrays = [memory_of(each) for each in (total, rows, scale)]
        in_parts(lambda begin, end: self._code.add_rows(begin, end, *arrays), len(total))
        return total


def softmax_of_rows(features: Tensor, bias: Tensor, label_smoothing: float) -> PlainRows | CompiledRows:
    """Return the softmax for features of this type and device.

    Args:
        features: [N, d].
        bias: [V].
        label_smoothing: Share of the target that is spread over all words.
    """
    on_cpu = features.device.type == "cpu"
    suits = on_cpu and bias.dtype == torch.float32 and features.dtype in (torch.float32, torch.bfloat16)
    if suits and not label_smoothing and len(bias) >= COMPILED_WORDS and has_machine_code():
        return CompiledRows(features.dtype)
    return PlainRows()
