"""Language models in a comparison: what each scored, its rank, and its difference from the next one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlmkit.core.short_repr import short_repr
from nlmkit.language_models.report import PerplexityReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Scores of a model on the text.

    Attributes:
        model: Name to show.
        report: The report.
        log_probs: Natural log-probability of each sentence: float64 [sentences].
        events: Words and ``</s>`` of each sentence: int64 [sentences].
        training: Number of training steps and epochs, if the model was trained in steps.
        characters: Characters of the raw text; None if it was given as tokens.
        line_lengths: The same per sentence, with its line feed, or the bytes where models are ranked by those: int64
            [sentences]; None if they were not counted.
        settings: Component and hyper-parameters without seeds.
    """

    model: str
    report: PerplexityReport
    log_probs: NDArray[np.float64]
    events: NDArray[np.int64]
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)
    characters: int | None = None
    line_lengths: NDArray[np.int64] | None = None
    settings: str = ""

    def __repr__(self) -> str:
        return short_repr(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refused:
    """A model that is not ranked.

    Attributes:
        model: Name to show.
        reasons: Reasons for the exclusion.
        report: Report on the text; None for a model without a perplexity.
    """

    model: str
    reasons: tuple[str, ...]
    report: PerplexityReport | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranked:
    """A ranked model.

    Attributes:
        rank: 1 for the lowest perplexity, or bits per character or byte; equal ones share a rank.
        model: Name to show.
        report: The report.
        interval: Percentile interval of that measure at ``CONFIDENCE``; None for a text with a single sentence or
            without samples.
        training: Number of training steps and epochs, if the model was trained in steps.
        settings: Component and hyper-parameters without seeds.
    """

    rank: int
    model: str
    report: PerplexityReport
    interval: tuple[float, float] | None
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)
    settings: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """Comparison of a ranked model with the next one.

    Attributes:
        better: The model with the lower perplexity, or bits per character.
        worse: The next one.
        ratio: That measure of ``worse`` divided by that of ``better``; None if one is infinite.
        interval: Percentile interval of the ratio, like that of ``Ranked``.
        p_value: Probability of a difference at least as large if the two models were interchangeable; None if a
            perplexity is infinite or there are no samples.
        wins: Number of sentences with a higher probability under ``better``.
        losses: Number of sentences with a higher probability under ``worse``.
        ties: Number of other sentences.
    """

    better: str
    worse: str
    ratio: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    wins: int
    losses: int
    ties: int
