"""What ``SequenceToSequence.fit`` does before and after a model is estimated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.seq2seq.inputs import refuse_blank, source_corpus
from nlmkit.seq2seq.pairs import Pairs, Sources
from nlmkit.text import TextPipeline, Tokenization, Vocabulary
from nlmkit.text.tokenization import trained_jointly
from nlmkit.text.unspaced import note_unspaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.seq2seq.fitted import FittedModel
    from nlmkit.text import Corpus
    from nlmkit.text.parallel import ParallelTexts


def training_pairs(model: FittedModel, data: ParallelTexts) -> tuple[Pairs, dict[str, Any], list[str]]:
    """Set pipelines, vocabularies and ``dimension_``; return the pairs, entries of ``fit_report_``, and notes.

    Raises:
        DataError: A source or target is blank, or the limits leave no words.
        HyperParameterError: A tokenizer is unknown, or options contradict each other.
    """
    _ = data.required_targets()
    source, target = _pipelines(model, data)
    model.source_pipeline_, model.pipeline_ = source, target
    targets = data.target_corpus(target)
    refuse_blank(targets, "target", data.target_source, data.lines)
    model.longest_target_ = int(np.diff(targets.offsets).max())
    facts: dict[str, Any] = {"pairs": len(data), "target_tokens": targets.tokens}
    if source is None:
        vectors = data.required_vectors()
        model.source_vocabulary_ = None
        model.dimension_, model.length_ratio_ = vectors.shape[1], None
        model.vocabulary_ = model.limited_vocabulary(targets)
        sources = Sources(vectors=vectors)
        facts |= {"dimension": model.dimension_}
    else:
        corpus = source_corpus(data, source)
        model.dimension_, model.length_ratio_ = None, targets.tokens / corpus.tokens
        _set_vocabularies(cast("Any", model), corpus, targets)
        sources = Sources(corpus=corpus, vocabulary=model.source_vocabulary_)
        facts |= {"source_tokens": corpus.tokens, "source_vocabulary": len(_of(model.source_vocabulary_))}
    facts |= {"target_vocabulary": len(model.vocabulary_)}
    return Pairs(sources, targets, model.vocabulary_), facts, []


def _of(vocabulary: Vocabulary | None) -> Vocabulary:
    assert vocabulary is not None
    return vocabulary


# ------------------------------------------------------------------------------------------------------- tokenizers


def _pipelines(model: FittedModel, data: ParallelTexts) -> tuple[TextPipeline | None, TextPipeline]:
    """Return the text pipelines of sources, None for vectors, and of targets."""
    form: Any = model.unicode_form  # which the hyper-parameter's choices restrict
    decoding = data.decoding.with_marks("error")
    target = Tokenization(model.target_tokenizer, model.lowercase, form)
    if model.takes == "vectors":
        return None, TextPipeline.of(decoding, _trained(target, data.required_targets()))
    options: Any = model
    given = model.target_tokenizer if options.source_tokenizer is None else options.source_tokenizer
    source = Tokenization(given, model.lowercase, form)
    sides = (source, data.required_texts()), (target, data.required_targets())
    if not options.joint:
        source, target = (_trained(*side) for side in sides)
    elif source != target:
        problem = f"source_tokenizer {source.tokenizer} and target_tokenizer {target.tokenizer}"
        raise HyperParameterError(f"joint=true needs one tokenizer for both sides, not {problem}")
    elif source.needs_training:
        source, target = trained_jointly(*sides)
    return TextPipeline.of(decoding, source), TextPipeline.of(decoding, target)


def _trained(tokenization: Tokenization, lines: Iterable[str]) -> Tokenization:
    """Return the tokenization with its tokenizer trained on the lines, where it needs training."""
    if tokenization.needs_training:
        return tokenization.trained(lines)
    _ = tokenization.resolved_tokenizer  # report an unknown name before reading
    return tokenization


# ----------------------------------------------------------------------------------------------------- vocabularies


class BothSides:
    """The words of sources and targets together, for a joint vocabulary; sentences are those of targets."""

    def __init__(self, sources: Corpus, targets: Corpus) -> None:
        own = set(targets.types)
        self.types = (*targets.types, *(word for word in sources.types if word not in own))
        self.sentences = targets.sentences
        self.pipeline = targets.pipeline
        self.sources = targets.sources
        places = {word: place for place, word in enumerate(self.types)}
        self._counts = np.zeros(len(self.types), np.int64)
        self._counts[: len(targets.types)] = targets.type_counts()
        np.add.at(self._counts, [places[word] for word in sources.types], sources.type_counts())

    def type_counts(self) -> NDArray[np.int64]:
        """Count of each type on both sides, int64 [types]."""
        return self._counts


def _set_vocabularies(model: Any, sources: Corpus, targets: Corpus) -> None:
    """Set the vocabularies of both sides under the limits of the hyper-parameters."""
    note_unspaced(sources)
    note_unspaced(targets)
    if model.joint:
        model.vocabulary_ = model.limited_vocabulary(BothSides(sources, targets), noted=True)
        model.source_vocabulary_ = model.vocabulary_
        return
    model.vocabulary_ = model.limited_vocabulary(targets, noted=True)
    try:
        model.source_vocabulary_ = Vocabulary.from_corpus(
            sources, size=model.source_vocabulary_size, min_count=model.source_min_count
        )
    except DataError as error:
        raise DataError(f"sources: {error.problem}", source=error.source) from None


# ------------------------------------------------------------------------------------------------------- validation


def validation_report(model: FittedModel, valid: Pairs, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the perplexity of held-out targets, if the model's own report lacks it.

    Args:
        model: The model.
        valid: The held-out pairs.
        own: The model's own report.
    """
    name = "validation_perplexity"
    if name in own or not model.normalized:
        return {}
    from nlmkit.language_models.report import perplexity

    return {name: perplexity(model.log_probs_of(valid), valid.event_offsets)}
