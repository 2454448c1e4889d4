"""Word vectors of ids beyond the vocabulary."""

from __future__ import annotations

import threading

import numpy as np
import torch

from nlmkit.layers.word_input import WordInput


def test_further_vectors_are_those_of_the_thread_that_set_them() -> None:
    """A model may be used by several threads; each has words of its own that the vocabulary lacks."""
    layer, seen = WordInput(torch.ones(4, 2)).eval(), []

    def elsewhere() -> None:
        with layer.with_extra(np.full((1, 2), 7, np.float32)):
            seen.append(layer(torch.tensor([[4]]), torch.Generator()).tolist())

    with layer.with_extra(np.full((2, 2), 5, np.float32)):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        seen.append(layer(torch.tensor([[5]]), torch.Generator()).tolist())
    assert seen == [[[[7.0, 7.0]]], [[[5.0, 5.0]]]]
