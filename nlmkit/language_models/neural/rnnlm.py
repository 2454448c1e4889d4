"""Recurrent language model of Elman and Mikolov."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.presets import SIZES, preset_param, with_default
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.options import (
    ArchitectureOptions,
    OptimizationOptions,
    RecurrentModelOptions,
    RegularizationOptions,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


@dataclasses.dataclass(kw_only=True)
class RNNLM(RecurrentModelOptions, NeuralLanguageModel):
    r"""Simple recurrent language model (Elman 1990; Mikolov et al. 2010).

    A layer reads the vector x\ :sub:`t` of a word (or the output of the layer below) and its own previous output::

        h_t = tanh(W x_t + U h_{t−1} + b)         hidden state

        p(w | history) = softmax_w(E' P h_t + b)  P projects to the width of the vectors, E' = E if tied

    A gradient over k steps is multiplied k times by U and by the slope of tanh, and vanishes or explodes
    (Bengio, Simard & Frasconi 1994): ``inspect`` shows it. Mikolov's network has a logistic function instead of
    tanh; ``softmax=class-factored`` is its output layer. A layer of h units over d inputs has h(d + h) + h parameters.

    Example:
        >>> lm = RNNLM(hidden=16, embedding=8, epochs=2, batch=2).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> lm.inspect("the cat").gradient_norms["hidden"].shape
        (1, 3, 3)
    """

    name = "rnnlm"
    budget_family = "rnnlm"
    presets = SIZES

    preset: str = preset_param(SIZES)
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.3)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.3)
    # 512 units need a lower rate, with which they learn less in the same number of steps.
    hidden: int = with_default(ArchitectureOptions, "hidden", 256)
    lr: float = with_default(OptimizationOptions, "lr", 0.003)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.language_models.neural.module import recurrent_module

        return recurrent_module("rnn", self, counts, generator)
