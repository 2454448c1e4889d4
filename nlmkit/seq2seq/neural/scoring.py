"""Log-probabilities and attention of given targets by a network, in batches that do not affect the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.seq2seq.neural.batching import EncodedPairs, Indices
from nlmkit.seq2seq.neural.module import ConditionalModule
from nlmkit.training.batches import batches_by_length
from nlmkit.training.devices import memory_errors

PLACES: Final = 4096
"""Maximum events of the longer side of a batch, padding included."""


def log_probs_of(
    module: ConditionalModule,
    pairs: EncodedPairs,
    *,
    places: int = PLACES,
    interrupted: Callable[[], bool] = lambda: False,
) -> NDArray[np.float64]:
    """Return the natural log-probability of every event of the targets.

    Args:
        module: The network; its mode is restored afterwards.
        pairs: Sources and targets.
        places: Maximum events of the longer side of a batch, padding included; it changes values by at most 1e-5.
        interrupted: Called before each batch; returns whether to stop.

    Returns:
        float64 [events], in the order of the targets.

    Raises:
        KeyboardInterrupt: ``interrupted`` returned True.
    """
    found = np.empty(pairs.events, np.float64)
    with scoring(module):
        for chosen in batches(pairs, places):
            if interrupted():
                raise KeyboardInterrupt
            batch = pairs.batch(chosen).to(module.device)
            # Time last: the events of a target are side by side, as in the result.
            features = module(module.encode(batch.sources), batch.inputs).transpose(0, 1)
            is_event = batch.is_event.t()
            values = module.output.log_probs(features[is_event], batch.targets.t()[is_event])
            found[_places(pairs, chosen)] = values.cpu().numpy()
    return found


def attention_of(module: ConditionalModule, pairs: EncodedPairs) -> list[NDArray[np.float32]]:
    """Return the attention of each event of the targets on the events of its source: float32 [events, S] per pair.

    Args:
        module: A network with attention.
        pairs: Sources and targets.
    """
    found: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(pairs)
    sources = pairs.conditions.lengths
    with scoring(module):
        for chosen in batches(pairs, PLACES):
            batch = pairs.batch(chosen).to(module.device)
            memory = module.encode(batch.sources)
            state, weights = module.initial_state(memory), []
            for ids in batch.inputs:
                step = module.step(memory, state, ids)
                state = step.state
                assert step.attention is not None
                weights.append(step.attention)
            arrays = torch.stack(weights, dim=1).cpu().numpy()
            for number, array in zip(chosen.tolist(), arrays, strict=True):
                found[number] = array[: pairs.lengths[number], : sources[number]].copy()
    return found


def batches(pairs: EncodedPairs, places: int) -> Iterator[Indices]:
    """Yield all pairs in batches of similar length: of at most so many events of the longer side, with padding."""
    return batches_by_length(pairs.size, np.arange(len(pairs)), places)


@contextlib.contextmanager
def scoring(module: ConditionalModule) -> Iterator[None]:
    """Disable dropout, gradients and TensorFloat-32 within the ``with`` block; the mode is restored afterwards."""
    was_training = module.training
    # With TensorFloat-32, which torch enables in cuDNN by default, results would depend on the batch.
    exact = torch.backends.cudnn.flags(enabled=None, benchmark=None, deterministic=None, allow_tf32=False)
    module.eval()
    try:
        with torch.inference_mode(), memory_errors("scoring"), exact:
            yield
    finally:
        module.train(was_training)


def _places(pairs: EncodedPairs, chosen: Indices) -> Indices:
    """Return the places of the events of some targets in the text: int64 [events]."""
    begins, ends = pairs.targets.offsets[chosen], pairs.targets.offsets[chosen + 1]
    return np.concatenate([np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)])
