"""Hyper-parameters of the hybrid language model. This module does not import torch."""

from __future__ import annotations

import dataclasses

from nlmkit.core.parameters import Needs, above, param
from nlmkit.core.presets import redeclared
from nlmkit.language_models.neural.options import (
    ForgetGateOptions,
    RecurrentModelOptions,
    RegularizationOptions,
)


@dataclasses.dataclass(kw_only=True)
class HybridOptions(ForgetGateOptions, RecurrentModelOptions):
    """Options of a recurrent language model, and of what it is mixed with."""

    cell: str = param("lstm", choices=("lstm", "gru"), help="recurrent layers")
    order: int = param(5, ge=2, le=20, help="length of the longest n-gram; distributions of all orders up to it")
    gate_units: int = param(
        64, ge=0, le=65536, help="hidden units of the network that weights the distributions; 0: a linear layer"
    )
    ngram_dropout: float = param(
        0.5, ge=0, lt=1, help="share of events for which training drops the n-grams, so that the softmax must learn"
    )
    forget_bias: float = redeclared(
        ForgetGateOptions,
        "forget_bias",
        needs=Needs(
            "cell=lstm and start_from=None: with start_from, biases are initialized from that model",
            lambda model: model.cell == "lstm" and model.start_from is None,
        ),
    )
    label_smoothing: float = redeclared(
        RegularizationOptions,
        "label_smoothing",
        needs=Needs("a model without n-grams, such as lstm: a mixture learns from the target alone", lambda _: False),
    )
    noising_scheme: str = redeclared(
        RegularizationOptions,
        "noising_scheme",
        choices=("blank", "unigram"),
        help="words inserted by noising, which the n-grams do not read",
        needs=above("noising", 0),
    )
