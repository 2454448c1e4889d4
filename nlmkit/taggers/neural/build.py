"""Building of the network of a tagger from its hyper-parameters and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.layers.characters import CharacterCNN, CharacterEncoder, CharacterLSTM
from nlmkit.layers.crf import ConditionalRandomField, Legal
from nlmkit.layers.recurrent_encoder import RecurrentEncoder
from nlmkit.layers.word_input import WordInput
from nlmkit.taggers.neural.module import ColumnVectors, TaggerModule
from nlmkit.taggers.neural.shapes import SHAPES
from nlmkit.taggers.neural.tables import FIRST_ID, MARKS, Tables
from nlmkit.taggers.neural.words import SHAPE_FIRST

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from nlmkit.taggers.neural.options import BiLSTMOptions


def new_module(
    options: BiLSTMOptions,
    tables: Tables,
    tuned: Tensor | None,
    frozen: Tensor | None,
    *,
    characters: str,
    bigrams: bool,
    states: int,
    tags: int,
    legal: Legal,
    generator: torch.Generator,
) -> TaggerModule:
    """Build the untrained network.

    Args:
        options: Hyper-parameters.
        tables: Known characters, feature values and pairs.
        tuned: Tuned word vectors: float32 [V, d], or None.
        frozen: Frozen word vectors: float32 [V, d], or None.
        characters: Encoder of characters: ``cnn``, ``lstm`` or ``none``.
        bigrams: Whether pairs of words are read.
        states: Width of the states of language models; 0 without.
        tags: Number of tags.
        legal: Start, transitions and end that are allowed.
        generator: Source of the initial weights.
    """
    words = WordInput(tuned, frozen, dropout_word=options.dropout_word)
    width = words.width
    spelling: CharacterEncoder | None = None
    if characters != "none":
        known, size = FIRST_ID + MARKS + len(tables.characters), options.character_embedding
        if characters == "cnn":
            spelling = CharacterCNN(known, size, options.character_widths, options.character_maps, generator)
        else:
            spelling = CharacterLSTM(known, size, options.character_hidden, generator)
        width += spelling.width
    columns: list[tuple[str, ColumnVectors]] = []

    def add(name: str, values: int, size: int, count: int = 1, dropout: float = 0.0) -> None:
        first = sum(len(vectors.columns) for _, vectors in columns)
        columns.append((name, ColumnVectors(values, size, range(first, first + count), generator, dropout)))

    for number, values in enumerate(tables.features, 1):
        add(f"feature {number}", FIRST_ID + len(values), options.feature_embedding)
    if options.shape:
        add("shapes", SHAPE_FIRST + len(SHAPES), options.feature_embedding)
    if bigrams:
        add("bigrams", FIRST_ID + len(tables.pairs), options.bigram_embedding, 2, options.dropout_bigram)
    width += sum(vectors.width for _, vectors in columns) + states
    layers = RecurrentEncoder(
        "lstm",
        [width, *[options.hidden] * options.layers],
        generator,
        bidirectional=True,
        dropout_hidden=options.dropout_hidden,
        weight_drop=options.weight_drop,
    )
    return TaggerModule(
        words,
        layers,
        tags,
        generator,
        characters=spelling,
        columns=columns,
        states=states,
        crf=ConditionalRandomField(tags, legal) if options.decoder == "crf" else None,
        dropout_input=options.dropout_input,
        dropout=options.dropout,
    )
