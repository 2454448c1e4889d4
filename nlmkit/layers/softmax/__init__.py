"""Output layers: from features to a distribution over the next word.

Each returns −inf at ``<s>`` and is exactly normalised over all other words when scoring. They differ in the cost of a
training step:

- ``FullSoftmax``: all words, each time;
- ``AdaptiveSoftmax``: frequent words each time, a cluster of rarer words only where
  the target is one of them (Grave et al. 2017);
- ``ClassFactoredSoftmax``: all classes and the words of the target's class
  (Goodman 2001);
- ``SampledSoftmax``: the target and a sample of words (Jean et al. 2015).
"""

from nlmkit.layers.softmax.adaptive import AdaptiveSoftmax
from nlmkit.layers.softmax.base import OutputLayer
from nlmkit.layers.softmax.class_factored import ClassFactoredSoftmax
from nlmkit.layers.softmax.cross_entropy import CHUNK
from nlmkit.layers.softmax.full import FullSoftmax
from nlmkit.layers.softmax.sampled import SampledSoftmax

__all__ = [
    "CHUNK",
    "AdaptiveSoftmax",
    "ClassFactoredSoftmax",
    "FullSoftmax",
    "OutputLayer",
    "SampledSoftmax",
]
