"""What ``NGram.fit`` reports: sizes, discounts, notes, and the perplexity of validation text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nlmkit.text.vocabulary import BOS_ID, EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Estimate
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus


def fit_report(counts: NGramCounts, estimated: Estimate, table: BackoffTable) -> dict[str, Any]:
    """Return the report of a fit, JSON-ready."""
    unigrams = counts.levels[0].raw
    sentences = int(unigrams[EOS_ID])
    events = int(unigrams.sum() - unigrams[BOS_ID])
    report: dict[str, Any] = {
        "sentences": sentences,
        "events": events,
        "ngrams": table.sizes,
        "ngrams_before_pruning": [len(level) for level in counts.levels],
        "notes": [*_notes_on(sentences, events - sentences), *estimated.notes],
    }
    if estimated.discounts is not None:
        report["discounts"] = estimated.discounts
    if estimated.weights is not None:
        report["weights"] = estimated.weights
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
