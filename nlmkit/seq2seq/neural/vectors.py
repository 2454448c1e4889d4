"""Word vectors of one side of a sequence-to-sequence model: random, or those of a representation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from nlmkit.language_models.neural.input_vectors import InputOptions, InputVectors, input_vectors
from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.row_order import WordOrder

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.text import Corpus, Vocabulary


def side_vectors(
    options: Any, side: str, corpus: Corpus, vocabulary: Vocabulary, run: RunOptions
) -> InputVectors | None:
    """Return the initial vectors of a side's words; None without a representation.

    Args:
        options: Component with ``SIDE_representation``, ``SIDE_tune``, ``SIDE_oov`` and ``seed``.
        side: ``source`` or ``target``.
        corpus: The training text of that side, on which an unfitted representation is fitted.
        vocabulary: Vocabulary of that side.
        run: Receives progress.

    Raises:
        HyperParameterError: It is not a representation, or is unfitted and does not train on text.
        DataError: A word has no vector, with ``oov=error``; or no word has one, with ``tune=frozen``.
        SavedModelError: Its folder cannot be read.
    """
    given = InputOptions(
        representation=getattr(options, f"{side}_representation"),
        tune=getattr(options, f"{side}_tune"),
        oov=getattr(options, f"{side}_oov"),
    )
    return input_vectors(given, corpus, vocabulary, run, seed=options.seed)


def put_vectors(words: WordVectors, found: InputVectors | None, *, trained: bool) -> None:
    """Set vectors of a representation, if there are any, and whether they are trained."""
    if found is not None and found.matrix is not None:
        with torch.no_grad():
            words.weight[words.rank] = torch.from_numpy(found.matrix).to(words.weight)
    words.weight.requires_grad_(trained)


def new_words(vocabulary: Vocabulary, width: int, generator: torch.Generator) -> WordVectors:
    """Return random vectors of the words of a vocabulary."""
    return WordVectors(WordOrder.by_frequency(vocabulary.counts), width, generator)
