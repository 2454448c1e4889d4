"""Text for an ``NGram`` read and counted: its training text, or more text."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.combining import added, with_more_words
from nlmkit.language_models.ngram.count_files import NGramCountFiles
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.vocabularies import check_closed, check_growing, grown
from nlmkit.text import Corpus, TextPipeline, Vocabulary

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.language_models.ngram.kept_counts import KeptCounts


@dataclasses.dataclass(frozen=True)
class Gathered:
    """What a model is estimated from.

    Attributes:
        counts: Counts of the training text.
        vocabulary: Its vocabulary.
        pipeline: Its text pipeline.
        valid: Validation text, if there is any.
    """

    counts: NGramCounts
    vocabulary: Vocabulary
    pipeline: TextPipeline
    valid: Corpus | None


def training_text(model: NGramBase, data: Any, valid: Any, run: RunOptions) -> Gathered:
    """Read and count the training text; arguments and errors of ``NGram.fit``."""
    if isinstance(data, NGramCountFiles):
        valid_corpus = validation_text(valid, data.pipeline)
        vocabulary, counts = data.read(model, order=model.order, closed=model.closed, run=run)
        return Gathered(counts, vocabulary, data.pipeline, valid_corpus)
    run.stage("reading text")
    corpus = data if isinstance(data, Corpus) else Corpus.read(data)
    pipeline = corpus.pipeline or TextPipeline()
    valid_corpus = validation_text(valid, pipeline)
    vocabulary = model.limited_vocabulary(corpus)
    if model.closed:
        check_closed(corpus, vocabulary)
    run.stage("counting n-grams", corpus.events)
    counts = count_ngrams(
        corpus.event_ids(vocabulary), model.order, len(vocabulary), workers=run.workers, advance=run.advance
    )
    return Gathered(counts, vocabulary, pipeline, valid_corpus)


def more_text(model: NGramBase, kept: KeptCounts, data: Any, valid: Any, run: RunOptions) -> Gathered:
    """Read and count more text, and add the kept counts of a fitted model; arguments and errors of ``NGram.update``."""
    check_growing(model)
    run.stage("reading text")
    corpus, pipeline = model.encode(data), model.pipeline_
    if not corpus.sentences:
        raise DataError("the text to add is empty", source=", ".join(corpus.sources) or None)
    valid_corpus = validation_text(valid, pipeline)
    vocabulary = grown(model.vocabulary_, corpus, fixed=model.vocabulary_file is not None)
    if model.closed:
        check_closed(corpus, vocabulary)
    old = kept.counts(model.order, len(model.vocabulary_))
    run.stage("counting n-grams", corpus.events)
    new = count_ngrams(corpus.event_ids(vocabulary), model.order, len(vocabulary), advance=run.advance)
    return Gathered(added(with_more_words(old, len(vocabulary)), new), vocabulary, pipeline, valid_corpus)


def validation_text(valid: Any, pipeline: TextPipeline) -> Corpus | None:
    """Return the validation text, if there is any."""
    return valid if valid is None or isinstance(valid, Corpus) else Corpus.read(valid, pipeline)
