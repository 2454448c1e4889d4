"""What a comparison needs of each model: numbers per item, and the figures that models can be ranked by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nlmkit.comparing.paired import FigureOf, figure
from nlmkit.core.seeds import settings_without_seed
from nlmkit.core.short_repr import short_repr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.core.component import Component


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that models can be ranked by.

    Attributes:
        name: Its name, as ``--by`` takes it.
        heading: Head of its column.
        of: The figure of sums over items.
        descending: Whether greater is better.
    """

    name: str
    heading: str
    of: FigureOf
    descending: bool = True


Counted = Callable[[], "NDArray[np.float64]"]
"""Function that returns what a figure sums up: float64 [items, k]."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ScoredItems:
    """Scores of a model on the items of a test set.

    Attributes:
        model: Name to show.
        items: Number of items.
        counts: What the figure that models are ranked by sums up: float64 [items, k].
        figures: All figures of the kind by name; None for an undefined one.
        single: How good each item is, greater is better, to count the items that a model wins: float64 [items].
        settings: Component and hyper-parameters without seeds, and the training vocabulary or labels.
        digest: Digest of the model.
        signature: Facts that the figures depend on, as of the kind's report.
    """

    model: str
    items: int
    counts: NDArray[np.float64]
    figures: Mapping[str, float | None]
    single: NDArray[np.float64]
    settings: str
    digest: str
    signature: str

    def __repr__(self) -> str:
        return short_repr(self)


@dataclasses.dataclass(frozen=True)
class NotScored:
    """A model that is not ranked, and why."""

    model: str
    reason: str


def scored_items(
    name: str,
    model: Component,
    counts: Mapping[str, tuple[Figure, Counted]],
    single: NDArray[np.float64],
    *,
    by: str,
    signature: str,
    facts: str = "",
) -> ScoredItems | NotScored:
    """Return the scores of a model, from what its figures sum up.

    Args:
        name: Name to show.
        model: The model.
        counts: The figures of the kind by name, each with what it sums up.
        single: How good each item is: float64 [items].
        by: The figure that models are ranked by.
        signature: Facts that the figures depend on.
        facts: What models that differ only in their seed have in common beside their hyper-parameters.
    """
    found = {each: made() for each, (_, made) in counts.items()}
    values = {each: figure(found[each], counts[each][0].of) for each in found}
    if by not in values or math.isnan(values[by]):
        return NotScored(name, f"its {by} is undefined on this text")
    return ScoredItems(
        model=name,
        items=len(single),
        counts=found[by],
        figures={each: None if math.isnan(value) else value for each, value in values.items()},
        single=single,
        settings=settings + facts if (settings := settings_without_seed(model)) else name,
        digest=model.digest,
        signature=signature,
    )
