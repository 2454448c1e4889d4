"""The fitted parts of an ``NGram``, as the modules that make them return them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.kept_counts import KeptCounts
    from nlmkit.language_models.ngram.precision import Table


@dataclasses.dataclass(frozen=True, kw_only=True)
class FittedParts:
    """What a fitted model consists of, in addition to its text pipeline and vocabulary.

    Attributes:
        table: The table.
        report: Report of the fit.
        objection: Reason why ARPA cannot represent the model; None if it can.
        counts: Counts kept with the model, if any are.
        sum_gap: See ``precision.sum_gap``; None for plain tables and for scores.
    """

    table: Table
    report: dict[str, Any]
    objection: str | None = None
    counts: KeptCounts | None = None
    sum_gap: float | None = None
