"""Estimation of the table of an ``NGram`` from the counts of its training text."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from nlmkit.language_models.ngram.gathering import Gathered, validation_text
from nlmkit.language_models.ngram.pruning import count_keep, entropy_prune, history_log_probs_from_counts
from nlmkit.language_models.ngram.reports import fit_report
from nlmkit.language_models.ngram.smoothing import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Floats, Keep
    from nlmkit.text import Corpus, TextPipeline, Vocabulary


@dataclasses.dataclass(frozen=True)
class Estimated:
    """An estimated model, not yet pruned to a size or converted to its precision.

    Attributes:
        table: The table.
        report: Report of the fit.
        objection: Reason why ARPA cannot represent the model; None if it can.
        vocabulary: Vocabulary.
        pipeline: Text pipeline.
        valid: Validation text, if there is any.
        counts: Counts of the training text and the n-grams kept; None outside memory.
    """

    table: BackoffTable
    report: dict[str, Any]
    objection: str | None
    vocabulary: Vocabulary
    pipeline: TextPipeline
    valid: Corpus | None
    counts: tuple[NGramCounts, Keep] | None = None

    def history_log_probs(self) -> list[Floats]:
        """Return the log-probabilities of the n-grams as contexts, by their counts, for each order."""
        assert self.counts is not None  # pruning to a size is refused outside memory
        return _history_log_probs(*self.counts)


def estimated(model: NGramBase, text: Gathered, run: RunOptions) -> Estimated:
    """Estimate a table with the options of a model, which is not changed.

    Raises:
        HyperParameterError: An option is invalid.
    """
    counts = text.counts
    counts.closed = model.closed
    keep = count_keep(counts, model.prune)
    run.stage("estimating probabilities")
    options = Options(
        keep=keep,
        discounts=model.discounts,
        add_k=model.add_k,
        katz_max=model.katz_max,
        stupid_backoff=model.backoff_factor,
        valid_event_ids=None if text.valid is None else text.valid.event_ids(text.vocabulary),
        workers=run.workers,
    )
    found = estimate(model.smoothing, counts, options)
    table = BackoffTable.from_estimate(counts, found, keep, in_place=True)
    if model.entropy_prune > 0:
        table = entropy_prune(table, model.entropy_prune, _history_log_probs(counts, keep))
    sizes = [len(level) for level in counts.levels]
    report = fit_report(found, table, sizes=sizes, sentences=counts.sentences, events=counts.events)
    return Estimated(table, report, found.arpa_objection, text.vocabulary, text.pipeline, text.valid, (counts, keep))


def estimated_outside_memory(model: NGramBase, data: Any, valid: Any, run: RunOptions) -> Estimated:
    """Estimate a table by tasks over temporary files; arguments and errors of ``NGram.fit``."""
    from nlmkit.language_models.ngram.external.outside import fit_model

    text, fitted = fit_model(model, data, run)
    table, pipeline = fitted.table, text.pipeline_or_default
    report = fit_report(fitted, table, sizes=fitted.sizes, sentences=text.sentences, events=text.events)
    valid_corpus = validation_text(valid, pipeline)
    return Estimated(table, report, fitted.arpa_objection, fitted.vocabulary, pipeline, valid_corpus)


def _history_log_probs(counts: NGramCounts, keep: Keep) -> list[Floats]:
    return [row[kept] for row, kept in zip(history_log_probs_from_counts(counts), keep, strict=True)]
