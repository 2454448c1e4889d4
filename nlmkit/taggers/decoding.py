"""Which tags a tagger predicts: the most probable sequence, or those of the spans with the highest expected F1."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from nlmkit.core.parameters import param, value_of
from nlmkit.taggers.chain_tagger import ChainTagger
from nlmkit.text.tag_schemes import PLAIN, split_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.spans import SpanTags
    from nlmkit.text.tagged import TaggedSentences

DECODINGS: Final = ("viterbi", "mbr")
"""Values of the hyper-parameter ``decoding``."""


@dataclasses.dataclass(kw_only=True)
class WithDecoding(ChainTagger):
    """Chain tagger, of scores of pairs of tags, that can predict by minimum Bayes risk.

    ``n_best`` ranks sequences by their probabilities, whatever the decoding.
    """

    decoding: str = param(
        "viterbi",
        choices=DECODINGS,
        later=True,
        help="tags to predict: the most probable sequence (viterbi), or the spans with the highest expected F1 (mbr, "
        "minimum Bayes risk; of plain tags the most probable one of each token)",
    )
    span_threshold: float = param(
        0.45,
        ge=0,
        lt=1,
        later=True,
        help="probability above which a span is worth predicting; best at half of the F1 to be expected",
        needs=value_of("decoding", "mbr"),
    )

    def tag_ids(self, data: TaggedSentences) -> NDArray[np.int64]:
        """Return the tags to predict for all sentences, legal sequences: int64 [tokens]."""
        if self.decoding == "viterbi":
            return super().tag_ids(data)
        if self.inner_scheme_ == PLAIN:
            found: NDArray[np.int64] = self.marginals(data).argmax(axis=1)
            return found
        from nlmkit.decoding.spans import best_spans

        types, outside = span_tags(self.tags_)
        return self.decoded(
            data,
            lambda chain, scores, lengths: best_spans(
                chain, scores, lengths, types, outside=outside, threshold=self.span_threshold
            ),
        )


def span_tags(tags: Sequence[str]) -> tuple[list[SpanTags], int | None]:
    """Return the numbers of the BIOES tags of each type of span, and that of the tag outside of spans, if any."""
    from nlmkit.decoding.spans import SpanTags

    found: dict[str, dict[str, int]] = {}
    outside = None
    for number, tag in enumerate(tags):
        letter, type_ = split_tag(tag) or ("O", "")
        if letter == "O":
            outside = number
        else:
            found.setdefault(type_, {})[letter] = number
    return [SpanTags(*(own.get(letter, -1) for letter in "BIES")) for own in found.values()], outside
