"""Inference in linear chains of tags: partition, marginals, best paths (Rabiner 1989; Lafferty et al. 2001).

A path y of T tokens scores start[y₁] + Σ emissions[t, yₜ] + Σ transitions[yₜ₋₁, yₜ] + end[y_T]. Scores are
natural logarithms up to a constant; −inf forbids. Everything here is exact, in float64, takes O(T·B·K²) for B sentences
and K tags, and depends neither on padding nor on the other sentences of a batch, up to rounding. Values of
``emissions`` beyond a sentence's length are never read. An empty sentence has one path, with score 0. Besides its
arguments and results, all but ``n_best`` need room for a few million scores, however long a sentence is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.decoding.chain_passes import Batch, Row, backward_pass, best_prefixes, forward_pass
from nlmkit.decoding.chains import Chain, ContextChain, Floats, log_sum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Chain",
    "ContextChain",
    "batched_span_log_probabilities",
    "log_partition",
    "marginals",
    "n_best",
    "path_scores",
    "span_log_probabilities",
    "viterbi",
]


def log_partition(chain: Chain, emissions: NDArray[Any], lengths: ArrayLike) -> Floats:
    """Return the logarithm of the sum of exp(score) over all paths: float64 [B]; −inf where none is legal.

    Args:
        chain: Scores that all sentences share.
        emissions: Scores of tags at tokens: floating-point [T, B, K], no NaN, no +inf.
        lengths: Number of tokens of each sentence: integers [B], 0 to T.

    Raises:
        ValueError: Shapes or lengths are wrong.
    """
    batch = Batch(chain, emissions, lengths)
    found = np.zeros(batch.sentences)
    before: Row | None = None
    for low, high in batch.stretches():
        logs, scales = forward_pass(batch, low, high, before)
        _end(batch, low, logs, scales, found)
        before = logs[-1].copy(), scales[-1].copy()
    return batch.as_given(found, 0)


def marginals(chain: Chain, emissions: NDArray[Any], lengths: ArrayLike) -> Floats:
    """Return the probability of each tag at each token given the sentence: float64 [T, B, K].

    Values are zero beyond the length of a sentence, and in a sentence without legal paths. For the arguments, see
    ``log_partition``.
    """
    batch = Batch(chain, emissions, lengths)
    found = np.zeros((batch.length, batch.sentences, chain.tags))
    stretches = batch.stretches()
    rows: list[Row | None] = [None]
    for low, high in stretches[:-1]:
        logs, scales = forward_pass(batch, low, high, rows[-1])
        rows.append((logs[-1].copy(), scales[-1].copy()))
    after: Row | None = None
    for (low, high), before in zip(reversed(stretches), reversed(rows), strict=False):
        shares, _ = forward_pass(batch, low, high, before)
        backward, scales = backward_pass(batch, low, high, after)
        after = backward[0].copy(), scales[0].copy()
        shares += backward
        highest = shares.max(axis=2, keepdims=True, initial=-np.inf)
        shares -= np.where(highest > -np.inf, highest, 0.0)
        shares = chain.gather(np.exp(shares, out=shares))
        total = shares.sum(axis=2, keepdims=True)
        np.divide(shares, total, out=found[low:high], where=total > 0)
    return batch.as_given(found, 1)


def viterbi(chain: Chain, emissions: NDArray[Any], lengths: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Return the best path of each sentence, int64 [T, B], and its score, float64 [B].

    Of equal paths the one whose last tags have the lower numbers is returned. Tags are 0 beyond the length, and in a
    sentence without legal paths, whose score is −inf. For the arguments, see ``log_partition``.
    """
    batch = Batch(chain, emissions, lengths)
    paths = np.zeros((batch.length, batch.sentences), np.int64)  # of states
    scores = np.zeros(batch.sentences)
    stretches = batch.stretches()
    rows: list[Floats | None] = [None]
    for low, high in stretches[:-1]:
        rows.append(best_prefixes(batch, low, high, rows[-1])[-1].copy())
    for (low, high), before in zip(reversed(stretches), reversed(rows), strict=False):
        best = best_prefixes(batch, low, high, before)
        for time in range(high - 1, low - 1, -1):
            count, later, here = batch.counts[time], batch.counts[time + 1], best[time - low]
            if later:
                paths[time, :later] = chain.best_previous(here[:later], paths[time + 1, :later])
            if later < count:
                complete = here[later:count] + chain.end
                complete.argmax(axis=1, out=paths[time, later:count])
                complete.max(axis=1, out=scores[later:count])
    paths = chain.tag_of(paths)
    paths[:, scores == -np.inf] = 0
    return batch.as_given(paths, 1), batch.as_given(scores, 0)


def n_best(chain: Chain, emissions: NDArray[Any], n: int) -> list[tuple[float, NDArray[np.int64]]]:
    """Return the up to ``n`` best paths of one sentence with their scores, best first; all paths differ.

    Forward Viterbi, then a search from the end that keeps exact scores (Soong & Huang 1991): each path found is split
    at every token into the paths that share its rest and differ there. O(T·K²) once, and O(T·K) per path.

    Args:
        chain: Scores that do not depend on the sentence.
        emissions: Scores of tags at tokens: floating-point [T, K], no NaN, no +inf.
        n: Number of paths; there are fewer if fewer are legal.

    Raises:
        ValueError: ``n`` is less than one, or shapes are wrong.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    batch = _one(chain, emissions)
    steps = batch.steps
    if not steps:
        return [(0.0, np.zeros(0, np.int64))]
    best = best_prefixes(batch, 0, steps)[:, 0]
    scores = np.asarray(batch.emissions[:, 0], np.float64)
    found: list[tuple[float, NDArray[np.int64]]] = []  # paths of states
    # Of each candidate: score, order of discovery, the path that it shares the rest with, where and to which state it
    # leaves that path. The best path of each last state shares nothing.
    heap: list[tuple[float, int, int, int, int]] = []
    discovered = 0

    def propose(values: Floats, states: NDArray[np.int64], first: int, parent: int) -> None:
        """Put the best of the values [t, P] on the heap, as many as can still be among the n best."""
        nonlocal discovered
        flat, wanted = values.ravel(), n - len(found)
        chosen = np.argpartition(-flat, wanted - 1)[:wanted] if len(flat) > wanted else np.arange(len(flat))
        chosen = chosen[flat[chosen] > -np.inf]
        for place in np.sort(chosen).tolist():
            time, rank = divmod(place, values.shape[1])
            heapq.heappush(heap, (-float(flat[place]), discovered, parent, first + time, int(states[time, rank])))
            discovered += 1

    propose((best[-1] + chain.end)[None], np.arange(chain.states)[None], steps - 1, -1)
    while heap and len(found) < n:
        negative, _, parent, time, state = heapq.heappop(heap)
        path = np.empty(steps, np.int64)
        if parent >= 0:
            path[time + 1 :] = found[parent][1][time + 1 :]
        path[time] = state
        for at in range(time - 1, -1, -1):
            path[at : at + 1] = chain.best_previous(best[at : at + 1], path[at + 1 : at + 2])
        found.append((-negative, path))
        if time and len(found) < n:
            # The paths that differ at or after ``time`` are on the heap already: the parent proposed them.
            tags = chain.tag_of(path)
            after = scores[np.arange(1, steps), tags[1:]]
            after[:-1] += chain.transitions[path[1:-1], tags[2:]]
            after[-1] += chain.end[path[-1]]
            rest = np.cumsum(after[::-1])[::-1][:time, None]  # score of what follows tokens 0 … time − 1
            states, moves = chain.before(path[1 : time + 1])
            values = np.take_along_axis(best[:time], states, axis=1) + moves + rest
            values[states == path[:time, None]] = -np.inf
            propose(values, states, 0, len(found) - 1)
    return [(score, chain.tag_of(path)) for score, path in found]


def path_scores(chain: Chain, emissions: NDArray[Any], paths: NDArray[np.integer[Any]], lengths: ArrayLike) -> Floats:
    """Return the score of one given path per sentence: float64 [B].

    Args:
        chain: See ``log_partition``.
        emissions: See ``log_partition``.
        paths: Tags of the paths: integers [T, B]; values beyond the length are not read.
        lengths: See ``log_partition``.

    Raises:
        ValueError: Shapes or lengths are wrong.
    """
    batch = Batch(chain, emissions, lengths)
    if paths.shape != (batch.length, batch.sentences):
        raise ValueError(f"paths must be [{batch.length}, {batch.sentences}], not {list(paths.shape)}")
    given = np.asarray(paths[:, batch.order], np.int64)
    total, states = np.zeros(batch.sentences), np.zeros(0, np.int64)
    for time in range(batch.steps):
        count, later = batch.counts[time], batch.counts[time + 1]
        here = given[time, :count]
        if time:
            total[:count] += chain.transitions[states[:count], here]
            states = chain.after(states[:count], here)
        else:
            states = chain.first(here)
            total[:count] += chain.start[states]
        total[:count] += batch.at(time)[np.arange(count), states]
        total[later:count] += chain.end[states[later:]]
    return batch.as_given(total, 0)


def span_log_probabilities(
    chain: Chain, emissions: NDArray[Any], paths: Sequence[tuple[int, Sequence[int] | NDArray[np.integer[Any]]]]
) -> Floats:
    """Return the log-probability that a stretch of one sentence has the given tags, for each of several: float64 [n].

    The sum over all paths that agree there: forward score × path × backward score (Culotta & McCallum 2004).

    Args:
        chain: Scores that do not depend on the sentence.
        emissions: Scores of tags at tokens: floating-point [T, K], no NaN, no +inf.
        paths: The first token and the tags from there on, one or more.

    Raises:
        ValueError: Shapes are wrong, or a stretch is empty or outside of the sentence.
    """
    batch = _one(chain, emissions)
    return _span_log_probabilities(batch, [paths])[0]


def batched_span_log_probabilities(
    chain: Chain,
    emissions: NDArray[Any],
    lengths: ArrayLike,
    paths: Sequence[Sequence[tuple[int, Sequence[int] | NDArray[np.integer[Any]]]]],
) -> list[Floats]:
    """Return what ``span_log_probabilities`` does for each sentence of a batch, by two passes over the batch.

    Args:
        chain: See ``log_partition``.
        emissions: See ``log_partition``.
        lengths: See ``log_partition``.
        paths: Of each sentence, the first token and the tags of each stretch.

    Raises:
        ValueError: Shapes or lengths are wrong, or a stretch is empty or outside of its sentence.
    """
    return _span_log_probabilities(Batch(chain, emissions, lengths), paths)


def _span_log_probabilities(
    batch: Batch, paths: Sequence[Sequence[tuple[int, Sequence[int] | NDArray[np.integer[Any]]]]]
) -> list[Floats]:
    chain, spans = batch.chain, []
    for row, sentence in enumerate(batch.order.tolist()):
        for start, tags in paths[sentence]:
            ids, length = np.asarray(tags, np.int64), int(batch.lengths[row])
            if not (len(ids) and 0 <= start <= length - len(ids)):
                raise ValueError(f"{len(ids)} tags from token {start} on are no part of a sentence of {length}")
            spans.append((row, start, ids))
    starts = np.array([start for _, start, _ in spans], np.int64)
    lasts = starts + np.array([len(ids) for _, _, ids in spans], np.int64) - 1
    tag_of, found = chain.tag_of(np.arange(chain.states)), np.full(len(spans), -np.inf)
    # Of each span: its states at the last token, and the logs of the sums over all beginnings that go through it.
    through: dict[int, tuple[NDArray[np.int64], Floats]] = {}
    totals = np.zeros(batch.sentences)
    beside: Row | None = None
    for low, high in batch.stretches():
        logs, scales = forward_pass(batch, low, high, beside)
        beside = logs[-1].copy(), scales[-1].copy()
        _end(batch, low, logs, scales, totals)
        for index in np.flatnonzero((starts >= low) & (starts < high)).tolist():
            row, start, ids = spans[index]
            values = np.where(tag_of == ids[0], logs[start - low, row], -np.inf)
            for tag in ids[1:].tolist():
                values = chain.follow(values, tag)
            inside = batch.emissions[np.arange(start + 1, start + len(ids)), row, ids[1:]].sum(dtype=np.float64)
            states = np.flatnonzero(values > -np.inf)
            through[index] = states, values[states] + (scales[start - low, row] + inside)
    beside = None
    for low, high in reversed(batch.stretches()):
        logs, scales = backward_pass(batch, low, high, beside)
        beside = logs[0].copy(), scales[0].copy()
        for index in np.flatnonzero((lasts >= low) & (lasts < high)).tolist():
            row, last, (states, values) = spans[index][0], int(lasts[index]) - low, through.pop(index)
            if len(states) and totals[row] > -np.inf:
                found[index] = log_sum(values + logs[last, row, states]) + scales[last, row] - totals[row]
    np.minimum(found, 0.0, out=found)
    sizes = [len(paths[sentence]) for sentence in batch.order.tolist()]
    parts = np.split(found, np.cumsum(sizes)[:-1]) if sizes else []
    by_sentence = dict(zip(batch.order.tolist(), parts, strict=True))
    return [by_sentence[sentence] for sentence in range(batch.sentences)]


def _one(chain: Chain, emissions: NDArray[Any]) -> Batch:
    values = np.asarray(emissions)
    if values.ndim != 2:
        raise ValueError(f"emissions of one sentence must be [T, {chain.tags}], not {list(values.shape)}")
    return Batch(chain, values[:, None], [len(values)])


def _end(batch: Batch, low: int, logs: Floats, scales: Floats, totals: Floats) -> None:
    """Write the log-partition of sentences that end in a stretch of the forward pass, from ``low`` on, into totals."""
    ended = np.flatnonzero((batch.lengths > low) & (batch.lengths <= low + len(logs)))
    last = batch.lengths[ended] - 1 - low
    totals[ended] = log_sum(logs[last, ended] + batch.chain.end) + scales[last, ended]
