"""Smoothing methods: estimation of probabilities from n-gram counts; one file per method.

Heavy modules are imported when a model is estimated.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Estimate, Keep
    from nlmkit.language_models.ngram.smoothing.options import Discounts, Options

METHODS: tuple[str, ...] = (
    "modified-kneser-ney",
    "kneser-ney",
    "absolute",
    "witten-bell",
    "katz",
    "jelinek-mercer",
    "add-k",
    "stupid-backoff",
    "mle",
)
"""Names of the smoothing methods; the default is first."""

DISCOUNTS_PER_ORDER: dict[str, int | None] = {
    "modified-kneser-ney": 3,
    "kneser-ney": 1,
    "absolute": 1,
    "katz": None,
}
"""Length of ``discounts`` per order, for methods with discounts; None means ``katz_max``."""

HAS_ZEROS = "some of its probabilities are zero, and have no logarithm to write"
"""Reason why ARPA cannot represent a model with zeros."""

NEVER_PRUNED = ("add-k", "mle")
"""Methods without a lower order to back off to for pruned n-grams."""


def check_options(name: str, *, order: int, discounts: Discounts | None, pruned: bool) -> None:
    """Check the options of a method before any text is read.

    Raises:
        HyperParameterError: The method is unknown, has no discounts or cannot be pruned.
    """
    if name not in METHODS:
        raise HyperParameterError(
            f"unknown smoothing {name!r}{suggestion(name, METHODS)}; expected one of {', '.join(METHODS)}"
        )
    if discounts is not None:
        if name not in DISCOUNTS_PER_ORDER:
            raise HyperParameterError(f"smoothing={name} has no discounts: drop discounts")
        if len(discounts) > order:
            raise HyperParameterError(f"discounts for {len(discounts)} orders, but the model has order {order}")
    if name in NEVER_PRUNED and pruned:
        raise HyperParameterError(f"smoothing={name} cannot be pruned: it has no lower order to back off to")


def estimate(name: str, counts: NGramCounts, options: Options) -> Estimate:
    """Estimate a backoff model from counts.

    Every method except ``stupid-backoff`` yields a distribution over all ids except ``<s>`` after every context. A
    text without events yields the uniform distribution.

    Args:
        name: One of ``METHODS``.
        counts: Counts of the training text.
        options: N-grams to keep, and options of the method.

    Raises:
        HyperParameterError: The method is unknown, or an option is invalid or belongs to another method.
    """
    pruned = not all(kept.all() for kept in options.keep)
    check_options(name, order=counts.order, discounts=options.discounts, pruned=pruned)
    method = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    estimated: Estimate = method.estimate(counts, options)
    if not counts.levels[0].raw.any():
        estimated.notes = ["the text has no events; all words have the same probability"]
    if estimated.arpa_objection is None and _has_zeros(estimated, options.keep, closed=counts.closed):
        estimated.arpa_objection = HAS_ZEROS
    return estimated


def _has_zeros(estimated: Estimate, keep: Keep, *, closed: bool) -> bool:
    from nlmkit.text.vocabulary import BOS_ID, UNK_ID

    values = [*estimated.probs, *estimated.backoffs]
    zeros = [row == 0.0 for row in values]
    zeros[0][BOS_ID] = False
    if closed:
        zeros[0][UNK_ID] = False
    kept = [*keep, *keep[:-1]]
    return any(bool((zero & stays).any()) for zero, stays in zip(zeros, kept, strict=True))
