"""Feed-forward neural language model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nlmkit.core.presets import FEED_FORWARD, preset_param, with_default
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.options import FeedForwardModelOptions, OptimizationOptions, RegularizationOptions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


@dataclasses.dataclass(kw_only=True)
class NNLM(FeedForwardModelOptions, NeuralLanguageModel):
    r"""Feed-forward neural n-gram model (Bengio et al. 2003).

    The concatenated vectors of the last n−1 words are the input of one hidden layer::

        x = (E_{w_{t−n+1}}, …, E_{w_{t−1}})         vectors of the context, nearest last
        h = tanh(H x + d)                           hidden layer
        p(w | context) = softmax_w(E' P h + b)      P projects to the width of the vectors, E' = E if tied

    With ``direct`` the vectors are also connected directly to the output: Bengio's W x, or, with tied vectors, W
    factored as E' D. The context before the first word of a text is ``</s>``. In context ``stream`` the words
    before a ``</s>`` are part of the context, in ``sentence`` they are not.

    Example:
        >>> lm = NNLM(order=3, hidden=16, embedding=8, epochs=2, batch=2).fit([["the", "cat"], ["the", "dog", "sat"]])
        >>> lm.next_log_probs(lm.start()).shape
        (7,)
    """

    name = "nnlm"
    budget_family = "nnlm"
    presets = FEED_FORWARD

    preset: str = preset_param(FEED_FORWARD)
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.3)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.5)
    locked: bool = with_default(RegularizationOptions, "locked", False)
    lr: float = with_default(OptimizationOptions, "lr", 0.003)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.language_models.neural.module import feedforward_module

        return feedforward_module(self, counts, generator)
