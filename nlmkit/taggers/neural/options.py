"""Hyper-parameters of neural taggers, by group.

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


@dataclasses.dataclass(kw_only=True)
class WordOptions:
    """Options of word vectors: random, or those of a representation."""

    representation: str | Representation | None = param(
        None, help="initial word vectors: a fitted representation, its folder, or one to fit on the training text"
    )
    tune: str = param(
        "fine-tune",
        choices=("frozen", "fine-tune", "multichannel"),
        help="whether the representation's vectors are trained; multichannel: one copy of each kind (Kim 2014)",
        needs=given("representation"),
    )
    oov: str = param(
        "uniform",
        choices=("uniform", "mean-rare", "zero", "error"),
        help="initial vectors of training words that the representation lacks",
        needs=given("representation"),
    )
    embedding: int = param(
        100, ge=1, le=65536, help="width of random word vectors; those of a representation keep their width"
    )
    embedding_range: float = param(0.17, gt=0, le=10, help="random vectors are uniform in ± this value")
    lowercase: bool = param(True, help="look up word vectors in lower case; characters keep their case")
    unknown_rule: str = param(
        "frequency",
        choices=("frequency", "once-seen"),
        help="training words read as <unk>, drawn again in each epoch; frequency: a word seen n times with probability "
        "r / (r + n), r=unknown_rate (Kiperwasser & Goldberg 2016); once-seen: those with probability r; also pairs of "
        "words",
    )
    unknown_rate: float = param(0.5, ge=0, le=1, help="rate r of unknown_rule")
    dropout_word: float = param(0.0, ge=0, lt=1, help="dropout of whole word vectors; characters and features stay")


_WITH_CHARACTERS: Final = Needs("characters", lambda model: model.characters != "none")
_WITH_FILTERS: Final = Needs("characters=cnn", lambda model: model.characters in ("auto", "cnn"))
_WITH_BIGRAMS: Final = Needs("bigrams", lambda model: model.bigrams is not False)


@dataclasses.dataclass(kw_only=True)
class TokenFeatureOptions:
    """Options of what is known of a token beside its word vector."""

    characters: str = param(
        "auto",
        choices=("auto", "cnn", "lstm", "none"),
        help="encoder of the characters of a word (Ma & Hovy 2016; Lample et al. 2016); auto: cnn, but none if words "
        "are single characters",
    )
    character_embedding: int = param(30, ge=1, le=65536, help="width of character vectors", needs=_WITH_CHARACTERS)
    character_widths: tuple[int, ...] = param(
        (2, 3, 4), ge=1, le=64, help="widths of the filters over characters", needs=_WITH_FILTERS
    )
    character_maps: int = param(40, ge=1, le=65536, help="number of those filters per width", needs=_WITH_FILTERS)
    character_hidden: int = param(
        25,
        ge=1,
        le=65536,
        help="units per direction of the LSTM over characters",
        needs=value_of("characters", "lstm"),
    )
    feature_embedding: int = param(
        25, ge=1, le=65536, help="width of the vectors of each feature column, and of shapes"
    )
    shape: bool = param(False, help="use the shape of words as a feature: capitals, digits, punctuation")
    bigrams: bool | None = param(
        None, help="use vectors of the pairs with the left and the right word; none: if words are single characters"
    )
    bigram_embedding: int = param(50, ge=1, le=65536, help="width of the vectors of pairs", needs=_WITH_BIGRAMS)
    bigram_min_count: int = param(
        2, ge=1, help="minimum count of a pair; rarer pairs share a vector", needs=_WITH_BIGRAMS
    )
    dropout_bigram: float = param(0.3, ge=0, lt=1, help="dropout of whole vectors of pairs", needs=_WITH_BIGRAMS)


@dataclasses.dataclass(kw_only=True)
class LanguageModelOptions:
    """Options of language models whose states are features of tokens; see ``nlmkit.taggers.neural.language_states``."""

    language_models: tuple[str | LanguageModel, ...] = param(
        (),
        help="fitted neural language models of words (Peters et al. 2017) or characters (Akbik et al. 2018), or their "
        "folders, whose states are features",
    )


@dataclasses.dataclass(kw_only=True)
class NetworkOptions:
    """Options of the layers."""

    hidden: int = param(200, ge=1, le=65536, help="units of a recurrent layer, per direction")
    layers: int = param(1, ge=1, le=16, help="number of stacked bidirectional LSTM layers")
    dropout_input: float = param(0.5, ge=0, lt=1, help="dropout on the input of the first layer")
    dropout_hidden: float = param(
        0.0,
        ge=0,
        lt=1,
        help="dropout between layers, locked over time",
        needs=Needs("layers=2 or more, since it applies between layers", lambda model: model.layers > 1),
    )
    dropout: float = param(0.5, ge=0, lt=1, help="dropout on the output of the last layer, locked over time")
    weight_drop: float = param(0.0, ge=0, lt=1, help="DropConnect on the recurrent weights (Merity et al. 2018)")
    decoder: str = param(
        "crf",
        choices=("crf", "softmax"),
        help="crf: scores of neighbouring tags are learnt (Lafferty et al. 2001); softmax: tags are independent",
    )


@dataclasses.dataclass(kw_only=True)
class TrainingOptions:
    """Options of training, and of the choice of the weights that are kept."""

    optimizer: str = redeclared(OptimizationOptions, "optimizer", choices=PLAIN_OPTIMIZERS, help="update rule")
    lr: float = redeclared(
        OptimizationOptions, "lr", default=0.004, help="learning rate; the maximum if a schedule changes it"
    )
    schedule: str = redeclared(OptimizationOptions, "schedule", default="one-cycle")
    warmup: float = redeclared(OptimizationOptions, "warmup")
    decay: float = redeclared(OptimizationOptions, "decay", default=0.5)
    epochs: int | None = param(
        None,
        ge=1,
        le=100000,
        help="passes over the training sentences (--budget overrides); none: 8, or up to 30 to make 300 steps",
    )
    batch: int = redeclared(OptimizationOptions, "batch", default=32, help="sentences per step")
    sort_within: int = param(
        20, ge=1, le=100000, help="number of batches whose sentences are sorted by length together; 1: random batches"
    )
    clip_norm: float | None = redeclared(OptimizationOptions, "clip_norm", default=5.0)
    weight_decay: float = param(0.0, ge=0, help="L2 weight decay, decoupled with adamw; not applied to biases")
    averaging: str = redeclared(OptimizationOptions, "averaging", default="ema", choices=("none", "ema"))
    ema_decay: float = redeclared(OptimizationOptions, "ema_decay", default=0.999)
    valid_share: float = param(
        0.0,
        ge=0,
        lt=1,
        help="share of the training sentences held out to choose the best epoch, if no held-out sentences are given",
    )
    patience: int | None = redeclared(
        OptimizationOptions, "patience", help="stop after this many epochs without improvement on held-out sentences"
    )
    seed: int = param(1, ge=0, le=2**63 - 1, help="seed of initialization, masks, order and held-out sentences")


@dataclasses.dataclass(kw_only=True)
class BiLSTMOptions(TrainingOptions, NetworkOptions, LanguageModelOptions, TokenFeatureOptions, WordOptions):
    """All options of the BiLSTM tagger."""
