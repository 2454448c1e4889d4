"""Output layer of a hybrid model: a mixture of a softmax and of n-gram distributions."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.language_models.hybrid.experts import Contexts, Experts
from nlmkit.language_models.hybrid.gate import Gate
from nlmkit.layers.softmax import OutputLayer


class Parts(NamedTuple):
    """Parts of the features.

    Attributes:
        neural: Input of the softmax: [N, d].
        gate: What the gate reads of the hidden state: [N, g].
        context: Last words, the last one first, −1 where there is none: [N, order − 1].
    """

    neural: Tensor
    gate: Tensor
    context: Tensor


class HybridOutput(OutputLayer):
    """p(w | h) = λ_0 p_softmax(w | h) + Σ_k λ_k p_k(w | last k − 1 words), with weights λ of the gate.

    Features consist of ``Parts``, side by side.

    Args:
        neural: The softmax.
        gate: The gate.
        order: Highest order of the n-grams.

    Attributes:
        experts: The n-gram distributions, set once they are estimated.
        weights: Number of weights.
    """

    experts: Experts | None = None

    def __init__(self, neural: OutputLayer, gate: Gate, order: int) -> None:
        super().__init__(neural.words, neural.width + gate.width + order - 1, tied=False)
        self.neural, self.gate = neural, gate
        self._sizes = [neural.width, gate.width, order - 1]
        self.weights = 1 + order

    def parts(self, features: Tensor) -> Parts:
        """Return the parts of features [N, …]."""
        return Parts(*torch.split(features, self._sizes, dim=1))

    def mixture_loss_of(
        self, features: Tensor, targets: Tensor, log_probs: Tensor, context: Tensor, *, chunk: int, alone: float
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of training, and the mean −ln p(target), which has no gradient: scalars.

        The loss is −(1 − ε) ln p(target) − ε ln p_softmax(target).

        Args:
            features: [N, …].
            targets: Vocabulary ids, int64 [N].
            log_probs: Log-probability of the target by order: [N, order].
            context: Features of the context: [N, …].
            chunk: Rows whose logits are in memory at a time.
            alone: ε.
        """
        parts = self.parts(features)
        log_weights = self.gate(parts.gate, context)
        rest = torch.logsumexp(log_weights[:, 1:] + log_probs, dim=1)
        own = log_weights[:, 0]
        loss, found = self.neural.mixture_loss(parts.neural, targets, own, rest, chunk=chunk, alone=alone)
        with torch.no_grad():
            mean = -torch.logaddexp(own + found, rest).mean()
        return loss, mean

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return ln p(target): [N]."""
        return self.log_probs_and_weights(features, targets)[0]

    def log_probs_and_weights(self, features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return ln p(target), [N], and ln λ, of the softmax first, then by order: [N, 1 + order]."""
        parts = self.parts(features)
        experts, contexts = self._experts(), _contexts(parts.context)
        found = experts.found(contexts)
        by_order = experts.log_probs(contexts, found, targets.cpu().numpy().astype(np.int32))
        log_weights = self._log_weights(parts, experts.features(found))
        neural = self.neural.log_probs(parts.neural, targets)
        own = log_weights + torch.cat([neural[:, None], _on(by_order, neural)], dim=1)
        return torch.logsumexp(own, dim=1), log_weights

    def all_log_probs(self, features: Tensor) -> Tensor:
        """Return ln p of every vocabulary id: [N, V], −inf at ``<s>``."""
        parts = self.parts(features)
        experts = self._experts()
        found = experts.found(_contexts(parts.context))
        log_weights = self._log_weights(parts, experts.features(found))
        weights = log_weights[:, 1:].detach().cpu().numpy().astype(np.float64)
        with np.errstate(divide="ignore"):
            rest = np.log(experts.mixed(found, np.exp(weights)))
        neural = self.neural.all_log_probs(parts.neural)
        return torch.logaddexp(log_weights[:, :1] + neural, _on(rest, neural))

    def _log_weights(self, parts: Parts, features: NDArray[np.float32]) -> Tensor:
        found: Tensor = self.gate(
            parts.gate, _on(features.reshape(len(features), math.prod(features.shape[1:])), parts.gate)
        )
        return found

    def _experts(self) -> Experts:
        assert self.experts is not None  # set before training
        return self.experts

    def grown_cutoffs(self, old: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the cutoffs of the softmax."""
        return self.neural.grown_cutoffs(old)

    def check_cutoffs(self, cutoffs: NDArray[np.int64]) -> None:
        """Check the cutoffs of the softmax."""
        self.neural.check_cutoffs(cutoffs)

    def reorder(self, rows: Tensor) -> None:
        """Move the values of words in the softmax."""
        self.neural.reorder(rows)


def _contexts(context: Tensor) -> Contexts:
    found: Contexts = context.detach().cpu().numpy().astype(np.int32)
    return found


def _on(array: NDArray[np.floating], like: Tensor) -> Tensor:
    return torch.from_numpy(array).to(like)
