"""LSTM classifier."""

from __future__ import annotations

import dataclasses

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.documents.neural.recurrent import RecurrentTextModel


@dataclasses.dataclass(kw_only=True)
class LSTMClassifier(RecurrentTextModel, NeuralClassifier):
    """LSTM over the words, pooled over time: the last state, mean or maximum (Conneau et al. 2017), or all three.

    It is bidirectional by default and may have several layers.

    With ``start_from`` it is initialized from an ``lstm`` language model without the output layer: size, vocabulary and
    tokenization are those of that model, and it reads forward only. ``unfreeze="none"`` trains only the new last
    layer. ULMFiT (Howard & Ruder 2018) is ``lm_epochs=15``, ``unfreeze="gradual"``, ``layer_rate=2.6``,
    ``schedule="slanted-triangular"``, ``pooling="concat"`` and ``dense=50``, here without batch normalisation.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = LSTMClassifier(embedding=16, hidden=16, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a dull film"]).tolist()
        ['bad']
    """

    name = "lstm-classifier"
