"""Options of the smoothing methods."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.estimates import Keep

Discounts = tuple[float | tuple[float, ...] | None, ...]


@dataclasses.dataclass
class Options:
    """Options of ``NGram`` for the smoothing methods.

    Attributes:
        keep: For each order, the n-grams kept by count pruning, bool [n_k].
        discounts: Discounts that replace estimated ones; None for an order to estimate.
        add_k: Constant that ``add-k`` adds to every count.
        katz_max: Largest count discounted by ``katz``.
        stupid_backoff: Backoff factor of ``stupid-backoff``.
        valid_event_ids: Validation text for ``jelinek-mercer``, int32 [events], or None.
        workers: Number of threads; the estimate does not depend on it.
    """

    keep: Keep
    discounts: Discounts | None = None
    add_k: float = 1.0
    katz_max: int = 5
    stupid_backoff: float = 0.4
    valid_event_ids: NDArray[np.int32] | None = None
    workers: int = 1
