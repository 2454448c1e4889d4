"""GRU language model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.presets import SIZES, preset_param, with_default
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.options import RecurrentModelOptions, RegularizationOptions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


@dataclasses.dataclass(kw_only=True)
class GRU(RecurrentModelOptions, NeuralLanguageModel):
    r"""Gated recurrent unit language model (Cho et al. 2014; Chung et al. 2014).

    A layer reads the vector x\ :sub:`t` of a word (or the output of the layer below) and its own previous output
    h\ :sub:`t−1`; σ is the logistic function, ⊙ the product entry by entry::

        r_t = σ(W_r x_t + U_r h_{t−1} + b_r)             reset gate
        z_t = σ(W_z x_t + U_z h_{t−1} + b_z)             update gate
        n_t = tanh(W_n x_t + r_t ⊙ (U_n h_{t−1}) + b_n)  candidate
        h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ n_t            hidden state

        p(w | history) = softmax_w(E' P h_t + b)         P projects to the width of the vectors, E' = E if tied

    The reset gate acts after the product with U_n, as in cuDNN and torch. A layer of h units over d inputs has
    3(h(d + h) + h) parameters, three quarters of an LSTM's.

    Example:
        >>> lm = GRU(hidden=16, embedding=8, epochs=2, batch=2).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> sorted(lm.inspect("the cat").layers[0])
        ['candidate', 'hidden', 'reset', 'update']
    """

    name = "gru"
    budget_family = "gru"
    presets = SIZES

    preset: str = preset_param(SIZES)
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.4)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.4)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.language_models.neural.module import recurrent_module

        return recurrent_module("gru", self, counts, generator)
