"""Hyper-parameters shared by the neural language models, each declared once, in its group.

A component includes the groups that apply to it; ``docs/neural-options.md`` is the resulting table
of option × model. This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

from nlmkit.core.parameters import Needs, above, param, value_of
from nlmkit.language_models.neural.shorthands import RATES, rates_of_dropout
from nlmkit.training.options import OptimizationOptions

__all__ = [
    "ArchitectureOptions",
    "FeedForwardModelOptions",
    "FeedForwardOptions",
    "ForgetGateOptions",
    "NetworkOptions",
    "OptimizationOptions",
    "RecurrentModelOptions",
    "RecurrentOptions",
    "RegularizationOptions",
    "chosen_softmax",
]


@dataclasses.dataclass(kw_only=True)
class ArchitectureOptions:
    """Options of sizes and output layer."""

    embedding: int = param(256, ge=1, le=65536, help="width of the word vectors")
    hidden: int = param(512, ge=1, le=65536, help="width of the hidden layer or layers")
    tied: bool = param(True, help="share the input vectors with the output layer (Press & Wolf 2017; Inan et al. 2017)")
    softmax: str = param(
        "auto",
        choices=("auto", "full", "adaptive", "class-factored", "sampled"),
        help="output layer; sampled trains on samples only, but scores are always normalised over all words; "
        "auto: adaptive above twice softmax_head words, else full",
    )
    softmax_head: int = param(
        2000,
        ge=1,
        help="number of words in the first cluster of softmax=adaptive",
        needs=value_of("softmax", "adaptive", "auto"),
    )
    softmax_classes: int | None = param(
        None,
        ge=2,
        help="number of classes of softmax=class-factored; none: √V",
        needs=value_of("softmax", "class-factored"),
    )
    softmax_samples: int = param(
        512,
        ge=1,
        help="mean number of words drawn per step for softmax=sampled",
        needs=Needs(
            "softmax=sampled and full_after above 0",
            lambda model: model.softmax == "sampled" and model.full_after > 0,
        ),
    )
    full_after: float = param(
        1.0,
        ge=0,
        le=1,
        help="share of the steps after which softmax=sampled trains on all words; 1: never",
        later=True,
        needs=value_of("softmax", "sampled"),
    )
    projection: str = param(
        "auto",
        choices=("auto", "linear", "last-layer", "none"),
        help="map from width hidden to width embedding: a linear layer, a last recurrent layer of that width, or none; "
        "auto: linear if tied and the widths differ",
    )
    unknown_rate: float = param(
        0.1, ge=0, le=1, help="share of once-seen training words read as <unk>, if the text has no <unk>"
    )
    seed: int = param(1, ge=0, le=2**63 - 1, help="seed of initialization, masks and order")


class NetworkOptions(Protocol):
    """Options of a component from which the network around any body is built.

    ``ArchitectureOptions`` and ``RegularizationOptions`` declare them.
    """

    embedding: int
    tied: bool
    softmax: str
    softmax_head: int
    softmax_classes: int | None
    softmax_samples: int
    projection: str
    dropout_input: float
    dropout_output: float
    dropout_embedding: float
    locked: bool
    l1: float
    label_smoothing: float


def chosen_softmax(options: NetworkOptions, words: int) -> str:
    """Return the output layer that ``softmax`` selects for a vocabulary size; ``label_smoothing`` needs ``full``."""
    if options.softmax != "auto":
        return options.softmax
    large = words > 2 * options.softmax_head and not options.label_smoothing
    return "adaptive" if large else "full"


@dataclasses.dataclass(kw_only=True)
class RecurrentOptions:
    """Options of recurrent models."""

    layers: int = param(1, ge=1, le=16, help="number of stacked recurrent layers")
    layer_norm: bool = param(
        False,
        help="layer normalization of each layer's output only; Ba et al. 2016 normalize the sums within the cell",
    )
    dropout_hidden: float = param(
        0.0,
        ge=0,
        lt=1,
        help="dropout between recurrent layers",
        needs=Needs("layers=2 or more: it applies between layers", lambda model: model.layers > 1),
    )
    dropout_recurrent: float = param(
        0.0,
        ge=0,
        lt=1,
        help="dropout on the hidden state from step to step, with one mask for all steps (Gal & Ghahramani 2016)",
    )
    weight_drop: float = param(0.0, ge=0, lt=1, help="DropConnect on the recurrent weights (Merity et al. 2018)")
    zoneout: float = param(
        0.0, ge=0, lt=1, help="probability that a state unit keeps its previous value (Krueger et al. 2017)"
    )
    ar: float = param(0.0, ge=0, help="activation regularization: factor of the mean square of the outputs")
    tar: float = param(
        0.0,
        ge=0,
        help="temporal activation regularization: factor of the mean square of their change",
        needs=Needs(
            "bptt=2 or more: it compares adjacent steps of a window",
            lambda model: model.bptt > 1 or model.bptt_random,
        ),
    )
    bptt: int = param(35, ge=1, le=100000, help="steps of truncated back-propagation through time")
    bptt_random: bool = param(
        False, help="draw each length from N(bptt, 5), with bptt halved in 5% of cases (Merity et al. 2018)"
    )
    state_reset: float = param(0.0, ge=0, le=1, help="probability per window of starting from the zero state")
    direction: str = param(
        "forward",
        choices=("forward", "backward"),
        help="backward: a model of the reversed text, which reads each sentence from its last word to its first",
        later=True,
    )


@dataclasses.dataclass(kw_only=True)
class ForgetGateOptions:
    """Options of the LSTM."""

    forget_bias: float = param(
        1.0,
        help="initial bias of the forget gate (Gers et al. 2000; Jozefowicz et al. 2015)",
        needs=Needs(
            "start_from=None: with start_from, biases are initialized from that model",
            lambda model: model.start_from is None,
        ),
    )


@dataclasses.dataclass(kw_only=True)
class FeedForwardOptions:
    """Options of the feed-forward model."""

    order: int = param(5, ge=2, le=1024, help="order of the n-grams: the context has order-1 words")
    direct: bool = param(False, help="direct connections from the vectors to the output (Bengio et al. 2003)")


@dataclasses.dataclass(kw_only=True)
class RegularizationOptions:
    """Options of regularization."""

    dropout: float | None = param(
        None,
        ge=0,
        lt=1,
        help="common value of dropout_input, dropout_output and, between layers, dropout_hidden, unless set separately",
        needs=Needs(
            "dropout_input, dropout_output or, between layers, dropout_hidden not to be set",
            lambda model: any(getattr(model, rate) == model.dropout for rate in rates_of_dropout(model)),
        ),
    )
    dropout_input: float = param(0.0, ge=0, lt=1, help="dropout on the word vectors")
    dropout_output: float = param(0.0, ge=0, lt=1, help="dropout before the output layer")
    dropout_embedding: float = param(
        0.0, ge=0, lt=1, help="dropout of whole words of the embedding (Gal & Ghahramani 2016)"
    )
    locked: bool = param(
        True,
        help="one dropout mask for all time steps (variational) instead of one per step",
        needs=Needs(
            "a dropout rate above 0",
            lambda model: any(getattr(model, rate, 0) > 0 for rate in RATES),
        ),
    )
    l1: float = param(0.0, ge=0, help="L1 penalty on all weights except biases")
    weight_decay: float = param(0.0, ge=0, help="L2 weight decay, decoupled with adamw (Loshchilov & Hutter 2019)")
    label_smoothing: float = param(
        0.0,
        ge=0,
        lt=1,
        help="share of the target spread over all words; biases perplexity",
        needs=Needs(
            "softmax=full, the only one that computes every word's probability in training",
            lambda model: model.softmax in ("full", "auto"),
        ),
    )
    partial_shuffle: bool = param(
        False,
        help="rotate each column of the training text by a random offset per epoch (Press 2019)",
        later=True,
    )
    noising: float = param(0.0, ge=0, lt=1, help="data noising rate γ (Xie et al. 2017)")
    noising_scheme: str = param(
        "unigram",
        choices=("blank", "unigram", "kneser-ney"),
        help="words inserted by noising",
        needs=above("noising", 0),
    )


@dataclasses.dataclass(kw_only=True)
class RecurrentModelOptions(OptimizationOptions, RegularizationOptions, RecurrentOptions, ArchitectureOptions):
    """All options of a recurrent language model; the LSTM adds ``ForgetGateOptions``."""


@dataclasses.dataclass(kw_only=True)
class FeedForwardModelOptions(OptimizationOptions, RegularizationOptions, FeedForwardOptions, ArchitectureOptions):
    """All options of a feed-forward language model."""
