"""Texts scored by a hybrid model together with the weights of its distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural import scoring

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.language_models.hybrid.module import HybridModule
    from nlmkit.language_models.reading import ReadingOrder

_BLOCK: Final = 4096
"""Events whose features are passed to the output layer at a time."""


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
    features = scoring.features(module, events, order.offsets, context)
    log_probs = np.empty(len(events))
    weights = np.empty((len(events), module.output.weights))
    for begin in range(0, len(events), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        with scoring.scoring(module):
            device = scoring.device_of(module)
            part = torch.from_numpy(features[block]).to(device)
            targets = torch.from_numpy(events[block].astype(np.int64)).to(device)
            log_probs[block] = module.output.log_probs(part, targets).cpu().numpy()
            weights[block] = module.output.log_weights(part).exp().cpu().numpy()
    return order.placed(log_probs), order.placed(weights)
