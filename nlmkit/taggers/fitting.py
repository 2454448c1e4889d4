"""What ``Tagger.fit`` does before and after a model is estimated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.taggers.inputs import looked_up, with_features
from nlmkit.taggers.known_words import known_words
from nlmkit.taggers.tag_sets import inner_tags, numbered
from nlmkit.text import TextPipeline, Tokenization
from nlmkit.text.subwords import is_trained
from nlmkit.text.tag_schemes import PLAIN, inner_scheme

if TYPE_CHECKING:
    from nlmkit.taggers.fitted import FittedTagger
    from nlmkit.text.tagged import TaggedSentences

_SHOWN = 5  # tags in a note

MOST_TAGS = 5_000
"""Number of inner tags that a tagger can have: tables of pairs of them must fit into memory."""


def learn_form(tagger: FittedTagger, data: TaggedSentences) -> None:
    """Set the attributes that depend on the form of the training sentences alone.

    Raises:
        HyperParameterError: The tokenizer of the sentences divides words into subwords.
        UnknownComponentError: It is unknown.
    """
    tagger.scheme_ = data.scheme or PLAIN
    tokenization = Tokenization(data.tokenizer)
    if tokenization.needs_training or is_trained(tokenization.tokenizer):
        raise HyperParameterError(
            f"the tokenizer {data.tokenizer}: a tagger tags the tokens of its training data, which are not divided "
            "into subwords; expected a tokenizer that splits raw text like them, such as space or word"
        )
    _ = tokenization.resolved_tokenizer  # report an unknown name before training
    tagger.pipeline_ = TextPipeline.of(data.decoding.with_marks("error"), tokenization)
    tagger.layout_ = None if data.layout is None else json.loads(json.dumps(dict(data.layout)))
    tagger.feature_names_ = tuple(data.feature_names)


def training_sentences(tagger: FittedTagger, data: TaggedSentences) -> tuple[TaggedSentences, int]:
    """Set ``tags_`` and ``known_words_``; return the sentences as ``fit_sentences`` takes them, and the repairs.

    Raises:
        DataError: A tag does not belong to the scheme.
    """
    inner = inner_scheme(tagger.scheme_)
    data, repairs = data.in_scheme(inner)
    tagger.tags_ = inner_tags(data, inner)
    if tagger.is_segmenter_ and data.tokenizer == "space" and all(len(word) == 1 for word in data.words.types):
        characters = Tokenization("char")  # a column of characters is segmented text written otherwise
        tagger.pipeline_ = tagger.pipeline_.with_tokenization(characters)
    if len(tagger.tags_) > MOST_TAGS:
        problem = f"{len(tagger.tags_)} different tags, such as {tagger.tags_[0]!r}; at most {MOST_TAGS} are possible"
        raise DataError(f"{problem}: check the column of tags", source=data.source)
    training = numbered(looked_up(data, tagger.unicode_form), tagger.tags_, inner)
    tagger.known_words_ = known_words(training, segments=tagger.is_segmenter_)
    return training, repairs


def validation_sentences(tagger: FittedTagger, data: TaggedSentences) -> tuple[TaggedSentences | None, list[str]]:
    """Return the held-out sentences as ``fit_sentences`` takes them, and notes on them.

    Raises:
        DataError: A tag does not belong to the scheme, a feature column is missing, or no sentence has a word.
    """
    if not data.tokens:
        raise DataError("no validation sentence has a word", source=data.source)
    data, repairs = as_learned(tagger, data).in_scheme(tagger.inner_scheme_)
    data = with_features(data, tagger.feature_names_, f"this {tagger.name}")
    valid = numbered(looked_up(data, tagger.unicode_form), tagger.tags_, tagger.inner_scheme_)
    assert valid.tags is not None
    return valid, [*repair_notes(repairs, data), *unseen_notes(valid.tags.types[len(tagger.tags_) :])]


def as_learned(tagger: FittedTagger, data: TaggedSentences) -> TaggedSentences:
    """Return tagged sentences with their tags read as plain if and only if the tagger's are.

    Raises:
        DataError: The tags are plain, and those of training were spans.
    """
    if not data.tokens:
        return data
    if tagger.scheme_ == PLAIN and data.scheme != PLAIN:
        return data.with_tags(data.required_tags(), PLAIN)
    if tagger.scheme_ != PLAIN and data.scheme == PLAIN:
        tag = data.required_tags().types[0]
        problem = f"tags such as {tag!r} form no spans, but this {tagger.name} was trained on {tagger.scheme_} tags"
        raise DataError(f"{problem}: check the column of tags", source=data.source)
    return data


def repair_notes(repairs: int, data: TaggedSentences) -> list[str]:
    """Return a note if tags were malformed."""
    if not repairs:
        return []
    how = "a tag that continues no span of its type begins one, and sentence ends close spans, as conlleval reads them"
    return [f"{data.source}: {repairs} of {data.tokens} tags were malformed and repaired: {how}"]


def unseen_notes(tags: tuple[str, ...]) -> list[str]:
    """Return a note if there are tags that training lacked."""
    if not tags:
        return []
    names = ", ".join(tags[:_SHOWN]) + (f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else "")
    return [f"tags unseen in training always count as errors: {names}"]


def facts(tagger: FittedTagger, data: TaggedSentences, repairs: int) -> dict[str, Any]:
    """Return entries of ``fit_report_`` on the training sentences."""
    return {
        "sentences": len(data),
        "tokens": int(data.tokens),
        "scheme": tagger.scheme_,
        "repairs": repairs,
        "tags": len(tagger.tags_),
        "known_words": len(tagger.known_words_),
    }


def validation_report(tagger: FittedTagger, valid: TaggedSentences, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score on held-out sentences, if the tagger's own report lacks it.

    Args:
        tagger: The tagger.
        valid: The sentences, as ``fit_sentences`` takes them.
        own: The tagger's own report.
    """
    from nlmkit.taggers.figures import accuracy_of, f1_of

    plain = tagger.inner_scheme_ == PLAIN
    name = "validation_accuracy" if plain else "validation_f1"
    if name in own:
        return {}
    assert valid.tags is not None
    found = tagger.tag_ids(valid)
    if plain:
        return {name: accuracy_of(valid.tags.ids, found)}
    return {name: f1_of(valid.tags.ids, found, valid.offsets, valid.tags.types)}
