"""Log-linear combination of classifiers, and texts held out to fit it on."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.documents.splits import k_folds

FLOOR: Final = 1e-12
"""Probabilities below this value count as this value, so that no model alone rules a class out."""

_PRIOR: Final = 1.0
"""Strength of the pull towards equal weights, in texts: it decides only where the texts leave the weights open."""


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the softmax over the last axis: float64, of the same shape."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found


def combined(log_probs: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-probabilities of the combination, proportional to Π_k p_k^w_k: float64 [texts, classes].

    Args:
        log_probs: Those of each model: float64 [models, texts, classes].
        weights: One per model: float64 [models].
    """
    return log_softmax(np.tensordot(weights, log_probs, axes=1))


def mean_loss(
    log_probs: NDArray[np.float64], targets: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> float:
    """Return the mean −ln p of the right classes, from log-probabilities [texts, classes]."""
    return -float(np.average(log_probs[np.arange(len(targets)), targets], weights=weights))


@dataclasses.dataclass(frozen=True, eq=False)
class Scored:
    """Texts on which no model was trained, scored by the models.

    Attributes:
        log_probs: float64 [models, texts, classes].
        targets: Right class of each text: int64 [texts].
        weights: Weight of each text: float64 [texts]; None for 1.
    """

    log_probs: NDArray[np.float64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64] | None

    def report(self, weights: NDArray[np.float64]) -> dict[str, Any]:
        """Return accuracy and mean −ln p of each model alone and of all together, JSON-ready."""
        together = combined(self.log_probs, weights)
        return {
            "held_out_texts": len(self.targets),
            "accuracy_alone": [float((each.argmax(axis=1) == self.targets).mean()) for each in self.log_probs],
            "accuracy_together": float((together.argmax(axis=1) == self.targets).mean()),
            "loss_alone": [mean_loss(each, self.targets) for each in self.log_probs],
            "loss_together": mean_loss(together, self.targets),
        }


def fit_weights(
    log_probs: NDArray[np.float64], targets: NDArray[np.int64], text_weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Fit the weights of the models by maximum likelihood of the right classes: float64 [models], not negative.

    The problem is convex. The weights need not sum to one: a sum below one makes overconfident probabilities flatter.
    A pull towards equal weights, worth about one text, keeps them finite where the models make no error.

    Args:
        log_probs: Log-probabilities of texts on which no model was trained: float64 [models, texts, classes].
        targets: Right class of each text: int64 [texts].
        text_weights: Weight of each text: float64 [texts]; None for 1.
    """
    from scipy.optimize import minimize

    models, texts, _ = log_probs.shape
    equal = np.full(models, 1 / models)
    each = np.ones(texts) if text_weights is None else text_weights
    right = log_probs[:, np.arange(texts), targets]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = np.tensordot(weights, log_probs, axes=1)
        found = log_softmax(logits)
        expected = np.einsum("ktc,tc->kt", log_probs, np.exp(found))
        gap = weights - equal
        value = -(each * found[np.arange(texts), targets]).sum() + _PRIOR * (gap @ gap)
        return value / texts, ((each * (expected - right)).sum(axis=1) + 2 * _PRIOR * gap) / texts

    found = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0, None)] * models, options={"ftol": 1e-12})
    return np.asarray(found.x, np.float64)


def held_out_folds(targets: NDArray[np.int64], folds: int, *, seed: int) -> NDArray[np.int64] | None:
    """Return the fold in which each text is held out: int64 [texts]; −1 for the only text of its class.

    Every class is in the training texts of every fold. None if fewer than two classes have two texts.

    Args:
        targets: Class of each text: int64 [texts].
        folds: Number of folds; at most as many as texts are used.
        seed: Seed of the folds.
    """
    usable = np.bincount(targets)[targets] > 1
    if len(np.unique(targets[usable])) < 2:
        return None
    found = np.full(len(targets), -1, np.int64)
    found[usable] = k_folds(targets[usable], min(folds, int(usable.sum())), seed=seed)
    return found
