"""Hyper-parameters of neural sequence-to-sequence models, by group.

This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from nlmkit.core.parameters import Needs, given, param, value_of
from nlmkit.core.presets import redeclared
from nlmkit.language_models.base import LanguageModel
from nlmkit.representations.base import Representation
from nlmkit.training.options import PLAIN_OPTIMIZERS, OptimizationOptions

_OOV: Final = ("uniform", "mean-rare", "zero", "error")
_TUNE: Final = ("fine-tune", "frozen")


@dataclasses.dataclass(kw_only=True)
class TargetWordOptions:
    """Options of the vectors of target words: random, or those of a representation."""

    embedding: int = param(
        256, ge=1, le=65536, help="width of random word vectors, and of the features that the output layer reads"
    )
    target_representation: str | Representation | None = param(
        None, help="initial vectors of target words: a fitted representation, its folder, or one to fit on the targets"
    )
    target_tune: str = param(
        "fine-tune",
        choices=_TUNE,
        help="whether the vectors of target_representation are trained; frozen ones are not tied to the output",
        needs=given("target_representation"),
    )
    target_oov: str = param(
        "uniform",
        choices=_OOV,
        help="initial vectors of target words that target_representation lacks",
        needs=given("target_representation"),
    )
    unknown_rate: float = param(
        0.1,
        ge=0,
        le=1,
        help="probability with which a once-seen word is read and predicted as <unk> in training, drawn again in each "
        "epoch; without effect on a side whose training text contains <unk>",
    )


@dataclasses.dataclass(kw_only=True)
class SourceWordOptions:
    """Options of the vectors of source words: random, or those of a representation."""

    source_representation: str | Representation | None = param(
        None, help="initial vectors of source words: a fitted representation, its folder, or one to fit on the sources"
    )
    source_tune: str = param(
        "fine-tune",
        choices=_TUNE,
        help="whether the vectors of source_representation are trained",
        needs=given("source_representation"),
    )
    source_oov: str = param(
        "uniform",
        choices=_OOV,
        help="initial vectors of source words that source_representation lacks",
        needs=given("source_representation"),
    )


@dataclasses.dataclass(kw_only=True)
class DecoderOptions:
    """Options of the recurrent decoder."""

    decoder: str = param("lstm", choices=("lstm", "gru"), help="recurrent layers of the decoder")
    hidden: int = param(512, ge=1, le=65536, help="units of a recurrent layer of the decoder")
    layers: int = param(1, ge=1, le=16, help="number of stacked recurrent layers of the decoder")
    decoder_language_model: str | LanguageModel | None = param(
        None,
        help="fitted lstm or gru language model of the targets, or its folder, whose word vectors, recurrent layers "
        "and output layer the decoder starts from; its sizes must be those set here",
    )
    dropout_input: float = param(0.3, ge=0, lt=1, help="dropout on the vectors of target words")
    dropout_hidden: float = param(
        0.3,
        ge=0,
        lt=1,
        help="dropout between the layers of the decoder",
        needs=Needs("layers=2 or more, since it applies between layers", lambda model: model.layers > 1),
    )
    dropout_output: float = param(0.3, ge=0, lt=1, help="dropout on the features that the output layer reads")
    locked: bool = param(
        True,
        help="dropout of the decoder: one mask for all time steps (Gal & Ghahramani 2016) instead of one per step",
        needs=Needs(
            "a rate of dropout of the decoder above 0",
            lambda model: any((model.dropout_input, model.dropout_hidden, model.dropout_output)),
        ),
    )


@dataclasses.dataclass(kw_only=True)
class TrainingOptions:
    """Options of training, and of the choice of the weights that are kept."""

    optimizer: str = redeclared(OptimizationOptions, "optimizer", choices=PLAIN_OPTIMIZERS, help="update rule")
    lr: float = redeclared(OptimizationOptions, "lr", default=0.003)
    schedule: str = redeclared(OptimizationOptions, "schedule", default="one-cycle")
    warmup: float = redeclared(OptimizationOptions, "warmup")
    decay: float = redeclared(OptimizationOptions, "decay", default=0.5)
    epochs: int | None = param(
        None,
        ge=1,
        le=100000,
        help="passes over the training pairs (--budget overrides); none: 10, or up to 30 to make 1,000 steps",
    )
    batch: int | None = param(
        None,
        ge=1,
        le=65536,
        help="target events per step, words and one </s> per pair; none: 1,500, or a fiftieth of all if that is "
        "less, but at least 100",
    )
    sort_within: int = param(
        20, ge=1, le=100000, help="number of batches whose pairs are sorted by length together; 1: random batches"
    )
    clip_norm: float | None = redeclared(OptimizationOptions, "clip_norm", default=1.0)
    weight_decay: float = param(0.0, ge=0, help="L2 weight decay, decoupled with adamw; not applied to biases")
    label_smoothing: float = param(
        0.1,
        ge=0,
        lt=1,
        help="share ε of the target spread evenly over all V words that can be predicted, the target included "
        "(Szegedy et al. 2016)",
    )
    averaging: str = redeclared(OptimizationOptions, "averaging", default="ema", choices=("none", "ema"))
    ema_decay: float = redeclared(OptimizationOptions, "ema_decay", default=0.998)
    patience: int | None = redeclared(
        OptimizationOptions, "patience", help="stop after this many epochs without improvement on held-out pairs"
    )
    seed: int = param(1, ge=0, le=2**63 - 1, help="seed of initialization, masks and order")


_ADDITIVE: Final = ("luong-concat", "bahdanau")


@dataclasses.dataclass(kw_only=True)
class EncoderDecoderOptions:
    """Options of the encoder, and of what joins it to the decoder."""

    encoder: str = param("lstm", choices=("lstm", "gru"), help="recurrent layers of the encoder")
    encoder_hidden: int = param(256, ge=1, le=65536, help="units of a recurrent layer of the encoder, per direction")
    encoder_layers: int = param(1, ge=1, le=16, help="number of stacked recurrent layers of the encoder")
    bidirectional: bool = param(True, help="read the source in both directions")
    attention_type: str = param(
        "luong-general",
        choices=("luong-dot", "luong-general", "luong-concat", "bahdanau", "none"),
        help="attention on the source: Luong et al. 2015 after the step of the decoder, Bahdanau et al. 2015 before it",
    )
    attention_units: int = param(
        256,
        ge=1,
        le=65536,
        help="units of the hidden layer of the attention",
        needs=value_of("attention_type", *_ADDITIVE),
    )
    input_feeding: bool = param(
        False,
        help="feed the features of a step to the next one (Luong et al. 2015), step by step",
        needs=Needs("one of Luong's attentions", lambda model: model.attention_type.startswith("luong")),
    )
    tied: str = param(
        "auto",
        choices=("auto", "none", "output", "all"),
        help="output: the vectors of target words are the weights of the output layer (Press & Wolf 2017); all: also "
        "those of source words, with the same vocabulary on both sides; auto: all where the vocabularies are the same, "
        "else output",
    )
    dropout_source: float = param(0.3, ge=0, lt=1, help="dropout on the vectors of source words, one mask per text")
    dropout_encoder: float = param(
        0.0,
        ge=0,
        lt=1,
        help="dropout on the outputs of the encoder and between its layers, one mask per text",
        needs=Needs(
            "an attention, or encoder_layers=2 or more",
            lambda model: model.attention_type != "none" or model.encoder_layers > 1,
        ),
    )
