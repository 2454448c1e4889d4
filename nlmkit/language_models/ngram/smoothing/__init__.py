"""Smoothing: how probabilities are estimated from n-gram counts; one method to a file, named after it.

Nothing heavy is imported until a model is estimated.
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
"""Names of the smoothing methods, the default first."""

DISCOUNTS_PER_ORDER: dict[str, int | None] = {
    "modified-kneser-ney": 3,
    "kneser-ney": 1,
    "absolute": 1,
    "katz": None,
}
"""Numbers that ``discounts`` takes for each order, for the methods that have discounts; None: ``katz_max`` of them."""

NEVER_PRUNED = ("add-k", "mle")
"""Methods without a lower order that could take over what pruned n-grams had."""


def check_options(name: str, *, order: int, discounts: Discounts | None, pruned: bool) -> None:
    """Refuse options that the method does not have, before any text is read.

    Raises:
        HyperParameterError: There is no such method, or it has no discounts, or nothing can be pruned in its models.
    """
    if name not in METHODS:
        raise HyperParameterError(
            f"there is no smoothing {name!r}{suggestion(name, METHODS)}; one of {', '.join(METHODS)}"
        )
    if discounts is not None:
        if name not in DISCOUNTS_PER_ORDER:
            raise HyperParameterError(f"smoothing={name} has no discounts to set; leave discounts out")
        if len(discounts) > order:
            raise HyperParameterError(f"discounts are given for {len(discounts)} orders, and the model has {order}")
    if name in NEVER_PRUNED and pruned:
        raise HyperParameterError(
            f"smoothing={name} cannot be pruned: no lower order takes over what pruned n-grams had"
        )


def estimate(name: str, counts: NGramCounts, options: Options) -> Estimate:
    """Estimate a backoff model from counts.

    Every method but ``stupid-backoff`` gives a distribution over all ids but ``<s>`` after every context. A text
    without events gives the uniform distribution.

    Args:
        name: One of ``METHODS``.
        counts: Counts of the training text.
        options: Which n-grams stay, and the method's own options.

    Raises:
        HyperParameterError: There is no such method, or an option is wrong or belongs to another method.
    """
    pruned = not all(kept.all() for kept in options.keep)
    check_options(name, order=counts.order, discounts=options.discounts, pruned=pruned)
    method = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    estimated: Estimate = method.estimate(counts, options)
    if not counts.levels[0].raw.any():
        estimated.notes = ["the text has no events; all words have the same probability"]
    if estimated.arpa_objection is None and _has_zeros(estimated, options.keep):
        estimated.arpa_objection = "some of its probabilities are zero, and have no logarithm to write"
    return estimated


def _has_zeros(estimated: Estimate, keep: Keep) -> bool:
    from nlmkit.text.vocabulary import BOS_ID

    values = [*estimated.probs, *estimated.backoffs]
    zeros = [row == 0.0 for row in values]
    zeros[0][BOS_ID] = False
    kept = [*keep, *keep[:-1]]
    return any(bool((zero & stays).any()) for zero, stays in zip(zeros, kept, strict=True))
