"""Sentences in all forms that a tagger takes, as ``TaggedSentences``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.errors import DataError
from nlmkit.text.corpus import Corpus
from nlmkit.text.labelled import as_texts, encode
from nlmkit.text.normalization import normalize
from nlmkit.text.tables import items_of, refuse_table
from nlmkit.text.tagged import Column, TaggedSentences

if TYPE_CHECKING:
    from nlmkit.text import TextPipeline

_SHOWN = 5


def tagged(sentences: Any, tags: Any = None, *, scheme: str | None = None) -> TaggedSentences:
    """Return sentences with tags, given in any supported form, as ``TaggedSentences``.

    Args:
        sentences: TaggedSentences; lists of tokens, with ``tags``; a pair of both, without; or lists of pairs of a
            token and its tag, without.
        tags: A list of tags per sentence.
        scheme: Scheme of the tags; None for the one that was stated or detected.

    Raises:
        DataError: Tags are missing, given twice or unusable in the scheme, or the sentences are unusable.
    """
    refuse_table(sentences, "the list of sentences")
    if isinstance(sentences, TaggedSentences):
        if tags is not None:
            raise DataError("these sentences already have tags: do not pass tags separately")
        if sentences.tags is None:
            raise DataError("the sentences have no tags: read them with a column of tags", source=sentences.source)
        return sentences if scheme in (None, sentences.scheme) else sentences.with_tags(sentences.tags, str(scheme))
    if tags is None:
        sentences, tags = _taken_apart(sentences)
    refuse_table(tags, "the list of tags")
    return TaggedSentences(items_of(sentences), items_of(tags), scheme=scheme)


def _taken_apart(given: Any) -> tuple[Any, Any]:
    """Return sentences and tags of a pair of both, or of sentences of pairs."""
    problem = "tags are missing: pass sentences and tags, or TaggedSentences"
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise DataError(problem)
    if _are_pairs(given):
        words, tags = ([[pair[place] for pair in sentence] for sentence in given] for place in (0, 1))
        return words, tags
    if isinstance(given, (tuple, list)) and len(given) == 2 and _is_nested(given[0]) and _is_nested(given[1]):
        return given[0], given[1]
    raise DataError(problem)


def _are_pairs(given: Sequence[Any]) -> bool:
    """Return whether these are sentences of tuples of a token and its tag."""
    words = [word for sentence in given if isinstance(sentence, (list, tuple)) for word in sentence]
    is_pair = [isinstance(word, tuple) and len(word) == 2 and isinstance(word[0], str) for word in words]
    return bool(words) and all(is_pair) and all(isinstance(sentence, (list, tuple)) for sentence in given)


def _is_nested(value: Any) -> bool:
    """Return whether a value may be a list of sentences."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))


def untagged(
    sentences: Any, pipeline: TextPipeline, *, features: Any = (), names: Sequence[str] = ()
) -> TaggedSentences:
    """Return sentences, given in any supported form, as ``TaggedSentences`` without tags.

    Args:
        sentences: TaggedSentences; lists of tokens; strings, which the pipeline tokenizes, one sentence each; or a
            Corpus of the same tokenization.
        pipeline: Text pipeline of a tagger.
        features: For lists of tokens: per feature column, a list of values per sentence.
        names: Names of the tagger's feature columns, which ``features`` are.

    Raises:
        DataError: The sentences are unusable, the Corpus was tokenized differently, or there are features for
            something else than lists of tokens.
    """
    refuse_table(features, "the list of feature columns")
    columns = tuple(items_of(features))
    if columns and isinstance(sentences, (TaggedSentences, Corpus)):
        raise DataError(f"features were given to {type(sentences).__name__}: pass them with lists of tokens")
    if isinstance(sentences, TaggedSentences):
        return sentences if sentences.tags is None else sentences.without_tags()
    refuse_table(sentences, "the list of sentences")
    if isinstance(sentences, Corpus):
        own, wanted = sentences.tokenization, pipeline.tokenization
        if own is not None and own != wanted:
            raise DataError(
                f"the corpus was tokenized with {own.signature}, but the tagger uses {wanted.signature}: pass the "
                "texts themselves, or tokenize them with its tokenization_"
            )
        return TaggedSentences(sentences)
    if isinstance(sentences, str):
        raise DataError("expected a sequence of sentences, not one text: pass a single text in a list")
    given = list(items_of(sentences))
    if given and all(isinstance(each, str) for each in given):
        if columns:
            raise DataError("features were given to texts: pass them with lists of tokens")
        return TaggedSentences(encode(as_texts(given), pipeline))
    return TaggedSentences(given, features=columns, feature_names=tuple(names) if columns else None)


def looked_up(data: TaggedSentences, form: str | None) -> TaggedSentences:
    """Return the sentences with their words in a Unicode form, in which models look them up.

    Args:
        data: Any sentences.
        form: NFC, NFD, NFKC, NFKD, or None to leave words as they are.
    """
    if form is None or all(word.isascii() for word in data.words.types):
        return data
    places: dict[str, int] = {}
    ids = [places.setdefault(normalize(form, word), len(places)) for word in data.words.types]  # type: ignore[arg-type]
    return changed(data, words=Column(tuple(places), np.array(ids, np.int32)[data.words.ids]))


def changed(data: TaggedSentences, **values: Any) -> TaggedSentences:
    """Return the sentences with other values of some attributes."""
    own = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    return TaggedSentences.of_columns(**(own | values))


def with_features(data: TaggedSentences, names: Sequence[str], source: str) -> TaggedSentences:
    """Return sentences whose feature columns are those of a tagger's training, in order.

    Args:
        data: Any sentences.
        names: Names of the tagger's feature columns.
        source: What the tagger is called in errors.

    Raises:
        DataError: The sentences have another number of columns, or columns of other names.
    """
    own = data.feature_names
    if tuple(own) == tuple(names):
        return data
    if set(own) == set(names) and len(own) == len(names):
        order = [own.index(name) for name in names]
        return changed(data, feature_names=tuple(names), features=tuple(data.features[place] for place in order))
    has = f"has {_columns(own)}" if own else "has none"
    remedy = "read the sentences with these columns" if names else "read the sentences without feature columns"
    wanted = f"was trained with {_columns(names)}" if names else "was trained without feature columns"
    raise DataError(f"{source} {wanted}, but the text {has}: {remedy}", source=data.source)


def _columns(names: Sequence[str]) -> str:
    some = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return f"{len(names)} feature column{'s' * (len(names) != 1)} ({some})"
