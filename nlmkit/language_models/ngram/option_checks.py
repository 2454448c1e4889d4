"""Checks of the options of an ``NGram`` before any text is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.base import NOT_FITTED
from nlmkit.language_models.ngram.size import Size
from nlmkit.language_models.ngram.smoothing import check_options

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.base import NGramBase


def check_fit(model: NGramBase, valid: Any) -> None:
    """Raise an error for options that contradict each other or lack the validation text that they require.

    Raises:
        HyperParameterError: There are some.
    """
    if model.smoothing in NOT_FITTED:
        raise HyperParameterError(
            f"smoothing={model.smoothing} is reserved for {NOT_FITTED[model.smoothing]}: "
            "choose a smoothing method to fit a model"
        )
    if model.prune_to is not None:
        Size.of(model.prune_to).check_precision(model.precision)
    by_entropy = "entropy_prune" if model.entropy_prune > 0 else "prune_to" if model.prune_to is not None else None
    if model.entropy_prune > 0 and model.prune_to is not None:
        raise HyperParameterError("entropy_prune and prune_to both prune by entropy: drop one of them")
    pruned = by_entropy is not None or any(model.prune or ())
    check_options(model.smoothing, order=model.order, discounts=model.discounts, pruned=pruned)
    if model.smoothing == "jelinek-mercer" and valid is None:
        raise HyperParameterError("smoothing=jelinek-mercer requires validation text: add --valid FILE")
    if by_entropy is not None and model.smoothing == "stupid-backoff":
        raise HyperParameterError(f"{by_entropy} requires probabilities, but smoothing=stupid-backoff produces scores")


def check_prunable(model: NGramBase, threshold: float | None, to: int | str | None) -> None:
    """Raise an error for a fitted model that cannot be pruned, or not with these arguments of ``NGram.pruned``.

    Raises:
        HyperParameterError: Neither or both arguments are given, or the model has no lower order to back off to.
    """
    if (threshold is None) == (to is None):
        raise HyperParameterError("pruning requires a threshold, or the size to prune to, and not both")
    if not model.normalized or model._objection is not None:
        raise HyperParameterError(f"smoothing={model.smoothing} cannot be pruned: it has no lower order to back off to")
