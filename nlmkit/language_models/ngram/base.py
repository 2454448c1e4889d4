"""Hyper-parameters and fitted state of ``NGram``, for the modules that it delegates to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.parameters import param, value_of
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.ngram.fitted_parts import FittedParts
from nlmkit.language_models.ngram.smoothing import METHODS

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.kept_counts import KeptCounts
    from nlmkit.language_models.ngram.precision import Table

IMPORTED: Final = "imported"
"""Value of ``smoothing`` for a model read from a file; such a model cannot be fitted."""

MIXED: Final = "mixed"
"""Value of ``smoothing`` for a model mixed from others; such a model cannot be fitted."""

NOT_FITTED: Final = {IMPORTED: "models read from a file", MIXED: "models mixed from others"}
"""Values of ``smoothing`` of models that were not fitted, and the models they are reserved for."""

PRECISIONS = ("float64", "float32", "packed", *(f"q{bits}" for bits in range(2, 17)))
"""Forms of the fitted table."""


@dataclasses.dataclass(kw_only=True)
class NGramBase(VocabularyLimits, LanguageModel):
    """Hyper-parameters and fitted state of ``NGram``."""

    name = "ngram"

    order: int = param(5, ge=1, le=20, help="length of the longest n-gram")
    smoothing: str = param("modified-kneser-ney", choices=(*METHODS, IMPORTED, MIXED), help="smoothing method")
    discounts: tuple[float | tuple[float, ...] | None, ...] | None = param(
        None, ge=0, help="discounts per order instead of estimated ones; null keeps the estimates of an order"
    )
    prune: tuple[int, ...] | None = param(
        None, ge=0, help="drop n-grams with at most this count, per order; the last applies to higher orders"
    )
    entropy_prune: float = param(
        0.0, ge=0, help="drop n-grams whose removal raises perplexity by less than this fraction (Stolcke 1998)"
    )
    prune_to: int | str | None = param(
        None,
        ge=1,
        later=True,
        help="keep at most this many n-grams (1M), or bytes of the saved model (20MB), by entropy; single words stay",
    )
    add_k: float = param(
        1.0, gt=0, le=1e9, help="constant added to each count by smoothing=add-k", needs=value_of("smoothing", "add-k")
    )
    katz_max: int = param(
        5, ge=1, le=1000, help="largest count discounted by smoothing=katz", needs=value_of("smoothing", "katz")
    )
    backoff_factor: float = param(
        0.4,
        gt=0,
        le=1,
        help="factor of smoothing=stupid-backoff",
        needs=value_of("smoothing", "stupid-backoff"),
    )
    precision: str = param(
        "float64",
        choices=PRECISIONS,
        help="form of the fitted table: float64, float32, packed (float32 values, packed words) or quantised to 2–16 "
        "bits, q2 to q16; q8 takes 4 to 5 bytes per n-gram",
    )
    closed: bool = param(
        False, later=True, help="leave <unk> no probability; the training text must not have unknown words"
    )
    keep_counts: bool = param(
        False, later=True, help="save the counts with the model, to add more text (update) or write them to a file"
    )

    def _set_fitted(self, parts: FittedParts) -> None:
        """Set the fitted parts; ``_store`` follows for a table that is not in the model's precision."""
        self.table_: Table = parts.table
        self.counts_: KeptCounts | None = parts.counts
        self.fit_report_ = parts.report
        self._objection, self._sum_gap = parts.objection, parts.sum_gap

    def _store(self, table: Table, facts: Mapping[str, Any]) -> None:
        """Keep a table in the model's precision, and add facts about it to the report."""
        from nlmkit.language_models.ngram.precision import in_precision, sum_gap

        self.table_ = in_precision(table, self.precision, normalized=self.normalized)
        self._sum_gap = sum_gap(self.table_) if self.normalized else None
        gap = {} if self._sum_gap is None else {"sum_gap": self._sum_gap}
        self.fit_report_ = {**self.fit_report_, **facts, **gap}

    @property
    def normalized(self) -> bool:
        """False for ``stupid-backoff``."""
        return self.smoothing != "stupid-backoff"
