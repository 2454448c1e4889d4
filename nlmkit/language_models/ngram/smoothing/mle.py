"""Maximum likelihood: relative frequencies, without smoothing."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, Floats, totals
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate p(w|h) = c(hw) / c(h), zero for words unseen after h; an unseen context backs off to the shorter one.

    The method has no options.
    """
    del options
    probs, backoffs = [relative_unigrams(counts)], []
    for k in range(2, counts.order + 1):
        values = raw_counts(counts, k)
        context_totals = totals(counts, k, values)
        probs.append(values / context_totals[counts.levels[k - 1].history])
        backoffs.append(np.where(context_totals > 0, 0.0, 1.0))
    return Estimate(probs, backoffs)


def relative_unigrams(counts: NGramCounts) -> Floats:
    """Return the relative frequencies of the words, or the uniform distribution without events: float64 [V]."""
    values = raw_counts(counts, 1)
    total = values.sum()
    return values / total if total else counts.uniform
