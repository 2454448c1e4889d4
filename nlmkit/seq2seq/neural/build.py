"""Building of the network of an encoder-decoder from its hyper-parameters and vocabularies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.masks import Dropout
from nlmkit.layers.recurrent_encoder import RecurrentEncoder
from nlmkit.layers.sequence_attention import SequenceAttention
from nlmkit.layers.softmax import FullSoftmax
from nlmkit.seq2seq.neural.attentive_decoder import AttentiveDecoder
from nlmkit.seq2seq.neural.encoder_decoder_module import Bridge, EncoderDecoderModule, number_of_states, stack_widths
from nlmkit.seq2seq.neural.language_model_start import copy_language_model
from nlmkit.seq2seq.neural.readout import Readout
from nlmkit.seq2seq.neural.vectors import new_words

if TYPE_CHECKING:
    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.options import DecoderOptions, EncoderDecoderOptions
    from nlmkit.seq2seq.neural.settings import Widths
    from nlmkit.text import Vocabulary


def encoder_decoder_module(
    options: EncoderDecoderOptions,
    of_decoder: DecoderOptions,
    sources: Vocabulary,
    targets: Vocabulary,
    widths: Widths,
    *,
    shared: bool,
    tied: bool,
    generator: torch.Generator,
) -> EncoderDecoderModule:
    """Build the untrained network.

    Args:
        options: Hyper-parameters of encoder and attention.
        of_decoder: Hyper-parameters of the decoder.
        sources: Vocabulary of sources.
        targets: Vocabulary of targets.
        widths: Widths of the word vectors.
        shared: Whether both sides have the same word vectors.
        tied: Whether the vectors of target words are the weights of the output layer.
        generator: Source of the initial weights.
    """
    words = new_words(targets, widths.target, generator)
    source_words = words if shared else new_words(sources, widths.source, generator)
    encoder = RecurrentEncoder(
        options.encoder,
        stack_widths(source_words.width, options.encoder_hidden, options.encoder_layers),
        generator,
        bidirectional=options.bidirectional,
        dropout_hidden=options.dropout_encoder,
    )
    attention = None
    if options.attention_type != "none":
        attention = SequenceAttention(
            options.attention_type, of_decoder.hidden, encoder.width, options.attention_units, generator
        )
    readout = Readout(
        of_decoder.hidden,
        0 if attention is None else encoder.width,
        words.width,
        generator,
        linear=of_decoder.decoder_language_model is not None,
    )
    decoder = AttentiveDecoder(
        of_decoder.decoder,
        stack_widths(words.width, of_decoder.hidden, of_decoder.layers),
        attention,
        encoder.width,
        readout,
        generator,
        input_feeding=options.input_feeding,
        dropout_hidden=of_decoder.dropout_hidden if of_decoder.layers > 1 else 0.0,
        locked=of_decoder.locked,
    )
    bridge = Bridge(
        encoder.width, of_decoder.hidden, number_of_states(of_decoder.decoder, of_decoder.layers), generator
    )
    return EncoderDecoderModule(
        source_words,
        words,
        encoder,
        bridge,
        decoder,
        target_output(words, targets, readout.width, generator, tied=tied),
        generator,
        dropout_source=Dropout(options.dropout_source, locked=True),
        dropout_encoder=Dropout(options.dropout_encoder, locked=True),
        dropout_input=Dropout(of_decoder.dropout_input, locked=of_decoder.locked),
        dropout_output=Dropout(of_decoder.dropout_output, locked=of_decoder.locked),
    )


def target_output(
    words: WordVectors, targets: Vocabulary, width: int, generator: torch.Generator, *, tied: bool
) -> FullSoftmax:
    """Return the output layer over the target words, from features of some width."""
    counts = words.order.sorted(targets.counts)
    return FullSoftmax(words, width, counts, generator, tied=tied)


def started_from_language_model(
    module: ConditionalModule, lm: NeuralLanguageModel, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Copy a language model into the decoder; the first state is zero until training changes it."""
    network = cast("EncoderDecoderModule", module)
    decoder = network.decoder
    found = copy_language_model(lm, vocabulary, module, decoder.stack, decoder.readout)
    for weight in (network.bridge.weight, network.bridge.bias):
        nn.init.zeros_(weight)
    return found
