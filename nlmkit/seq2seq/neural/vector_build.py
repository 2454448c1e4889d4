"""Building of the network of a vector-decoder from its hyper-parameters and vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from nlmkit.layers.masks import Dropout
from nlmkit.seq2seq.neural.build import target_output
from nlmkit.seq2seq.neural.encoder_decoder_module import stack_widths
from nlmkit.seq2seq.neural.language_model_start import copy_language_model
from nlmkit.seq2seq.neural.readout import Readout
from nlmkit.seq2seq.neural.vector_input import VectorInput
from nlmkit.seq2seq.neural.vector_layers import FedLayers, StartedLayers, told_layers
from nlmkit.seq2seq.neural.vector_module import ReadingWeights, VectorModule
from nlmkit.seq2seq.neural.vectors import new_words

if TYPE_CHECKING:
    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.options import DecoderOptions
    from nlmkit.seq2seq.neural.settings import Widths
    from nlmkit.seq2seq.neural.vector_options import VectorOptions
    from nlmkit.text import Vocabulary


def vector_module(
    options: VectorOptions,
    of_decoder: DecoderOptions,
    targets: Vocabulary,
    widths: Widths,
    *,
    tied: bool,
    generator: torch.Generator,
) -> VectorModule:
    """Build the untrained network.

    Args:
        options: Hyper-parameters of the vector.
        of_decoder: Hyper-parameters of the decoder.
        targets: Vocabulary of targets.
        widths: Dimension of the vectors, and width of the word vectors.
        tied: Whether the vectors of target words are the weights of the output layer.
        generator: Source of the initial weights.
    """
    inputs = VectorInput(
        widths.source,
        generator,
        scaling=options.vector_scaling,
        projection=options.vector_projection,
        dropout=options.dropout_vector,
    )
    words = new_words(targets, widths.target, generator)
    layers = told_layers(
        options.condition,
        of_decoder.decoder,
        stack_widths(words.width, of_decoder.hidden, of_decoder.layers),
        inputs.width,
        generator,
        dropout_hidden=of_decoder.dropout_hidden if of_decoder.layers > 1 else 0.0,
        locked=of_decoder.locked,
    )
    readout = Readout(layers.width, 0, words.width, generator, linear=of_decoder.decoder_language_model is not None)
    gated = options.condition == "sc-gate" and (options.unread > 0 or options.eta > 0)
    return VectorModule(
        inputs,
        words,
        layers,
        readout,
        target_output(words, targets, readout.width, generator, tied=tied),
        generator=generator,
        dropout_input=Dropout(of_decoder.dropout_input, locked=of_decoder.locked),
        dropout_output=Dropout(of_decoder.dropout_output, locked=of_decoder.locked),
        reading=ReadingWeights(options.unread, options.eta, options.xi) if gated else None,
    )


def started_from_language_model(
    module: ConditionalModule, lm: NeuralLanguageModel, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Copy a language model into the decoder, which has no part of the vector until training changes it."""
    network = cast("VectorModule", module)
    layers = cast("StartedLayers | FedLayers", network.layers)
    found = copy_language_model(lm, vocabulary, module, layers.stack, network.readout)
    if isinstance(layers, StartedLayers):
        for weight in (layers.bridge.weight, layers.bridge.bias):
            nn.init.zeros_(weight)
    return found
