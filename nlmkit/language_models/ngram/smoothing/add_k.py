"""Additive smoothing (Lidstone 1920; Laplace's law is k = 1)."""

from __future__ import annotations

import numpy as np

from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, totals
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.smoothing.raw_counts import raw_counts
from nlmkit.text.vocabulary import BOS_ID

OBJECTION = "it has no lower orders to back off to, and the file would hold uniform ones in their place"
"""Reason why ARPA cannot represent the model, if its order is above one."""


def estimate(counts: NGramCounts, options: Options) -> Estimate:
    """Estimate p(w|h) = (c(hw) + k) / (c(h) + k·V), where V counts all ids except ``<s>``.

    The ``<unk>`` of a closed vocabulary is not counted either. The model has one order: h is a full context, of order
    − 1 words or starting with ``<s>``. Unseen full contexts, and shorter contexts, which do not occur in a text, yield
    1/V. The table is a backoff model with uniform lower orders: h backs off with k·V / (c(h) + k·V) to 1/V, whether or
    not h′w is listed.
    """
    added, size, uniform = options.add_k, counts.predictable, counts.uniform
    probs, backoffs = [], []
    for k in range(1, counts.order + 1):
        values = raw_counts(counts, k)
        context_totals = totals(counts, k, values)
        history = counts.levels[k - 1].history if k > 1 else np.zeros(len(values), np.int32)
        own = (values + added) / (context_totals + added * size)[history]
        full = np.full(len(values), True) if k == counts.order else counts.levels[k - 1].first == BOS_ID
        probs.append(np.where(full, own, 1.0 / size))
        if k == 1:
            probs[0][uniform == 0.0] = 0.0
        if k > 1:
            # a context's k-grams are all full or none is
            full_context = np.zeros(len(context_totals), bool)
            full_context[history[full]] = True
            backoffs.append(np.where(full_context, added * size / (context_totals + added * size), 1.0))
    return Estimate(probs, backoffs, arpa_objection=OBJECTION if counts.order > 1 else None)
