"""Output layers: how features become a distribution over the next word.

Each gives −inf at ``<s>`` and is normalised over all other words, exactly, when it scores. They differ in what a
training step costs:

- :class:`~nlmkit.nn.softmax.full.FullSoftmax`: all words, each time;
- :class:`~nlmkit.nn.softmax.adaptive.AdaptiveSoftmax`: frequent words each time, a cluster of rarer words only where
  the target is one of them (Grave et al. 2017);
- :class:`~nlmkit.nn.softmax.class_factored.ClassFactoredSoftmax`: all classes and the words of the target's class
  (Goodman 2001);
- :class:`~nlmkit.nn.softmax.sampled.SampledSoftmax`: the target and a sample of words (Jean et al. 2015).
"""

from nlmkit.nn.softmax.adaptive import AdaptiveSoftmax
from nlmkit.nn.softmax.base import OutputLayer
from nlmkit.nn.softmax.class_factored import ClassFactoredSoftmax
from nlmkit.nn.softmax.cross_entropy import CHUNK
from nlmkit.nn.softmax.full import FullSoftmax
from nlmkit.nn.softmax.sampled import SampledSoftmax

__all__ = [
    "CHUNK",
    "AdaptiveSoftmax",
    "ClassFactoredSoftmax",
    "FullSoftmax",
    "OutputLayer",
    "SampledSoftmax",
]
