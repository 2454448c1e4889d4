"""F1 of spans and accuracy of tags from arrays of ids, as models need them between epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.taggers.span_tables import aligned, is_in, span_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def accuracy_of(gold: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the share of tokens with the right tag; NaN without tokens.

    Args:
        gold: Right tags: ids [tokens].
        predicted: Predicted tags: ids [tokens].
    """
    return float(np.mean(gold == predicted)) if len(gold) else float("nan")


def f1_of(gold: NDArray[Any], predicted: NDArray[Any], offsets: NDArray[np.int64], tags: Sequence[str]) -> float:
    """Return F1 of spans, 0 if there are neither right nor predicted ones.

    Args:
        gold: Right tags: ids [tokens].
        predicted: Predicted tags: ids [tokens].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        tags: The tags of the ids, BIOES.
    """
    one, two = aligned(*(span_table(tags, ids, offsets, "BIOES") for ids in (gold, predicted)))
    correct = int(is_in(one, two, tokens=len(gold)).sum())
    return f1(correct, len(one), len(two))


def f1(correct: float, gold: float, predicted: float) -> float:
    """Return the harmonic mean of precision and recall, 0 if there are neither right nor predicted spans."""
    return 2 * correct / (gold + predicted) if gold + predicted else 0.0
