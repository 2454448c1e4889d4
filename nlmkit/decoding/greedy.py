"""Greedy search: ``greedy``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.decoding.beam import beam_search
from nlmkit.decoding.hypotheses import BeamOptions, Hypothesis
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows


def greedy(
    rows: Rows,
    *,
    sources: int,
    options: BeamOptions | None = None,
    source_lengths: Sequence[int] | NDArray[Any] | None = None,
) -> list[Hypothesis]:
    """Return the hypothesis of each source that the most probable word, or ``</s>``, makes at each step.

    Of equally probable ones the lowest id is chosen. This is beam search with a beam of 1.

    Args:
        rows: One row per source, with nothing read.
        sources: Number of sources.
        options: Limits of length and what is permitted; None: those of ``BeamOptions(beam=1)``.
        source_lengths: As for ``beam_search``.

    Raises:
        HyperParameterError: The beam of ``options`` is not 1; or as for ``beam_search``.
        NotNormalizedError: A score of the model is NaN or above zero.
    """
    options = options or BeamOptions(beam=1)
    if options.beam != 1:
        raise HyperParameterError(f"greedy search has a beam of 1, not {options.beam}: set beam to 1")
    found = beam_search(rows, sources=sources, options=options, source_lengths=source_lengths)
    return [hypotheses[0] for hypotheses in found]
