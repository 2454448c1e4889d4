"""Network of tree classifiers: word vectors, Tree-LSTM, and a last linear layer at every judged node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.classifiers.trees.forest import Forest, TreeBatch
from nlmkit.documents.neural.batching import scoring_batches
from nlmkit.documents.neural.module import DocumentEncoder, TextModule
from nlmkit.documents.neural.scoring import WORDS, scoring
from nlmkit.layers.tree import ChildSumTreeLSTM, NaryTreeLSTM
from nlmkit.layers.word_input import WordInput

_FLOATS_PER_UNIT: Final = 20
"""Activations kept per node and unit, with their gradients."""


class TreeEncoder(DocumentEncoder):
    """Tree-LSTM over the words of a batch of trees; the features are the hidden states of the judged nodes.

    Args:
        cell: The Tree-LSTM.
    """

    def __init__(self, cell: ChildSumTreeLSTM | NaryTreeLSTM) -> None:
        super().__init__()
        self.cell, self.width = cell, cell.hidden

    def forward(self, words: WordInput, batch: Any, generator: torch.Generator) -> Tensor:
        """Return the features of the judged nodes of a ``TreeBatch`` [B, F]; see ``DocumentEncoder``."""
        trees: TreeBatch = batch
        vectors = words(trees.ids.unsqueeze(1), generator).squeeze(1)  # each word is a row, with a mask of its own
        return cast("Tensor", self.cell(vectors, trees.levels, generator)[trees.judged])


class TreeModule(TextModule):
    """``TextModule`` over trees, with outputs for each judged node: [B, O] from a ``TreeBatch``."""

    encoder: TreeEncoder

    @property
    def floats_per_word(self) -> int:
        """Return the approximate number of activations kept per node of a batch for the gradient."""
        return 4 * self.words.width + _FLOATS_PER_UNIT * self.encoder.width


def node_outputs(
    module: TreeModule,
    forest: Forest,
    judged: NDArray[np.bool_] | None = None,
    *,
    extra: NDArray[np.float32] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> NDArray[np.float64]:
    """Return the outputs of the last layer at nodes: float64 [nodes, outputs], NaN at nodes that are not judged.

    Args:
        module: The network; it is in evaluation mode during the call.
        forest: The trees.
        judged: Mask of the nodes of which outputs are wanted: bool [nodes]; None for all.
        extra: Vectors of the ids from V on: float32 [n, d], or None.
        interrupted: Called before each batch; returns whether to stop.

    Raises:
        KeyboardInterrupt: ``interrupted`` returned True.
    """
    wanted = np.ones(len(forest.ids), np.bool_) if judged is None else judged
    found = np.full((len(forest.ids), module.outputs), np.nan)
    device = module.device
    with scoring(module, extra, WORDS):
        for chosen in scoring_batches(forest, WORDS):
            if interrupted():
                raise KeyboardInterrupt
            batch, nodes = forest.trees(chosen, judged=wanted)
            found[nodes] = module(batch.to(device)).double().cpu().numpy()
    return found
