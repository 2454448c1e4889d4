"""LSTM regressor."""

from __future__ import annotations

import dataclasses

from nlmkit.documents.neural.recurrent import RecurrentTextModel
from nlmkit.regressors.neural.base import NeuralRegressor


@dataclasses.dataclass(kw_only=True)
class LSTMRegressor(RecurrentTextModel, NeuralRegressor):
    """LSTM over the words, pooled over time, with a linear output.

    The network is that of ``LSTMClassifier`` with one output and
    the same options, including ``start_from``.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> stars = [9, 8, 2, 1] * 5
        >>> model = LSTMRegressor(embedding=16, hidden=16, epochs=30, batch=4, lr=0.01).fit(texts, stars)
        >>> bool(model.predict(["a fine film"])[0] > model.predict(["a dull film"])[0])
        True
    """

    name = "lstm-regressor"
