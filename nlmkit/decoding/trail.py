"""Words and attention of the hypotheses of a search, from its steps: ``Trail``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.decoding.hypotheses import Hypothesis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


class Trail:
    """How the rows of each step of a search came about.

    At each step ``look`` is called, then ``hypothesis`` for what ends there, then ``take``.

    Args:
        lengths: Number of positions of each source, int64 [sources]; None: all that the attention has.
    """

    def __init__(self, lengths: Ids | None) -> None:
        self._lengths = lengths
        self._steps: list[tuple[Ids, Ids]] = []
        self._attention: list[NDArray[Any]] = []  # of no step, or of each

    def look(self, attention: NDArray[Any] | None) -> None:
        """Note the attention of the rows for their next event: [rows, S]."""
        if attention is not None:
            self._attention.append(attention)

    def take(self, rows: Ids, ids: Ids) -> None:
        """Note which rows are continued, by which ids."""
        self._steps.append((rows, ids))

    def hypothesis(self, source: int, row: int, log_prob: float, score: float, *, finished: bool) -> Hypothesis:
        """Return the hypothesis of a row of this step, with ``</s>`` after it if it is finished."""
        ids: list[int] = []
        rows = [row]  # the last one first
        for parents, words in reversed(self._steps):
            ids.append(int(words[row]))
            row = int(parents[row])
            rows.append(row)
        attention = None
        if self._attention:
            length = None if self._lengths is None else int(self._lengths[source])
            events = len(ids) + finished
            attention = np.empty((events, self._attention[0][0, :length].size), self._attention[0].dtype)
            for weights, seen, at in zip(attention, self._attention, reversed(rows), strict=False):
                weights[:] = seen[at, :length]
        return Hypothesis(tuple(reversed(ids)), log_prob, score, attention, finished)
