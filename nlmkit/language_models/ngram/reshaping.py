"""Tables of fitted models made smaller: pruned by a threshold or to a size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlmkit.core.parts import stored_bytes
from nlmkit.language_models.ngram.precision import plain
from nlmkit.language_models.ngram.pruning import Pruned, entropy_prune, history_log_probs_from_model, prune_to_size
from nlmkit.language_models.ngram.size import Size, bytes_per_ngram, overhead

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.language_models.ngram.estimates import Floats
    from nlmkit.language_models.ngram.table import BackoffTable


def pruned(model: NGramBase, threshold: float | None, to: int | str | None) -> Pruned:
    """Return the table of a fitted model pruned; one of the arguments of ``NGram.pruned`` is given.

    Raises:
        HyperParameterError: The argument is invalid, or the size too small for the single words.
    """
    whole = plain(model.table_)
    log_probs = history_log_probs_from_model(whole)
    if to is not None:
        return pruned_to(model, Size.of(to, "the size to prune to"), whole, log_probs)
    assert threshold is not None
    return Pruned(entropy_prune(whole, threshold, log_probs), threshold)


def pruned_to(model: NGramBase, size: Size, table: BackoffTable, history_log_probs: Sequence[Floats]) -> Pruned:
    """Return the table of a fitted model pruned to a size.

    Args:
        model: The model.
        size: Largest size.
        table: Its table, with plain arrays.
        history_log_probs: Log-probabilities of the n-grams as contexts, for each order.

    Raises:
        HyperParameterError: The size is too small for the single words, or does not apply to the precision.
    """
    size.check_precision(model.precision)
    besides, costs = 0, [1] * table.order
    if size.in_bytes:
        besides, costs = overhead(table, stored_bytes(model)), bytes_per_ngram(table, model.precision)
    return prune_to_size(table, size.number - besides, costs, history_log_probs, besides=besides)
