"""Spans with the highest expected F1 in linear chains of tags: minimum Bayes risk instead of the best path.

The path with the highest probability need not have the spans that are most often right: where several segmentations are
nearly as probable, it follows one of them altogether. ``best_spans`` chooses the spans, none of which overlap, with the
highest sum of P(span) − c over the exact probabilities of spans; with c half of the F1 that is reached, no other choice
has a higher expected F1 (Dinkelbach 1967; Lipton et al. 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlmkit.decoding.chain import log_partition, viterbi
from nlmkit.decoding.chain_passes import Batch, backward_pass, forward_pass
from nlmkit.decoding.chains import Chain, Floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ROOM: Final = 1 << 24
"""Probabilities of spans in memory at a time."""

_LEAST: Final = 1e-7
"""Longer spans are not looked at where no span that goes on is more probable."""


class SpanTags(NamedTuple):
    """Numbers of the tags of one type of span; −1 for a tag that there is not.

    Attributes:
        begin: First token of a span of several tokens.
        inside: Token in between.
        end: Last token.
        single: Only token.
    """

    begin: int
    inside: int
    end: int
    single: int


def best_spans(
    chain: Chain,
    emissions: NDArray[Any],
    lengths: ArrayLike,
    types: Sequence[SpanTags],
    *,
    outside: int | None,
    threshold: float,
) -> NDArray[np.int64]:
    """Return tags of the spans with the highest sum of probability − threshold, which do not overlap: int64 [T, B].

    Without a tag outside of spans, they cover the sentence. Spans with which no cover is found, since they are too long
    for memory, leave the best path in place. Tags are 0 beyond the length, and in a sentence without legal paths.

    Args:
        chain: Scores that all sentences share.
        emissions: Scores of tags at tokens: floating-point [T, B, K], no NaN, no +inf.
        lengths: Number of tokens of each sentence: integers [B], 0 to T.
        types: Tags of each type of span.
        outside: Number of the tag outside of spans; None if there is none.
        threshold: Probability above which a span is worth including, from 0 to 1.

    Raises:
        ValueError: Shapes or lengths are wrong.
    """
    batch = Batch(chain, emissions, lengths)
    paths = np.zeros((batch.length, batch.sentences), np.int64)
    if not batch.steps:
        return paths
    spans = _Spans(batch, types)
    gains, kinds = spans.gains(threshold)
    best, taken = _best_sums(batch, gains, free=outside is not None)
    uncovered = []
    for row, length in enumerate(batch.lengths.tolist()):
        if not np.isfinite(spans.totals[row]):
            continue
        if not np.isfinite(best[length, row]):
            uncovered.append(row)
            continue
        end = length
        while end:
            size = int(taken[end - 1, row])
            if size:
                _write(paths[end - size : end, row], types[kinds[size - 1, end - 1, row]])
            else:
                assert outside is not None
                paths[end - 1, row] = outside
            end -= max(size, 1)
    if uncovered:
        paths[: batch.steps, uncovered] = viterbi(chain, batch.emissions[:, uncovered], batch.lengths[uncovered])[0]
    return batch.as_given(paths, 1)


class _Spans:
    """Probabilities of the spans of a batch.

    Attributes:
        totals: Log-partition of each sentence: float64 [B].
    """

    def __init__(self, batch: Batch, types: Sequence[SpanTags]) -> None:
        self._batch, self._types = batch, types
        self._inside = np.arange(batch.steps)[:, None] < batch.lengths
        self._emissions = np.where(self._inside[:, :, None], batch.emissions, -np.inf).astype(np.float64)
        self.totals = log_partition(batch.chain, batch.emissions, batch.lengths)
        shape = (batch.steps, batch.sentences, batch.chain.states)
        self._forward, self._backward = np.empty(shape), np.empty(shape)
        row = None
        for low, high in batch.stretches():
            logs, scales = forward_pass(batch, low, high, row)
            row = logs[-1].copy(), scales[-1].copy()
            self._forward[low:high] = logs + scales[:, :, None]
        row = None
        for low, high in reversed(batch.stretches()):
            logs, scales = backward_pass(batch, low, high, row)
            row = logs[0].copy(), scales[0].copy()
            self._backward[low:high] = logs + scales[:, :, None]
        # From here on the backward score of a tag is the logarithm of the share of paths that go on from there.
        self._backward -= np.where(np.isfinite(self.totals), self.totals, 0.0)[:, None]

    def gains(self, threshold: float) -> tuple[Floats, NDArray[np.int16]]:
        """Return the highest probability − threshold of the spans of each length, and their types, [L, T, B] each.

        A span is entered at its last token; −inf where none is possible.
        """
        steps, sentences = self._inside.shape
        longest = max(1, min(steps, _ROOM // (steps * sentences)))
        gains: list[Floats] = []
        kinds: list[NDArray[np.int16]] = []
        for kind, tags in enumerate(self._types):
            for size, chances in enumerate(self._of_type(tags, longest)):
                if size == len(gains):
                    gains.append(np.full((steps, sentences), -np.inf))
                    kinds.append(np.zeros((steps, sentences), np.int16))
                better = (chances > 0) & (chances - threshold > gains[size])
                gains[size][better] = chances[better] - threshold
                kinds[size][better] = kind
        if not gains:
            return np.full((1, steps, sentences), -np.inf), np.zeros((1, steps, sentences), np.int16)
        return np.stack(gains), np.stack(kinds)

    def _of_type(self, tags: SpanTags, longest: int) -> list[Floats]:
        """Return the probabilities of the spans of one type of 1, 2, … tokens, each at the last token: [T, B]."""
        nothing = np.zeros(self._inside.shape)
        found = [nothing if tags.single < 0 else self._chance(self._forward[:, :, tags.single], tags.single)]
        if min(tags.begin, tags.end) < 0:
            return found
        transitions, before = self._batch.chain.transitions, tags.begin
        opened = self._forward[:, :, before]
        while len(found) < longest and self._chance(opened, before).max(initial=0.0) > _LEAST:
            later = np.full_like(opened, -np.inf)
            later[1:] = opened[:-1]
            ended = later + transitions[before, tags.end] + self._emissions[:, :, tags.end]
            found.append(self._chance(ended, tags.end))
            if tags.inside < 0:
                break
            opened = later + transitions[before, tags.inside] + self._emissions[:, :, tags.inside]
            before = tags.inside
        return found

    def _chance(self, logs: Floats, tag: int) -> Floats:
        """Return the probability of paths with a tag at each token, of which the logs of beginnings are given."""
        with np.errstate(invalid="ignore"):  # −inf and the values beyond the length
            values = np.exp(np.minimum(logs + self._backward[:, :, tag], 0.0))
        return np.where(self._inside, np.nan_to_num(values, nan=0.0), 0.0)


def _best_sums(batch: Batch, gains: Floats, *, free: bool) -> tuple[Floats, NDArray[np.int64]]:
    """Return the highest sum of gains before each token, [T + 1, B], and the length of the last span, [T, B].

    Args:
        batch: Sentences.
        gains: Gain of the best span of each length at its last token: float64 [L, T, B].
        free: Whether tokens may be outside of spans, which is marked by a length of 0.
    """
    longest, steps = gains.shape[:2]
    sums = np.full((steps + 1, batch.sentences), -np.inf)
    sums[0] = 0.0
    taken = np.zeros((steps, batch.sentences), np.int64)
    rows = np.arange(batch.sentences)
    for time in range(steps):
        sizes = min(longest, time + 1)
        through = sums[time + 1 - sizes : time + 1][::-1] + gains[:sizes, time]
        size = through.argmax(axis=0)
        highest = through[size, rows]
        taken[time] = size + 1
        if free:
            is_outside = sums[time] >= highest
            taken[time, is_outside] = 0
            highest = np.where(is_outside, sums[time], highest)
        sums[time + 1] = highest
    return sums, taken


def _write(tags: NDArray[np.int64], names: SpanTags) -> None:
    """Write the tags of a span of one type."""
    if len(tags) == 1:
        tags[0] = names.single
        return
    tags[0], tags[-1] = names.begin, names.end
    tags[1:-1] = names.inside
