"""Beam search over batches of sources: ``beam_search``.

At each step the continuations of a source's hypotheses by one word or ``</s>`` are ranked by log-probability, and the
``beam`` best ones are kept. Those that end in ``</s>`` are finished, and ranked by score: log-probability with length
normalization and coverage penalty (Wu et al. 2016, "Google's Neural Machine Translation System", section 7). The others
go on.

A hypothesis of log-probability s can end with at most s divided by the length normalization of the longest permitted
hypothesis: log-probabilities and coverage penalties are never positive, and the divisor grows with the length.
Hypotheses whose bound is not above the score of the worst of ``n_best`` finished ones are dropped, and the search of a
source stops when none is left, never before: longer hypotheses often win after normalization. What is dropped could
not have displaced others from the beam, so that this changes no result.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nlmkit.decoding.hypotheses import LARGEST_LOG_PROB, BeamOptions, Hypothesis, checked_lengths
from nlmkit.decoding.top_k import top_k
from nlmkit.decoding.trail import Trail
from nlmkit.errors import HyperParameterError, NotNormalizedError
from nlmkit.text.vocabulary import EOS_ID, SPECIAL, UNK_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def beam_search(
    rows: Rows,
    *,
    sources: int,
    options: BeamOptions | None = None,
    source_lengths: Sequence[int] | NDArray[Any] | None = None,
) -> list[list[Hypothesis]]:
    """Return the best hypotheses of each source that a beam search finds, best first.

    The result of a source does not depend on the others, as far as values of ``rows`` do not. Of continuations of equal
    log-probability, that of the better hypothesis is preferred, then that by the lower id. Of finished hypotheses with
    equal scores, the shorter one is preferred, then that with the lower id at the first difference.

    A hypothesis with the maximum number of words can only be continued by ``</s>``, with its log-probability. Where
    nothing that ends in ``</s>`` is possible, unfinished hypotheses are returned.

    Args:
        rows: One row per source, with nothing read.
        sources: Number of sources.
        options: Options of the search; None: those of ``BeamOptions()``.
        source_lengths: Number of tokens of each source, as many as its positions in ``attention``: integers [sources].
            Required for ``coverage``; limits the number of words by ``max_ratio``; attention is returned up to it.

    Raises:
        HyperParameterError: Options or lengths do not go with each other, or with the rows.
        NotNormalizedError: A score of the model is NaN or above zero.
    """
    search = _Search(sources, options or BeamOptions(), checked_lengths(source_lengths, sources))
    while len(search.owner):
        continued, ids = search.step(rows.log_probs(), rows.attention())
        if len(ids):
            rows = rows.take(continued, ids)
    return [pool.hypotheses for pool in search.pools]


class _Continuations(NamedTuple):
    """Continuations of hypotheses, by source and rank: which rows are continued, by which ids, with what result."""

    rows: Ids
    ids: Ids
    totals: Floats


class _Search:
    """A beam search between two steps.

    Attributes:
        pools: The best hypotheses of each source so far.
        owner: Source of each row, ascending: int64 [rows].
    """

    def __init__(self, sources: int, options: BeamOptions, lengths: Ids | None) -> None:
        if options.coverage and lengths is None:
            raise HyperParameterError("coverage requires source_lengths")
        self._options, self._lengths = options, lengths
        self._limits = options.length_limits(sources, lengths)
        self._most = np.broadcast_to(options.length_divisor(self._limits + 1.0), sources)
        self._least = np.full(sources, -np.inf)  # score that hypotheses of a source must exceed
        self._words = 0  # read by each row
        self._totals = np.zeros(sources)  # log-probability of each row
        self._covered: Floats | None = None  # attention that each position received in all, by row
        self._trail = Trail(lengths)
        self.pools = [_Pool(options.n_best) for _ in range(sources)]
        self.owner = np.arange(sources)

    def step(self, log_probs: NDArray[Any], attention: NDArray[Any] | None) -> tuple[Ids, Ids]:
        """Return the rows that are continued, and by which ids: int64 [m] each."""
        self._look(attention)
        best = self._best(log_probs)
        self._finish(best)
        self._keep_unfinished(best)
        owner = self.owner[best.rows]
        may_win = best.totals / self._most[owner] > self._least[owner]
        live = np.flatnonzero(may_win & (best.ids != EOS_ID))
        rows, ids = best.rows[live], best.ids[live]
        self.owner, self._totals = owner[live], best.totals[live]
        self._covered = None if self._covered is None else self._covered[rows]
        self._trail.take(rows, ids)
        self._words += 1
        return rows, ids

    def _look(self, attention: NDArray[Any] | None) -> None:
        if attention is not None and self._lengths is not None and self._lengths.max() > attention.shape[1]:
            raise HyperParameterError(
                f"source_lengths must be at most {attention.shape[1]}, the number of positions that have attention"
            )
        self._trail.look(attention)
        if self._options.coverage:
            if attention is None:
                raise HyperParameterError("coverage has no effect on a model without attention: drop it")
            self._covered = attention + (0.0 if self._covered is None else self._covered)

    def _best(self, log_probs: NDArray[Any]) -> _Continuations:
        """Return the ``beam`` best possible continuations of each source, by log-probabilities [rows, V]."""
        options = self._options
        values, ids = top_k(log_probs[:, len(SPECIAL) :], options.beam)
        marks = np.array([UNK_ID] * options.allow_unk + [EOS_ID] * (self._words >= options.min_length), np.int64)
        values = np.concatenate([log_probs[:, marks], values], axis=1).astype(np.float64)
        ids = np.concatenate([np.tile(marks, (len(ids), 1)), ids + len(SPECIAL)], axis=1)
        if values.size and not values.max() <= LARGEST_LOG_PROB:
            raise NotNormalizedError("cannot search: the model's next-word scores are above zero, or NaN")
        values[(ids != EOS_ID) & (self._words >= self._limits[self.owner])[:, None]] = -np.inf
        rows = np.repeat(np.arange(len(ids)), ids.shape[1])
        ids, values = ids.ravel(), values.ravel()
        totals = self._totals[rows] + np.minimum(values, 0)
        keys = ids, -values, rows, -totals, self.owner[rows]  # the last one decides first
        possible = np.flatnonzero(totals > -np.inf)
        possible = possible[np.lexsort([key[possible] for key in keys])]
        owner = self.owner[rows[possible]]
        rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
        possible = possible[rank < options.beam]
        return _Continuations(rows[possible], ids[possible], totals[possible])

    def _finish(self, best: _Continuations) -> None:
        """Keep the hypotheses that end in ``</s>`` if they are among the ``n_best``."""
        ends = np.flatnonzero(best.ids == EOS_ID)
        scores = best.totals[ends] / self._options.length_divisor(self._words + 1)
        if self._covered is not None and self._lengths is not None:
            for at, row in enumerate(best.rows[ends].tolist()):
                covered = self._covered[row, : self._lengths[self.owner[row]]]
                scores[at] += self._options.coverage_penalty(covered)
        for at in np.flatnonzero(scores > self._least[self.owner[best.rows[ends]]]).tolist():
            row = int(best.rows[ends[at]])
            self._keep(row, float(best.totals[ends[at]]), float(scores[at]), finished=True)

    def _keep_unfinished(self, best: _Continuations) -> None:
        """Keep the hypotheses of sources of which nothing is finished and nothing can be continued."""
        for source in np.setdiff1d(self.owner, self.owner[best.rows]).tolist():
            if not self.pools[source].hypotheses:
                for row in np.flatnonzero(self.owner == source)[: self._options.n_best].tolist():
                    total = float(self._totals[row])
                    score = total / float(self._options.length_divisor(max(self._words, 1)))
                    self._keep(row, total, score, finished=False)

    def _keep(self, row: int, log_prob: float, score: float, *, finished: bool) -> None:
        source = int(self.owner[row])
        self.pools[source].add(self._trail.hypothesis(source, row, log_prob, score, finished=finished))
        self._least[source] = self.pools[source].least


class _Pool:
    """The best hypotheses of a source."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hypotheses: list[Hypothesis] = []

    @property
    def least(self) -> float:
        """Score that another hypothesis must reach."""
        return self.hypotheses[-1].score if len(self.hypotheses) == self.size else -np.inf

    def add(self, hypothesis: Hypothesis) -> None:
        """Put a hypothesis in its place."""
        bisect.insort(self.hypotheses, hypothesis, key=lambda each: (-each.score, len(each.ids), each.ids))
        del self.hypotheses[self.size :]
