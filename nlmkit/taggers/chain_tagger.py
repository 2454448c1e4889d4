"""Taggers whose scores form a chain: of each tag at each token, and of each pair of successive tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from nlmkit.taggers.base import Tagger

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.chain import Chain
    from nlmkit.text.tagged import TaggedSentences

BATCH_SCORES: Final = 1 << 19
"""Emission scores decoded together, padding included; a longer sentence is decoded alone."""


@dataclasses.dataclass(kw_only=True)
class ChainTagger(Tagger):
    """Base class of taggers with a ``Chain``: best sequences, marginals and probabilities of spans are exact.

    The probability of a tag sequence is exp(score), divided by the sum over all legal sequences of the sentence. A
    subclass implements ``chain`` and ``emissions``, besides what ``Tagger`` asks for to fit and save it.
    """

    @property
    def tags_before(self) -> int:
        """Number of tags before a tag that its score depends on, at least 1; known before the fit."""
        return 1

    def chain(self) -> Chain:
        """Return the scores that do not depend on the words; −inf for what is not legal."""
        raise NotImplementedError

    def emissions(
        self, data: TaggedSentences
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.floating[Any]], NDArray[np.int64]]]:
        """Yield the scores of tags at tokens in batches, in any order, each sentence with tokens once.

        Yields:
            Indices of the sentences, int64 [B]; their scores, [T, B, tags], of any value beyond their lengths; and
            their lengths, int64 [B].
        """
        raise NotImplementedError

    def tag_ids(self, data: TaggedSentences) -> NDArray[np.int64]:
        """Return the most probable legal tag sequences of all sentences: int64 [tokens]."""
        from nlmkit.decoding.chain import viterbi

        return self.decoded(data, lambda chain, scores, lengths: viterbi(chain, scores, lengths)[0])

    def decoded(
        self,
        data: TaggedSentences,
        decode: Callable[[Chain, NDArray[np.floating[Any]], NDArray[np.int64]], NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """Return the tags that ``decode`` chooses by chain, scores and lengths, as int64 [T, B]: int64 [tokens]."""
        import numpy as np

        chain, found = self.chain(), np.empty(data.tokens, np.int64)
        for sentences, scores, lengths in self.emissions(data):
            paths = decode(chain, scores, lengths)
            times, rows = places_of(lengths)
            found[data.offsets[sentences][rows] + times] = paths[times, rows]
        return found

    def marginals(self, data: TaggedSentences) -> NDArray[np.float64]:
        """Return the probability of each tag at each token: float64 [tokens, tags]; forward–backward, exact."""
        import numpy as np

        from nlmkit.decoding.chain import marginals

        chain, found = self.chain(), np.empty((data.tokens, len(self.tags_)))
        for sentences, scores, lengths in self.emissions(data):
            shares = marginals(chain, scores, lengths)
            times, rows = places_of(lengths)
            found[data.offsets[sentences][rows] + times] = shares[times, rows]
        return found

    def best(self, data: TaggedSentences, n: int) -> list[list[tuple[float, NDArray[np.int64]]]]:
        """Return up to ``n`` legal tag sequences of each sentence, best first, with their log-probabilities."""
        import numpy as np

        from nlmkit.decoding.chain import log_partition, n_best

        chain = self.chain()
        found = [[(0.0, np.empty(0, np.int64))] for _ in range(len(data))]
        for sentences, scores, lengths in self.emissions(data):
            totals = log_partition(chain, scores, lengths)
            for row, (sentence, length) in enumerate(zip(sentences.tolist(), lengths.tolist(), strict=True)):
                paths = n_best(chain, scores[:length, row], n)
                found[sentence] = [(min(score - float(totals[row]), 0.0), path) for score, path in paths]
        return found

    def span_log_probabilities(
        self, data: TaggedSentences, paths: Sequence[Sequence[tuple[int, NDArray[np.int64]]]]
    ) -> list[NDArray[np.float64]]:
        """Return the exact log-probability of each part of a tag sequence, whatever the tags around it."""
        import numpy as np

        from nlmkit.decoding.chain import batched_span_log_probabilities

        chain, found = self.chain(), [np.empty(0) for _ in range(len(data))]
        for sentences, scores, lengths in self.emissions(data):
            own = [paths[sentence] for sentence in sentences.tolist()]
            if any(map(len, own)):
                parts = batched_span_log_probabilities(chain, scores, lengths, own)
                for sentence, probabilities in zip(sentences.tolist(), parts, strict=True):
                    found[sentence] = probabilities
        return found


def batches(offsets: NDArray[np.int64], tags: int, most: int = BATCH_SCORES) -> Iterator[NDArray[np.int64]]:
    """Yield indices of the sentences with tokens in batches of similar length, the longest first.

    Args:
        offsets: Where each sentence begins, and the last one ends: int64 [sentences + 1].
        tags: Number of tags.
        most: Scores in a batch, with padding; a batch has one sentence at least.
    """
    import numpy as np

    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    order = order[: int((lengths > 0).sum())]
    low = 0
    while low < len(order):
        size = max(1, most // (int(lengths[order[low]]) * tags))
        yield order[low : low + size]
        low += size


def tokens_of(offsets: NDArray[np.int64], sentences: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the tokens of sentences, one sentence after the other, and the length of each sentence.

    Args:
        offsets: Where each sentence begins, and the last one ends: int64 [sentences + 1].
        sentences: Indices of sentences: int64 [n].
    """
    import numpy as np

    lengths = np.diff(offsets)[sentences]
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) + np.repeat(offsets[sentences] - ends + lengths, lengths), lengths


def padded(values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Return scores of the tokens of several sentences, [tokens, tags], with zeros as padding: [T, B, tags]."""
    import numpy as np

    found = np.zeros((int(lengths.max(initial=0)), len(lengths), values.shape[1]), values.dtype)
    times, rows = places_of(lengths)
    found[times, rows] = values
    return found


def places_of(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return time and row in a batch of each token, sentence by sentence: int64 [tokens] each."""
    import numpy as np

    rows = np.repeat(np.arange(len(lengths)), lengths)
    times = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return times, rows
