"""Stupid backoff: relative frequencies and a constant factor (Brants et al. 2007)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, totals
from nlmkit.language_models.ngram.smoothing.mle import relative_unigrams
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts
from nlmkit.text.vocabulary import BOS_ID

OBJECTION = "its scores are not probabilities, and contexts that the file does not list would cost no factor"
"""Reason why ARPA cannot represent the model."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate S(w|h) = c(hw) / c(h) if hw was seen, otherwise the factor times S(w|h′): scores, not probabilities.

    The factor applies once per word dropped from the context, also for unseen contexts. In the paper, backing off ends
    at c(w)/N and unseen words score zero; here an unseen word of the vocabulary, such as ``<unk>``, scores as if it
    had been seen ``factor`` times, which is finite and less than any seen word. Pruning only removes n-grams.
    """
    factor = options.stupid_backoff
    unigrams = relative_unigrams(counts)
    total = raw_counts(counts, 1).sum()
    if total > 0:
        unigrams[(unigrams == 0.0) & (counts.uniform > 0.0)] = factor / total
        unigrams[BOS_ID] = 0.0
    probs, backoffs = [unigrams], []
    for k in range(2, counts.order + 1):
        values = raw_counts(counts, k)
        probs.append(values / totals(counts, k, values)[counts.levels[k - 1].history])
        backoffs.append(np.full(len(counts.levels[k - 2]), factor))
    return Estimate(
        probs,
        backoffs,
        unseen_backoff=factor,
        normalized=False,
        arpa_objection=OBJECTION,
    )
