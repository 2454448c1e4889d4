"""The convolutional regressor."""

from __future__ import annotations

import dataclasses

from nlmkit.documents.neural.convolutional import ConvolutionalTextModel
from nlmkit.regressors.neural.base import NeuralRegressor


@dataclasses.dataclass(kw_only=True)
class CNNRegressor(ConvolutionalTextModel, NeuralRegressor):
    """Convolutional regressor: the network of the classifier ``cnn`` with one output.

    Filters see windows of three, four and five words; a feature is the largest value of a filter over the text, after
    ReLU; one linear layer with dropout makes a number of them.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> stars = [9, 8, 2, 1] * 5
        >>> model = CNNRegressor(embedding=16, maps=8, epochs=30, batch=4, lr=0.01).fit(texts, stars)
        >>> bool(model.predict(["a fine film"])[0] > model.predict(["a dull film"])[0])
        True
    """

    name = "cnn-regressor"

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """The words of a text with what each adds to the number, in its unit.

        A pooled feature's share goes to the words of the window that it comes from; see
        :func:`nlmkit.documents.neural.highlights.by_pooled_features`.
        """
        from nlmkit.documents.neural.highlights import added_by_words

        return added_by_words(self, text, lambda outputs, weights: weights[0] * self.target_scale_)
