"""The convolutional classifier."""

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
    ReLU; one linear layer with dropout makes classes of them. The text stands between zero vectors, ``padding`` of
    them before it, and windows of nothing but padding take part as well: see
    :class:`~nlmkit.layers.convolution.Convolution`.

    Without a representation the vectors begin at random (Kim's *rand*); with one they are kept
    (``tune=frozen``, *static*), tuned (``fine-tune``, *non-static*), or both side by side (``multichannel``), where
    each filter has weights for either copy.

    The defaults are not the paper's: AdamW, dropout on the word vectors too, words that occur once read as unknown half
    of the time, and an exponential average of the weights.

    ``preset="kim"`` is the paper: 100 filters of each width, Adadelta with ρ .95, batches of 50 in random order,
    dropout .5, rows of the last layer clipped to norm 3, at most 25 epochs of which the best on a tenth of the training
    texts is kept. It differs from his code in four points: unknown words of a test text share the vector of ``<unk>``,
    where his code gave each its own, from test texts that it had read beforehand; dropout scales in training what his
    scaled when testing, so that a norm of 3 here is one of 6 there; the held-out tenth has each class's share; and no
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
        """The words of a text with what each adds to the predicted class, in nats of its logit against the others'.

        A pooled feature's share goes to the words of the window that it comes from; see
        :func:`nlmkit.documents.neural.highlights.by_pooled_features`.
        """
        from nlmkit.documents.neural.highlights import highlights

        return highlights(self, text)
