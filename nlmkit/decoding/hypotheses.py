"""What searches find, and by which rules: ``Hypothesis`` and ``BeamOptions``.

A hypothesis is a sequence of words with ``</s>`` at its end. Its length |Y| is the number of its events: words and
``</s>``, as in perplexities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from nlmkit.decoding.checks import check_not_negative, check_whole
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Normalization = Literal["none", "gnmt", "average"]

DEFAULT_ALPHA: Final = 0.6
"""Exponent of GNMT's length normalization, if none is given."""

EXTRA_LENGTH: Final = 10
"""Words that ``max_ratio`` permits besides those in proportion to the source."""

LARGEST_LOG_PROB: Final = 1e-3
"""Largest logarithm that rounding can give a probability; up to here, values above zero count as zero."""

_LEAST_COVERAGE: Final = float(np.finfo(np.float32).tiny)
"""Floor of the attention that a position receives in all, so that its logarithm is finite."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A sequence of words that a search found.

    Attributes:
        ids: Ids of its words, without ``</s>``.
        log_prob: Natural log-probability of its words and of ``</s>``, if it is finished.
        score: What it was ranked by: ``log_prob`` after length normalization, and with the coverage penalty.
        attention: Weights of the source's positions for each event: [len(ids) + finished, S]; None without attention.
        finished: Whether it ends in ``</s>``. False only if no finished hypothesis had a probability above zero.
    """

    ids: tuple[int, ...]
    log_prob: float
    score: float
    attention: NDArray[Any] | None
    finished: bool


@dataclass(frozen=True)
class BeamOptions:
    """Options of a beam search.

    Attributes:
        beam: Number of hypotheses per source that are kept at each step.
        n_best: Number of hypotheses returned per source, at most ``beam``; there may be fewer.
        max_length: Maximum number of words; None: only ``max_ratio`` limits it.
        max_ratio: Maximum number of words per token of the source, to which 10 words are added; None: only
            ``max_length`` limits it. Without effect where the sources have no length.
        min_length: Minimum number of words.
        normalization: Divisor of log-probabilities in scores: ``none``; ``gnmt``, ((5 + |Y|) / 6)^alpha (Wu et al.
            2016); ``average``, |Y|.
        alpha: Exponent of ``gnmt``; None: 0.6.
        coverage: Weight β of GNMT's coverage penalty β Σ_i log min(Σ_j a_ij, 1), where a_ij is the attention of event
            j to position i of the source. The penalty is added to the scores of finished hypotheses.
        allow_unk: Whether ``<unk>`` can be produced.

    Raises:
        HyperParameterError: A value is not valid, or has no effect beside the others.
    """

    beam: int = 5
    n_best: int = 1
    max_length: int | None = None
    max_ratio: float | None = 2.0
    min_length: int = 0
    normalization: Normalization = "gnmt"
    alpha: float | None = None
    coverage: float = 0.0
    allow_unk: bool = False

    def __post_init__(self) -> None:
        check_whole("beam", self.beam, at_least=1)
        check_whole("n_best", self.n_best, at_least=1)
        check_whole("min_length", self.min_length, at_least=0)
        if self.n_best > self.beam:
            raise HyperParameterError(f"n_best must be at most beam: {self.n_best} is above {self.beam}")
        if self.max_length is not None:
            check_whole("max_length", self.max_length, at_least=1)
            if self.min_length > self.max_length:
                raise HyperParameterError(
                    f"min_length must be at most max_length: {self.min_length} is above {self.max_length}"
                )
        if self.max_ratio is not None:
            check_not_negative("max_ratio", self.max_ratio)
        if self.normalization not in get_args(Normalization):
            raise HyperParameterError(f"normalization must be none, gnmt or average, not {self.normalization!r}")
        if self.alpha is not None:
            check_not_negative("alpha", self.alpha)
            if self.normalization != "gnmt":
                raise HyperParameterError(f"alpha has no effect with normalization={self.normalization}: drop it")
        check_not_negative("coverage", self.coverage)
        if not isinstance(self.allow_unk, bool):
            raise HyperParameterError(f"allow_unk must be true or false, not {self.allow_unk!r}")

    def length_limits(self, sources: int, source_lengths: Sequence[int] | NDArray[Any] | None) -> NDArray[np.int64]:
        """Return the maximum number of words per source: int64 [sources].

        Args:
            sources: Number of sources.
            source_lengths: Number of tokens of each source: integers [sources]; None if they have none.

        Raises:
            HyperParameterError: Nothing limits the length.
        """
        limits = np.full(sources, np.iinfo(np.int64).max if self.max_length is None else self.max_length, np.int64)
        if source_lengths is not None and self.max_ratio is not None:
            relative = np.floor(np.asarray(source_lengths, np.float64) * self.max_ratio) + EXTRA_LENGTH
            limits = np.minimum(limits, np.minimum(relative, 2.0**62).astype(np.int64))
        elif self.max_length is None:
            raise HyperParameterError("max_length must be given where max_ratio does not limit the number of words")
        return np.maximum(limits, self.min_length)

    def length_divisor(self, events: Any) -> Any:
        """Return the divisor of log-probabilities of sequences with this number of events: number or array."""
        if self.normalization == "average":
            return events
        if self.normalization == "gnmt":
            return ((5 + events) / 6) ** (DEFAULT_ALPHA if self.alpha is None else self.alpha)
        return 1

    def coverage_penalty(self, attention: NDArray[Any]) -> float:
        """Return what the attention that each position received in all, [S], adds to a score: at most zero."""
        return self.coverage * float(np.log(np.clip(attention, _LEAST_COVERAGE, 1.0)).sum())


def checked_lengths(source_lengths: Sequence[int] | NDArray[Any] | None, sources: int) -> NDArray[np.int64] | None:
    """Return lengths of sources as int64 [sources], or None if there are none.

    Raises:
        HyperParameterError: They are not whole numbers of at least zero, one per source.
    """
    if source_lengths is None:
        return None
    lengths = np.asarray(source_lengths)
    if lengths.shape != (sources,) or (sources and (lengths.dtype.kind not in "iu" or (lengths < 0).any())):
        raise HyperParameterError(f"source_lengths must be {sources} whole numbers ≥ 0, one per source")
    return lengths.astype(np.int64)
