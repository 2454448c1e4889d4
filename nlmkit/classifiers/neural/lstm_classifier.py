"""The LSTM classifier."""

from __future__ import annotations

import dataclasses

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.documents.neural.recurrent import RecurrentTextModel


@dataclasses.dataclass(kw_only=True)
class LSTMClassifier(RecurrentTextModel, NeuralClassifier):
    """LSTM over the words, pooled over time: the last state, mean or maximum (Conneau et al. 2017), or all three.

    It reads from both ends unless told otherwise, its layers stacked as many as wanted.

    With ``start_from`` it begins as an ``lstm`` language model whose output layer was replaced: sizes, vocabulary and
    way of reading are that model's, and reading goes forwards only. ``unfreeze="none"`` trains the new last layer and
    nothing else. ULMFiT (Howard & Ruder 2018) is ``lm_epochs=15``, ``unfreeze="gradual"``, ``layer_rate=2.6``,
    ``schedule="slanted-triangular"``, ``pooling="concat"`` and ``dense=50``, here without batch normalisation.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = LSTMClassifier(embedding=16, hidden=16, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a dull film"]).tolist()
        ['bad']
    """

    name = "lstm-classifier"
