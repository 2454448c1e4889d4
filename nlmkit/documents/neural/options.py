"""Hyper-parameters shared by the neural models of texts, each declared once, in its group.

This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from nlmkit.core.parameters import Needs, above, given, param, value_of
from nlmkit.core.presets import NONE, redeclared
from nlmkit.language_models.base import LanguageModel
from nlmkit.representations.base import Representation
from nlmkit.training.options import OptimizationOptions

OPERATIONS: Final = ("swap", "deletion", "insertion", "replacement")
"""Augmentation operations; the last two need vectors."""


@dataclasses.dataclass(kw_only=True)
class InputOptions:
    """Options of the input layer: random vectors, or those of a representation."""

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
        300,
        ge=1,
        le=65536,
        help="width of random vectors; those of a representation or language model keep their width",
    )
    embedding_range: float = param(0.25, gt=0, le=10, help="random vectors are uniform in ± this value (Kim 2014)")
    unknown_rate: float = param(
        0.1, ge=0, le=1, help="share of once-seen training words read as <unk>, drawn again in each epoch"
    )
    dropout_input: float = param(0.0, ge=0, lt=1, help="dropout on the word vectors")
    dropout_word: float = param(
        0.0, ge=0, lt=1, help="dropout of whole words: the entire vector at one position of a text"
    )
    max_length: int | None = param(
        32768, ge=1, help="number of tokens after which a text is truncated; none: no limit", later=True
    )


@dataclasses.dataclass(kw_only=True)
class TrainingOptions:
    """Options of training, and of the choice of the weights that are kept."""

    optimizer: str = redeclared(
        OptimizationOptions,
        "optimizer",
        choices=("adadelta", "adamw", "adam", "sgd", "rmsprop", "adagrad"),
        help="update rule; adadelta has ρ .95 (Zeiler 2012)",
    )
    lr: float = redeclared(
        OptimizationOptions, "lr", default=0.001, help="learning rate; the maximum if a schedule changes it"
    )
    schedule: str = redeclared(
        OptimizationOptions,
        "schedule",
        default="constant",
        choices=("constant", "plateau", "one-cycle", "cosine", "slanted-triangular"),
    )
    warmup: float = redeclared(
        OptimizationOptions,
        "warmup",
        help="share of the steps in which the rate increases, for one-cycle, cosine and slanted-triangular",
        needs=value_of("schedule", "one-cycle", "cosine", "slanted-triangular"),
    )
    decay: float = redeclared(OptimizationOptions, "decay", default=0.5)
    epochs: int = redeclared(
        OptimizationOptions, "epochs", default=12, help="passes over the training texts (--budget overrides)"
    )
    batch: int = redeclared(OptimizationOptions, "batch", default=50, help="texts per step")
    sort_within: int = param(
        20, ge=1, le=100000, help="number of batches whose texts are sorted by length together; 1: random batches"
    )
    clip_norm: float | None = redeclared(OptimizationOptions, "clip_norm", default=None)
    weight_decay: float = param(0.0, ge=0, help="L2 weight decay, decoupled with adamw; not applied to biases")
    dropout: float = param(0.5, ge=0, lt=1, help="dropout before the last layer")
    max_norm: float | None = param(
        None, gt=0, help="maximum norm of the weights of an output, clipped after each step (Hinton et al. 2012)"
    )
    averaging: str = redeclared(OptimizationOptions, "averaging", default="ema", choices=("none", "ema"))
    ema_decay: float = redeclared(OptimizationOptions, "ema_decay", default=0.998)
    valid_share: float = param(
        0.1,
        ge=0,
        lt=1,
        help="share of the training texts held out to choose the best epoch, if no held-out texts are given",
    )
    patience: int | None = redeclared(
        OptimizationOptions, "patience", help="stop after this many epochs without improvement on held-out texts"
    )
    seed: int = param(
        1, ge=0, le=2**63 - 1, help="seed of initialization, masks, order, held-out texts and augmentation"
    )


@dataclasses.dataclass(kw_only=True)
class AugmentationOptions:
    """Altered copies of the training texts; see ``nlmkit.documents.neural.augmentation``."""

    augment: int = param(0, ge=0, le=1000, help="number of altered copies per training text (Wei & Zou 2019)")
    augment_rate: float = param(
        0.1, gt=0, le=1, help="share of a text's words that an operation changes", needs=above("augment", 0)
    )
    augment_operations: tuple[str, ...] = param(
        OPERATIONS,
        help="operations, one of them per copy: swap, deletion; with vectors also insertion, replacement",
        needs=above("augment", 0),
    )
    augment_vectors: str | Representation | None = param(
        None,
        help="representation whose nearest words serve as synonyms; none: that of the input layer",
        needs=above("augment", 0),
    )


@dataclasses.dataclass(kw_only=True)
class AdversarialOptions:
    """Losses at the worst small shifts of the word vectors; see ``nlmkit.documents.neural.adversarial``."""

    adversarial: float = param(
        0.0,
        ge=0,
        help="weight of the loss at the shift that raises it most (Miyato et al. 2017: 1); a step takes 2 to 3 times "
        "as long",
        later=True,
    )
    virtual_adversarial: float = param(
        0.0,
        ge=0,
        help="weight of the change of the prediction by the shift that changes it most (Miyato et al. 2017: 1)",
        later=True,
    )
    adversarial_norm: float = param(
        0.25,
        gt=0,
        help="norm of these shifts over all words of a text, per square root of their number, of vectors with variance "
        "1 in each dimension (5 for 400 words is 0.25)",
        later=True,
        needs=Needs(
            "adversarial or virtual_adversarial above 0",
            lambda model: model.adversarial > 0 or model.virtual_adversarial > 0,
        ),
    )
    unlabelled: str | None = param(
        None,
        help="file, or corpus:NAME, of texts without labels, one per line, for virtual_adversarial: as many per step "
        "as labelled ones",
        later=True,
        needs=above("virtual_adversarial", 0),
    )


@dataclasses.dataclass(kw_only=True)
class ConvolutionOptions:
    """Options of filters over windows of words."""

    widths: tuple[int, ...] = param((3, 4, 5), ge=1, le=1024, help="widths of the filters, in words")
    maps: int = param(100, ge=1, le=65536, help="number of filters per width")
    padding: int = param(
        4, ge=0, le=1024, help="number of padding positions before a text; padding after it is unlimited"
    )
    pointwise: int = param(
        0,
        ge=0,
        le=16,
        help="number of 1×1 layers between filters and maximum, of as many units as maps (Lin et al. 2014)",
        later=True,
    )
    initialisation: str = param(
        "glorot", choices=("glorot", "kim"), help="kim: filters uniform in ±.01, last layer zero, as in Kim's code"
    )


BETWEEN_LAYERS: Final = Needs("layers=2 or more, since it applies between layers", lambda model: model.layers > 1)


@dataclasses.dataclass(kw_only=True)
class StackOptions:
    """Options of recurrent layers over the words; each component declares their sizes."""

    dropout_hidden: float = param(0.0, ge=0, lt=1, help="dropout between recurrent layers", needs=BETWEEN_LAYERS)
    weight_drop: float = param(0.0, ge=0, lt=1, help="DropConnect on the recurrent weights (Merity et al. 2018)")
    forget_bias: float = param(1.0, help="initial bias of the forget gate")


@dataclasses.dataclass(kw_only=True)
class TransferOptions:
    """Options of the language model to start from; see ``nlmkit.documents.neural.transfer``."""

    start_from: str | LanguageModel | tuple[str | LanguageModel, ...] | None = param(
        None,
        help="fitted lstm language model, or its folder, whose vectors and layers initialize the network; "
        "a list of two: a forward and a backward one, of which both are read",
    )
    lm_epochs: int = param(
        0,
        ge=0,
        le=100000,
        help="epochs of tuning the language model on these texts first; with --budget, half of the budget",
        needs=given("start_from"),
    )
    lm_lr: float | None = param(
        None,
        gt=0,
        help="maximum learning rate of that tuning; none: a quarter of the rate it was fitted with",
        needs=Needs("lm_epochs=1 or more", lambda model: model.lm_epochs > 0),
    )
    unfreeze: str = param(
        "all",
        choices=("all", "gradual", "none"),
        help="parts trained in addition to the last layer; gradual: one more layer per epoch (Howard & Ruder 2018)",
        needs=given("start_from"),
    )
    layer_rate: float = param(
        1.0, ge=1, le=1000, help="ratio of the learning rates of a layer and of the layer below (2.6 in ULMFiT)"
    )


KIM: Final = {
    "embedding": 300,
    "embedding_range": 0.25,
    "unknown_rate": 0.0,
    "dropout_input": 0.0,
    "dropout_word": 0.0,
    "widths": (3, 4, 5),
    "maps": 100,
    "padding": 4,
    "initialisation": "kim",
    "optimizer": "adadelta",
    "lr": 1.0,
    "schedule": "constant",
    "epochs": 25,
    "batch": 50,
    "sort_within": 1,
    "clip_norm": None,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "dropout": 0.5,
    "max_norm": 3.0,
    "averaging": "none",
    "valid_share": 0.1,
    "patience": None,
    "oov": "uniform",
}
"""Kim 2014, "Convolutional Neural Networks for Sentence Classification", and the code published with it."""

ULMFIT: Final = {
    "lm_epochs": 15,
    "unfreeze": "gradual",
    "layer_rate": 2.6,
    "pooling": "concat",
    "dense": 50,
    "dropout": 0.4,
    "dropout_input": 0.4,
    "dropout_word": 0.05,
    "weight_drop": 0.5,
    "optimizer": "adamw",
    "lr": 0.01,
    "schedule": "slanted-triangular",
    "warmup": 0.1,
    "batch": 64,
    "averaging": "none",
}
"""Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification"."""

LSTM_PRESETS: Final = {NONE: {}, "ulmfit": ULMFIT}

CNN_PRESETS: Final = {NONE: {}, "kim": KIM}
