"""What ``NGram.fit`` reports: sizes, discounts, notes, and the perplexity of validation text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.ngram.estimates import Estimate
    from nlmkit.language_models.ngram.external.fitting import Fitted
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus


def fit_report(
    estimated: Estimate | Fitted, table: BackoffTable, *, sizes: Sequence[int], sentences: int, events: int
) -> dict[str, Any]:
    """Return the report of a fit, JSON-ready.

    Args:
        estimated: What was estimated.
        table: The table.
        sizes: Number of n-grams of each order before pruning.
        sentences: Number of sentences of the training text.
        events: Number of words and sentence ends of the training text.
    """
    report: dict[str, Any] = {
        "sentences": sentences,
        "events": events,
        "ngrams": table.sizes,
        "ngrams_before_pruning": list(sizes),
        "notes": [*_notes_on(sentences, events - sentences), *estimated.notes],
    }
    if estimated.discounts is not None:
        report["discounts"] = estimated.discounts
    weights = getattr(estimated, "weights", None)
    if weights is not None:
        report["weights"] = weights
    return report


def _notes_on(sentences: int, words: int) -> list[str]:
    if words:
        return []
    lines = "one blank line" if sentences == 1 else f"{sentences} blank lines"
    return [f"the training text has no words, only {lines}: the model can only predict the end of a sentence"]


def with_validation(report: Mapping[str, Any], model: LanguageModel, valid: Corpus, scores: str) -> dict[str, Any]:
    """Return the report with the perplexity of the validation text, or the reason why it is undefined.

    Args:
        report: Report of the fit.
        model: The fitted model.
        valid: Validation text.
        scores: Description of a model whose scores are not probabilities, such as ``smoothing=stupid-backoff``.
    """
    if not model.normalized:
        reason = f"validation text ignored: scores of {scores} have no perplexity"
        return {**report, "notes": [*report["notes"], reason]}
    perplexity = model.perplexity(valid)
    if not valid.events:
        reason = "no perplexity: the validation text is empty"
    elif not math.isfinite(perplexity):
        reason = "no finite perplexity: an event of the validation text has probability zero"
    else:
        return {**report, "validation_perplexity": perplexity}
    return {**report, "notes": [*report["notes"], reason], "validation_perplexity": None}
