"""Scores of the tags of sentences by a network, in batches that do not affect the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.decoding.chain import Chain, viterbi
from nlmkit.taggers.neural.batching import Indices, Sentences
from nlmkit.taggers.neural.module import TaggerModule
from nlmkit.training.batches import batches_by_length
from nlmkit.training.devices import memory_errors
from nlmkit.training.divergence import Diverged

WORDS: Final = 4096
"""Maximum tokens of a batch, padding included."""


def emissions_of(
    module: TaggerModule,
    sentences: Sentences,
    *,
    words: int = WORDS,
    interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Indices, NDArray[np.float64], Indices]]:
    """Yield the scores of the tags of all sentences that have a token, in batches of similar length.

    The module is in evaluation mode between batches; its mode is restored afterwards.

    Args:
        module: The network.
        sentences: The sentences.
        words: Maximum tokens of a batch; it changes scores by at most 1e-5.
        interrupted: Called before each batch; returns whether to stop.

    Yields:
        Indices of sentences, int64 [B], their scores, float64 [T, B, K], and their lengths, int64 [B].

    Raises:
        KeyboardInterrupt: ``interrupted`` returned True.
    """
    lengths = sentences.lengths
    training, device = module.training, module.device
    module.eval()
    try:
        purpose = f"tagging in batches of up to {words} tokens"
        for chosen in batches_by_length(lengths, np.flatnonzero(lengths), words):
            if interrupted():
                raise KeyboardInterrupt
            # With TensorFloat-32, which torch enables in cuDNN by default, scores would depend on the batch.
            exact = torch.backends.cudnn.flags(enabled=None, benchmark=None, deterministic=None, allow_tf32=False)
            with torch.inference_mode(), module.words.with_extra(sentences.extra), memory_errors(purpose), exact:
                found = module(sentences.batch(chosen).to(device)).transpose(0, 1).cpu().double().numpy()
            yield chosen, found, lengths[chosen]
    finally:
        module.train(training)


def chain_of(module: TaggerModule, legal: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]) -> Chain:
    """Return start, transitions and end: those of the CRF, or zeros; −inf where illegal."""
    if module.crf is not None:
        return Chain(*module.crf.scores())
    return Chain(*(np.where(allowed, 0.0, -np.inf) for allowed in legal))


def best_tags(
    module: TaggerModule, sentences: Sentences, chain: Chain, *, interrupted: Callable[[], bool] = lambda: False
) -> Indices:
    """Return the most probable tags of all sentences: int64 [tokens]; arguments as of ``emissions_of``.

    Raises:
        Diverged: A score is not finite.
    """
    found = np.zeros(len(sentences.words), np.int64)
    for chosen, emissions, lengths in emissions_of(module, sentences, interrupted=interrupted):
        if not np.isfinite(emissions).all():
            raise Diverged("the scores of the tags of held-out sentences are not finite")
        paths = viterbi(chain, emissions, lengths)[0].T
        inside = np.arange(paths.shape[1]) < lengths[:, None]
        places = sentences.offsets[chosen][:, None] + np.arange(paths.shape[1])
        found[places[inside]] = paths[inside]
    return found
