"""Hypotheses of a neural language model for search: ``NeuralRows``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nlmkit.language_models.neural.scoring import device_of, forward, scoring
from nlmkit.text.vocabulary import EOS_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


class NeuralRows:
    """Hypotheses of a network, read as one batch.

    Args:
        module: The network.
        state: Its state after the words read, with one column per hypothesis.
        features: Input of the output layer for the next events: float32 [rows, d].
    """

    def __init__(self, module: LanguageModule, state: tuple[torch.Tensor, ...], features: torch.Tensor) -> None:
        self._module, self._state, self._features = module, state, features

    @classmethod
    def start(cls, module: LanguageModule, count: int) -> NeuralRows:
        """Return the beginnings of texts: the zero state after reading ``</s>``."""
        return cls._read(module, module.initial_state(count), np.full(count, EOS_ID, np.int64))

    @classmethod
    def _read(cls, module: LanguageModule, state: tuple[torch.Tensor, ...], ids: NDArray[np.int64]) -> NeuralRows:
        with scoring(module):
            output = forward(module, ids[None], state)
        return cls(module, output.state, output.features[0])

    def log_probs(self) -> NDArray[np.float32]:
        """Natural log-probabilities of the next event: float32 [rows, V]."""
        with scoring(self._module):
            found: NDArray[Any] = self._module.output.all_log_probs(self._features).cpu().numpy()
        return found

    def attention(self) -> None:
        """None: language models of the toolkit have no source."""
        return

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> NeuralRows:
        """Read ``ids`` after the words of ``rows``."""
        places = torch.from_numpy(rows).to(device_of(self._module))
        with scoring(self._module):
            state = tuple(tensor.index_select(1, places) for tensor in self._state)
        return self._read(self._module, state, ids)
