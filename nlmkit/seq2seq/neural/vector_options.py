"""Hyper-parameters of the vector-decoder.

This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from nlmkit.core.parameters import Needs, param, value_of
from nlmkit.core.presets import redeclared
from nlmkit.seq2seq.neural.options import DecoderOptions, TargetWordOptions, TrainingOptions

_GATED: Final = value_of("condition", "sc-gate")
_PLAIN: Final = value_of("condition", "initial", "every-step")


@dataclasses.dataclass(kw_only=True)
class VectorOptions:
    """Options of the vector, and of what it is told to."""

    condition: str = param(
        "every-step",
        choices=("initial", "every-step", "sc-gate"),
        help="how the decoder is told the vector: as its first state, beside each word, or through a gate that reads "
        "it word by word (SC-LSTM, Wen et al. 2015), for attributes to be spoken once each",
    )
    vector_scaling: str = param(
        "none",
        choices=("none", "standardize", "unit"),
        help="standardize: each component has mean 0 and standard deviation 1 on the training vectors; unit: each "
        "vector has length 1",
    )
    vector_projection: int | None = param(
        None, ge=1, le=65536, help="width of a projection tanh(W v + b) of the scaled vector; none: the vector itself"
    )
    dropout_vector: float = param(0.0, ge=0, lt=1, help="dropout on the scaled vector")
    unread: float = param(
        0.1,
        ge=0,
        help="weight of ‖d_T‖, what the gate has left unread at the end of a target; 1 in the paper",
        needs=_GATED,
    )
    eta: float = param(
        1e-4, ge=0, help="weight η of Σ_t ξ^‖d_t − d_{t−1}‖, of what one word reads; 1e-4 in the paper", needs=_GATED
    )
    xi: float = param(
        100.0,
        gt=1,
        le=1e6,
        help="base ξ of that term; 100 in the paper",
        needs=Needs("condition=sc-gate and eta above 0", lambda model: model.condition == "sc-gate" and model.eta > 0),
    )
    tied: bool = param(True, help="the vectors of target words are the weights of the output layer (Press & Wolf 2017)")

    embedding: int = redeclared(TargetWordOptions, "embedding", default=128)
    decoder: str = redeclared(DecoderOptions, "decoder", needs=_PLAIN)
    hidden: int = redeclared(DecoderOptions, "hidden", default=128)
    lr: float = redeclared(TrainingOptions, "lr", default=0.005)
    batch: int | None = redeclared(TrainingOptions, "batch", default=400)
    label_smoothing: float = redeclared(TrainingOptions, "label_smoothing", default=0.0)
