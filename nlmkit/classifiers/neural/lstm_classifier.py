"""LSTM classifier."""

from __future__ import annotations

import dataclasses

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.presets import preset_param
from nlmkit.documents.neural.options import LSTM_PRESETS
from nlmkit.documents.neural.recurrent import RecurrentTextModel
from nlmkit.errors import HyperParameterError


@dataclasses.dataclass(kw_only=True)
class LSTMClassifier(RecurrentTextModel, NeuralClassifier):
    """LSTM over the words, pooled over time: the last state, mean or maximum (Conneau et al. 2017), or all three.

    It is bidirectional by default and may have several layers.

    With ``start_from`` it is initialized from an ``lstm`` language model without the output layer: size, vocabulary and
    tokenization are those of that model, and it reads in its direction only. ``unfreeze="none"`` trains only the new
    last layer. With a list of two, a forward and a backward language model, it has the layers of both, of which each
    reads its own word vectors in its own direction, and pools the outputs of both.

    ``preset="ulmfit"`` is ULMFiT (Howard & Ruder 2018), given ``start_from``: fifteen epochs of tuning the language
    model on the training texts, then gradual unfreezing, rates that fall by 2.6 from layer to layer, a slanted
    triangular schedule, concat pooling, and a ReLU layer of 50. It differs from the paper in five points: the number
    of epochs is the default; no batch normalisation; AdamW with its usual β; dropout is .4 before both last layers; and
    of a pair of language models one network reads both, while the paper averages two classifiers (``ensemble``).

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = LSTMClassifier(embedding=16, hidden=16, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a dull film"]).tolist()
        ['bad']
    """

    name = "lstm-classifier"
    presets = LSTM_PRESETS

    preset: str = preset_param(LSTM_PRESETS)

    def check_options(self) -> None:
        """Refuse the preset without a language model; see ``NeuralTextModel.check_options``."""
        super().check_options()
        if self.preset == "ulmfit" and self.start_from is None:
            raise HyperParameterError("preset=ulmfit tunes a language model: set start_from")
