"""LSTM language model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.presets import RECIPES, preset_param, with_default
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.options import ForgetGateOptions, RecurrentModelOptions, RegularizationOptions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


@dataclasses.dataclass(kw_only=True)
class LSTM(ForgetGateOptions, RecurrentModelOptions, NeuralLanguageModel):
    r"""Long short-term memory language model (Hochreiter & Schmidhuber 1997; Sundermeyer et al. 2012).

    A layer reads the vector x\ :sub:`t` of a word (or the output of the layer below), its own previous output
    h\ :sub:`t−1` and its cell c\ :sub:`t−1`; σ is the logistic function, ⊙ the product entry by entry::

        i_t = σ(W_i x_t + U_i h_{t−1} + b_i)       input gate
        f_t = σ(W_f x_t + U_f h_{t−1} + b_f)       forget gate (Gers et al. 2000); b_f is initially forget_bias
        g_t = tanh(W_g x_t + U_g h_{t−1} + b_g)    candidate
        o_t = σ(W_o x_t + U_o h_{t−1} + b_o)       output gate
        c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t            cell
        h_t = o_t ⊙ tanh(c_t)                      hidden state

        p(w | history) = softmax_w(E' P h_t + b)   P projects to the width of the vectors, E' = E if tied

    Only ⊙ f_t acts on the previous cell, so that gradients need not vanish with distance as in a plain recurrent
    network: ``inspect`` shows both. A layer of h units over d inputs has 4(h(d + h) + h) parameters.

    The default is one layer of 512 over tied vectors of 256 with locked dropout 0.35 before and after it, trained for
    ten epochs with AdamW on a one-cycle schedule. ``nlmkit.core.presets`` lists published settings.

    Example:
        >>> lm = LSTM(hidden=16, embedding=8, epochs=2, batch=2).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> lm.inspect("the cat").layers[0]["forget"].shape
        (3, 16)
    """

    name = "lstm"
    budget_family = "lstm"
    presets = RECIPES

    preset: str = preset_param(RECIPES)
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.35)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.35)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.language_models.neural.module import recurrent_module

        return recurrent_module("lstm", self, counts, generator, forget_bias=self.forget_bias)
