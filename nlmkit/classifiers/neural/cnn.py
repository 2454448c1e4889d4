"""Convolutional classifier."""

from __future__ import annotations

import dataclasses

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.presets import preset_param
from nlmkit.documents.neural.convolutional import ConvolutionalTextModel
from nlmkit.documents.neural.options import CNN_PRESETS


@dataclasses.dataclass(kw_only=True)
class CNN(ConvolutionalTextModel, NeuralClassifier):
    """Convolutional sentence classifier (Kim 2014, "Convolutional Neural Networks for Sentence Classification").

    Filters see windows of three, four and five words; a feature is the largest value of a filter over the text, after
    ReLU; a linear layer with dropout maps them to classes. The text is padded with zero vectors, ``padding`` of
    them before it, and windows of padding alone are included: see
    ``Convolution``.

    Without a representation the vectors are initialized at random (Kim's *rand*); with one they are kept
    (``tune=frozen``, *static*), tuned (``fine-tune``, *non-static*), or both (``multichannel``), with
    separate filter weights for each copy.

    ``pointwise`` puts 1×1 layers between filters and maximum (network in network, Lin et al. 2014): see
    ``PointwiseConvolution``. ``layer_summary()`` shows the shapes of the layers.

    The defaults differ from the paper: AdamW, dropout on the word vectors too, once-seen words read as unknown half
    of the time, and an exponential average of the weights.

    ``preset="kim"`` is the paper: 100 filters of each width, Adadelta with ρ .95, batches of 50 in random order,
    dropout .5, rows of the last layer clipped to norm 3, at most 25 epochs, the best of which on a tenth of training
    texts is kept. It differs from his code in four points: unknown words of a test text share the vector of ``<unk>``,
    while his code gave each its own, after reading the test texts beforehand; dropout scales in training what his
    scaled when testing, so that a norm of 3 here is one of 6 there; the held-out tenth is stratified by class; and no
    text is repeated to fill the last batch.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> cnn = CNN(embedding=16, maps=8, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> cnn.predict(["a fine film"]).tolist()
        ['good']
    """

    name = "cnn"
    presets = CNN_PRESETS

    preset: str = preset_param(CNN_PRESETS)

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the words of a text with their contributions to the predicted class, in nats of its logit.

        The contribution is relative to the other classes; a pooled feature is shared by the words of its window: see
        ``nlmkit.documents.neural.highlights.by_pooled_features``.
        """
        from nlmkit.documents.neural.highlights import highlights

        return highlights(self, text)
