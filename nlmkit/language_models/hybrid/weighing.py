"""Texts scored by a hybrid model together with the weights of its distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.language_models.neural import scoring

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.language_models.hybrid.module import HybridModule
    from nlmkit.language_models.reading import ReadingOrder


def scored(
    module: HybridModule, events: NDArray[np.int32], order: ReadingOrder, context: Context
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the natural log-probability of each event, and the weights before it, of the softmax first.

    Args:
        module: The network.
        events: Ids of the events in the order of reading: int32 [events].
        order: This order.
        context: ``sentence`` or ``stream``.

    Returns:
        float64 [events] and float64 [events, 1 + order of the n-grams], in the order of the text.
    """
    found = np.empty((len(events), 1 + module.output.weights))
    scoring.read_text(module, events, order.offsets, context, _log_prob_and_weights, found)
    return order.placed(found[:, 0]), order.placed(found[:, 1:])


def _log_prob_and_weights(module: Any, features: Tensor, targets: Tensor) -> Tensor:
    log_probs, log_weights = module.output.log_probs_and_weights(features, targets)
    return torch.cat([log_probs[:, None], log_weights.exp()], dim=1)
