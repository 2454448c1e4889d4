"""What a smoothing method may need beside the counts."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.estimates import Keep

Discounts = tuple[float | tuple[float, ...] | None, ...]


@dataclasses.dataclass
class Options:
    """Options of ``NGram``, as the smoothing methods see them.

    Attributes:
        keep: For each order, which n-grams stay after count pruning, bool [n_k].
        discounts: Discounts that replace estimated ones; None at an order that is estimated.
        add_k: What ``add-k`` adds to every count.
        katz_max: Largest count that ``katz`` discounts.
        stupid_backoff: Backoff factor of ``stupid-backoff``.
        valid_event_ids: Validation text, int32 [events], for ``jelinek-mercer``; None if there is none.
    """

    keep: Keep
    discounts: Discounts | None = None
    add_k: float = 1.0
    katz_max: int = 5
    stupid_backoff: float = 0.4
    valid_event_ids: NDArray[np.int32] | None = None
