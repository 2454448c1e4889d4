"""Output layers: how features become a distribution over the next word.

Each gives −inf at ``<s>`` and is normalised over all other words, exactly, when it scores. They differ in what a
training step costs:

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
