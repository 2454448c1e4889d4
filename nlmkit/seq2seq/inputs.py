"""Sources and targets in all forms that a sequence-to-sequence model takes, as ``ParallelTexts`` and ``Pairs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.errors import DataError
from nlmkit.seq2seq.pairs import Pairs, Sources
from nlmkit.text.corpus import Corpus
from nlmkit.text.parallel import ParallelTexts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.seq2seq.fitted import FittedModel
    from nlmkit.text import TextPipeline


def paired(model: FittedModel, sources: Any, targets: Any = None, *, what: str = "pairs") -> ParallelTexts:
    """Return sources and targets, given in any supported form, as ``ParallelTexts``.

    Args:
        model: The model, fitted or not.
        sources: ParallelTexts, or a pair of sources and targets, without ``targets``; or texts or vectors, with them.
        targets: One text per source.
        what: Name of the pairs in the error if there is none.

    Raises:
        DataError: Targets are missing, given twice, too many or too few; there is no pair; or the sources are unusable
            or not what the model takes.
    """
    if isinstance(sources, ParallelTexts):
        if targets is not None:
            raise DataError("these sources already have targets: do not pass targets separately")
        data = sources
    else:
        if targets is None:
            sources, targets = _taken_apart(sources)
        data = ParallelTexts(sources, targets)
    if data.targets is None:
        raise DataError("the sources have no targets: read them with their targets", source=data.source)
    if not len(data):
        raise DataError(f"no {what}", source=data.source)
    _check_kind(model, data)
    return data


def _taken_apart(given: Any) -> tuple[Any, Any]:
    """Return the two parts of a pair of sources and targets."""
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not (is_pair and all(_is_sequence(part) for part in given)):
        raise DataError("targets are missing: pass sources and targets, or ParallelTexts")
    sources, targets = given
    return sources, targets


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))


def _check_kind(model: FittedModel, data: ParallelTexts) -> None:
    """Raise unless the sources are texts or vectors, as the model takes."""
    if data.has_vectors and model.takes == "texts":
        raise DataError(f"{model.name} takes texts as sources, but these are vectors", source=data.source)
    if not data.has_vectors and model.takes == "vectors":
        raise DataError(f"{model.name} takes vectors as sources, but these are texts", source=data.source)


def encoded(model: FittedModel, data: ParallelTexts) -> Pairs:
    """Return pairs as the fitted model sees them.

    Raises:
        DataError: A source has no token, or vectors have another dimension than those of training.
    """
    return Pairs(encoded_sources(model, data), data.target_corpus(model.pipeline_), model.vocabulary_)


def encoded_sources(model: FittedModel, sources: Any) -> Sources:
    """Return sources as the fitted model sees them.

    Args:
        model: The model.
        sources: Texts, vectors, a Corpus of texts with the model's tokenization of sources, or ParallelTexts, whose
            targets are passed over.

    Raises:
        DataError: A source has no token, is not finite, or is of another kind or dimension than those of training.
    """
    if isinstance(sources, Corpus):
        return _of_corpus(model, sources)
    data = sources if isinstance(sources, ParallelTexts) else ParallelTexts(_checked(model, sources))
    _check_kind(model, data)
    if data.has_vectors:
        return Sources(vectors=data.required_vectors(model.dimension_))
    assert model.source_pipeline_ is not None
    corpus = source_corpus(data, model.source_pipeline_)
    return Sources(corpus=corpus, vocabulary=model.source_vocabulary_)


def _checked(model: FittedModel, sources: Any) -> Any:
    """Return sources after refusing a single one."""
    if isinstance(sources, (str, bytes)):
        raise DataError("expected a sequence of sources, not one text: pass a single source in a list")
    if model.takes == "vectors" and getattr(sources, "ndim", 2) == 1:
        raise DataError("expected vectors [n, dimension], not one vector: pass a single vector in a list")
    return sources


def _of_corpus(model: FittedModel, corpus: Corpus) -> Sources:
    if model.takes != "texts":
        raise DataError(f"{model.name} takes vectors as sources, but these are texts")
    assert model.source_pipeline_ is not None
    _check_tokenization(model, corpus, model.source_pipeline_, "sources")
    refuse_blank(corpus, "source", None, None)
    return Sources(corpus=corpus, vocabulary=model.source_vocabulary_)


def encoded_targets(model: FittedModel, data: Any) -> Corpus:
    """Return targets as a corpus, read with the model's pipeline.

    Args:
        model: The model.
        data: Anything that ``Corpus.read`` takes, or a Corpus.

    Raises:
        DataError: A Corpus was tokenized differently from the targets of training.
    """
    if not isinstance(data, Corpus):
        return Corpus.read(data, model.pipeline_)
    _check_tokenization(model, data, model.pipeline_, "targets")
    return data


def _check_tokenization(model: FittedModel, corpus: Corpus, pipeline: TextPipeline, side: str) -> None:
    """Raise unless a corpus was tokenized as the model tokenizes a side, or was given as tokens."""
    found, wanted = corpus.tokenization, pipeline.tokenization
    if found is not None and found != wanted:
        raise DataError(
            f"the corpus was tokenized with {found.signature}, but {side} of this {model.name} with "
            f"{wanted.signature}: pass the texts themselves"
        )


def source_corpus(data: ParallelTexts, pipeline: TextPipeline) -> Corpus:
    """Return sources that are texts as a corpus.

    Raises:
        DataError: One has no token; names its line or number.
    """
    corpus = data.source_corpus(pipeline)
    refuse_blank(corpus, "source", data.source, data.lines)
    return corpus


def refuse_blank(corpus: Corpus, side: str, source: str | None, lines: NDArray[np.int64] | None) -> None:
    """Raise if a text of one side has no token.

    Args:
        corpus: The texts of the side.
        side: ``source`` or ``target``.
        source: What errors call the texts.
        lines: Line of each; None where there are no lines.

    Raises:
        DataError: One has none; names its line or number.
    """
    blank = np.flatnonzero(np.diff(corpus.offsets) == 0)
    if not len(blank):
        return
    first = int(blank[0])
    if lines is None:
        raise DataError(f"{side} {first + 1} has no token", source=source)
    raise DataError(f"the {side} has no token", source=source, line=int(lines[first]))
