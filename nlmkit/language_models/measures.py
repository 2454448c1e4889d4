"""Measures by which language models are ranked: perplexity, or bits per character or byte where tokens differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

import numpy as np

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.report import comparable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.report import PerplexityReport

By = Literal["perplexity", "bits-per-character", "bits-per-byte"]
Unit = Literal["characters", "bytes"]


class ScoredText(Protocol):
    """The part of a model's scores of a text that measures need; ``Scored`` describes it."""

    @property
    def model(self) -> str:
        """Name of the model."""
        ...

    @property
    def report(self) -> PerplexityReport:
        """The report."""
        ...

    @property
    def events(self) -> NDArray[np.int64]:
        """Events of each sentence."""
        ...

    @property
    def characters(self) -> int | None:
        """Characters of the raw text."""
        ...

    @property
    def line_lengths(self) -> NDArray[np.int64] | None:
        """Characters of each raw line, or bytes where the measure is one of bytes."""
        ...


AnyScored = TypeVar("AnyScored", bound=ScoredText)


@dataclass(frozen=True)
class Measure:
    """A measure, lower is better, of the log-probability of a text per unit of the text.

    Attributes:
        name: Its name.
        unit: What of the raw text it counts: ``characters`` or ``bytes``; None for events.
        heading: Head of its column.
        digits: Digits of its interval in a table.
        value: Its value in a report.
        units: Units of each sentence, int64 [sentences]; None if they are not known.
        of_mean: The measure, from mean negative log-probabilities per unit.
        obstacles: Reasons why two models are not comparable by it.
    """

    name: By
    unit: Unit | None
    heading: str
    digits: int
    value: Callable[[PerplexityReport], float | None]
    units: Callable[[ScoredText], NDArray[np.int64] | None]
    of_mean: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    obstacles: Callable[[ScoredText, ScoredText], list[str]]

    def of(self, model: ScoredText) -> float:
        """Return its value for a model that is comparable by it."""
        value = self.value(model.report)
        return math.nan if value is None else value

    def ratio(self, worse: NDArray[np.float64], better: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the ratio of two models' measures, from mean negative log-probabilities per unit."""
        if self.name == "perplexity":
            ratios: NDArray[np.float64] = np.exp(worse - better)
            return ratios
        with np.errstate(divide="ignore", invalid="ignore"):
            quotients: NDArray[np.float64] = worse / better
        return quotients


def measure(by: Any) -> Measure:
    """Return the measure of a name.

    Raises:
        HyperParameterError: There is none.
    """
    for found in MEASURES:
        if found.name == by:
            return found
    raise HyperParameterError(f"by must be one of {', '.join(found.name for found in MEASURES)}, not {by!r}")


def largest_comparable(scored: Sequence[AnyScored], by: Measure) -> list[AnyScored]:
    """Return the largest set of models that are comparable; among equally large ones that with the first model."""
    groups: list[list[AnyScored]] = []
    for model in scored:
        if by.obstacles(model, model):
            continue
        group = next((group for group in groups if not by.obstacles(group[0], model)), None)
        if group is None:
            groups.append([model])
        else:
            group.append(model)
    return max(groups, key=len, default=[])


def _same_text(first: ScoredText, second: ScoredText) -> list[str]:
    """Return the reasons why bits per character of two models are not of the same raw text."""
    lacking = [model.model for model in (first, second) if model.report.bits_per_character is None]
    if lacking:
        return [f"{lacking[-1]} was given tokens, not raw text, and has no bits per character"]
    if (first.characters, first.report.sentences) == (second.characters, second.report.sentences):
        return []
    return [f"they read different characters ({first.characters} and {second.characters})"]


MEASURES: Final = (
    Measure(
        name="perplexity",
        unit=None,
        heading="PERPLEXITY",
        digits=2,
        value=lambda report: report.perplexity,
        units=lambda scored: scored.events,
        of_mean=np.exp,
        obstacles=lambda first, second: comparable(first.report, second.report),
    ),
    Measure(
        name="bits-per-character",
        unit="characters",
        heading="BITS/CHARACTER",
        digits=4,
        value=lambda report: report.bits_per_character,
        units=lambda scored: scored.line_lengths,
        of_mean=lambda means: means / math.log(2),
        obstacles=_same_text,
    ),
    Measure(
        name="bits-per-byte",
        unit="bytes",
        heading="BITS/BYTE",
        digits=4,
        value=lambda report: report.bits_per_byte,
        units=lambda scored: scored.line_lengths,
        of_mean=lambda means: means / math.log(2),
        obstacles=_same_text,
    ),
)
PERPLEXITY, BITS_PER_CHARACTER, BITS_PER_BYTE = MEASURES
