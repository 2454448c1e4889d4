"""Scoring of documents by a network, in batches that do not affect the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.documents.neural.batching import Documents, Indices, batches_by_length
from nlmkit.training.devices import memory_errors

if TYPE_CHECKING:
    from nlmkit.documents.neural.module import TextModule

WORDS: Final = 8192
"""Maximum words of a batch, padding included."""


def log_probabilities(
    module: TextModule,
    documents: Documents,
    *,
    extra: NDArray[np.float32] | None = None,
    words: int = WORDS,
) -> NDArray[np.float64]:
    """Return the natural log-probability of each class for each document: float64 [documents, classes].

    This is the log-softmax of ``outputs_of``, which has the same arguments.
    """
    return log_softmax(outputs_of(module, documents, extra=extra, words=words))


def log_softmax(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural log-probability of each class, from logits: float64 [documents, classes]."""
    log_probs: NDArray[np.float64] = torch.from_numpy(outputs).log_softmax(dim=1).numpy()
    return log_probs


def outputs_of(
    module: TextModule,
    documents: Documents,
    some: Indices | None = None,
    *,
    extra: NDArray[np.float32] | None = None,
    words: int = WORDS,
    interrupted: Callable[[], bool] = lambda: False,
) -> NDArray[np.float64]:
    """Return the outputs of the last layer for each document, or for some: float64 [documents, outputs].

    The module is in evaluation mode during the call; its mode is restored afterwards.

    Args:
        module: The network.
        documents: The documents, in any order.
        some: Indices of those to read: int64 [n]; None for all.
        extra: Vectors of the ids from V on: float32 [n, d], or None.
        words: Maximum words of a batch; it changes outputs by at most 1e-5.
        interrupted: Called before each batch; returns whether to stop.

    Raises:
        KeyboardInterrupt: ``interrupted`` returned True.
    """
    found = np.empty((len(documents), module.outputs))
    device = module.device
    numbers = np.arange(len(documents)) if some is None else some
    with scoring(module, extra, words):
        for chosen in batches_by_length(documents, numbers, words):
            if interrupted():
                raise KeyboardInterrupt
            found[chosen] = module(documents.batch(chosen).to(device)).double().cpu().numpy()
    return found[numbers]


@contextlib.contextmanager
def scoring(module: TextModule, extra: NDArray[np.float32] | None, words: int) -> Iterator[None]:
    """Put a network into evaluation mode within the ``with`` block, and restore its mode afterwards.

    Args:
        module: The network.
        extra: Vectors of the ids from V on: float32 [n, d], or None.
        words: Maximum words of a batch, for the message if there is too little memory.
    """
    training = module.training
    module.eval()
    try:
        # With TensorFloat-32, which torch enables in cuDNN by default, probabilities would depend on the batch.
        exact = torch.backends.cudnn.flags(enabled=None, benchmark=None, deterministic=None, allow_tf32=False)
        purpose = f"scoring in batches of up to {words} words"
        with torch.inference_mode(), module.words.with_extra(extra), memory_errors(purpose), exact:
            yield
    finally:
        module.train(training)
