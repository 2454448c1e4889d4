"""How predictions and probabilities of a sequence-to-sequence model are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.errors import NotNormalizedError
from nlmkit.language_models import report as perplexities
from nlmkit.seq2seq.bleu import text_figures
from nlmkit.seq2seq.inputs import encoded
from nlmkit.seq2seq.report import TranslationReport
from nlmkit.seq2seq.translating import translations
from nlmkit.text import UNK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.report import PerplexityReport
    from nlmkit.seq2seq.fitted import FittedModel
    from nlmkit.seq2seq.pairs import Pairs
    from nlmkit.seq2seq.search import Search
    from nlmkit.text.parallel import ParallelTexts


def perplexity_report(
    model: FittedModel, pairs: Pairs, log_probs: NDArray[np.float64] | None = None
) -> PerplexityReport:
    """Return the perplexity report of the targets, given their sources.

    The labels of the report identify the sources and, for texts, how they were read.

    Args:
        model: The model.
        pairs: The pairs.
        log_probs: What ``log_probs_of`` returns for them, if it is known: float64 [events].

    Raises:
        NotNormalizedError: The model's scores are not probabilities.
    """
    if not model.normalized:
        raise NotNormalizedError(f"scores of {model.name} are not probabilities and have no perplexity: use score")
    return perplexities.perplexity_report(
        model.log_probs_of(pairs) if log_probs is None else log_probs,
        corpus=pairs.targets,
        vocabulary=model.vocabulary_,
        context="sentence",
        component=model.name,
        model_digest=model.digest,
        unknown_rule=model.unknown_rule,
        adapted=False,
        labels=_labels(model, pairs),
    )


def _labels(model: FittedModel, pairs: Pairs) -> dict[str, str]:
    """Return what the signature says of the sources."""
    labels = {"src": f"{len(pairs)}-{pairs.sources.digest}"}
    if pairs.sources.corpus is None:
        labels["src-dim"] = str(model.dimension_)
    else:
        assert model.source_pipeline_ is not None
        assert model.source_vocabulary_ is not None
        labels["src-tok"] = model.source_pipeline_.tokenizer
        labels["src-V"] = str(len(model.source_vocabulary_) - 1)
        labels["src-oov"] = str(int(pairs.sources.corpus.oov_mask(model.source_vocabulary_).sum()))
    return {name: _without_marks(value) for name, value in labels.items()} | dict(model.report_labels)


def _without_marks(value: str) -> str:
    return value.replace("|", "-").replace(":", "-")


def report(model: FittedModel, data: ParallelTexts, search: Search, *, resamples: int, seed: int) -> TranslationReport:
    """Translate sources and compute the report.

    Args:
        model: The model.
        data: Sources with targets.
        search: How targets are searched.
        resamples: Number of bootstrap samples of the interval of BLEU.
        seed: Seed of the bootstrap.

    Raises:
        DataError: Sources or targets are unusable.
    """
    of_targets = perplexity_report(model, encoded(model, data))
    distinct, references = data.references()
    found = [best[0] for best in translations(model, data.subset(distinct), search)]
    predictions = tuple(one.text for one in found)
    figures = text_figures(predictions, references, resamples=resamples, seed=seed)
    return TranslationReport(
        pairs=len(data),
        sources=len(predictions),
        references=max(map(len, references)),
        figures=figures,
        perplexity_report=of_targets,
        search=search.description,
        unfinished=sum(not one.finished for one in found),
        unknown=sum(token == UNK for one in found for token in one.tokens),
        predictions=predictions,
        resamples=resamples,
        seed=seed,
    )
