"""Predicted spans with their exact probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.text.tag_schemes import PLAIN, Span, read_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.taggers.fitted import FittedTagger
    from nlmkit.text.tagged import TaggedSentences


def predicted_spans(tagger: FittedTagger, data: TaggedSentences) -> list[list[tuple[Span, float]]]:
    """Return the spans of the most probable tags of each sentence, each with its probability.

    Args:
        tagger: A fitted tagger.
        data: Sentences as it sees them.
    """
    if not data.tokens:
        return [[] for _ in range(len(data))]
    ids = tagger.tag_ids(data)
    if tagger.inner_scheme_ == PLAIN:
        chosen = tagger.marginals(data)[np.arange(len(ids)), ids].tolist()
        ends = data.offsets.tolist()
        return [
            [(Span(tagger.tags_[ids[at]], at - start, at - start + 1), chosen[at]) for at in range(start, end)]
            for start, end in pairwise(ends)
        ]
    sentences = np.split(ids, data.offsets[1:-1])
    spans = [read_spans([tagger.tags_[each] for each in some.tolist()], "BIOES").spans for some in sentences]
    paths = [
        [(span.start, some[span.start : span.end]) for span in own] for some, own in zip(sentences, spans, strict=True)
    ]
    scores = tagger.span_log_probabilities(data, paths)
    return [list(zip(own, probabilities(each), strict=True)) for own, each in zip(spans, scores, strict=True)]


def probabilities(scores: NDArray[Any]) -> list[float]:
    """Return probabilities of log-probabilities; rounding does not take them beyond 1."""
    found: list[float] = np.exp(np.minimum(scores, 0.0)).tolist()
    return found
