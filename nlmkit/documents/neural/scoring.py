"""What a network answers to documents, in batches that change none of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.documents.neural.batching import Documents, scoring_batches
from nlmkit.training.devices import memory_errors

if TYPE_CHECKING:
    from nlmkit.documents.neural.module import TextModule

WORDS: Final = 8192
"""Most words of a batch, padding included."""


def log_probabilities(
    module: TextModule,
    documents: Documents,
    *,
    extra: NDArray[np.float32] | None = None,
    words: int = WORDS,
) -> NDArray[np.float64]:
    """Natural log-probability of each class for each document: float64 [documents, classes].

    The log-softmax of :func:`outputs_of`, whose arguments these are.
    """
    return log_softmax(outputs_of(module, documents, extra=extra, words=words))


def log_softmax(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural log-probability of each class, from logits: float64 [documents, classes]."""
    log_probs: NDArray[np.float64] = torch.from_numpy(outputs).log_softmax(dim=1).numpy()
    return log_probs


def outputs_of(
    module: TextModule,
    documents: Documents,
    *,
    extra: NDArray[np.float32] | None = None,
    words: int = WORDS,
    interrupted: Callable[[], bool] = lambda: False,
) -> NDArray[np.float64]:
    """Outputs of the last layer for each document: float64 [documents, outputs].

    The module is in evaluation mode meanwhile, and afterwards as it was.

    Args:
        module: The network.
        documents: The documents, in any order of length.
        extra: Vectors of the ids from V on, if there are such: float32 [n, d].
        words: Most words of a batch; it changes no output by more than 1e-5.
        interrupted: Asked before each batch whether to stop.

    Raises:
        KeyboardInterrupt: It was to stop.
    """
    found = np.empty((len(documents), module.outputs))
    device = module.device
    training = module.training
    module.eval()
    try:
        # TensorFloat-32, which torch allows cuDNN by default, would make a probability depend on its batch.
        exact = torch.backends.cudnn.flags(enabled=None, benchmark=None, deterministic=None, allow_tf32=False)
        purpose = f"scoring in batches of up to {words} words"
        with torch.inference_mode(), module.words.with_extra(extra), memory_errors(purpose), exact:
            for chosen in scoring_batches(documents, words):
                if interrupted():
                    raise KeyboardInterrupt
                found[chosen] = module(documents.batch(chosen).to(device)).double().cpu().numpy()
    finally:
        module.train(training)
    return found
