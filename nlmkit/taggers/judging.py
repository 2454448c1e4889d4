"""How a tagger's predictions on tagged sentences are judged."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.taggers.evaluation import tagging_report
from nlmkit.taggers.fitting import as_learned, unseen_notes
from nlmkit.taggers.inputs import looked_up, tagged, with_features
from nlmkit.taggers.tag_sets import numbered
from nlmkit.text.tag_schemes import PLAIN
from nlmkit.text.tagged import Column, TaggedSentences

if TYPE_CHECKING:
    from nlmkit.taggers.fitted import FittedTagger
    from nlmkit.taggers.report import TaggingReport


@dataclasses.dataclass(frozen=True)
class PredictedTags:
    """Sentences with their tags, and with predicted ones.

    Attributes:
        gold: The sentences with their tags.
        predicted: The same with predicted tags, in the scheme of the tagger.
        seen: The sentences with tokens in the form of lookup.
        unseen: Inner tags of the data that training lacked.
    """

    gold: TaggedSentences
    predicted: TaggedSentences
    seen: TaggedSentences
    unseen: tuple[str, ...]


def predicted_tags(tagger: FittedTagger, sentences: Any, tags: Any = None) -> PredictedTags:
    """Tag sentences that have tags.

    Args:
        tagger: The tagger.
        sentences: As of ``Tagger.fit``.
        tags: As of ``Tagger.fit``.

    Raises:
        DataError: The data have no tokens, or the sentences or tags are unusable.
        NotFittedError: The tagger is not fitted.
    """
    tagger.check_fitted()
    gold = as_learned(tagger, tagged(sentences, tags, scheme=PLAIN if tagger.scheme_ == PLAIN else None))
    if not gold.tokens:
        raise DataError("no tokens to report on", source=gold.source)
    return _predicted(tagger, gold)


def _predicted(tagger: FittedTagger, gold: TaggedSentences) -> PredictedTags:
    gold = with_features(gold, tagger.feature_names_, f"this {tagger.name}")
    seen = looked_up(gold, tagger.unicode_form)
    inner, _ = gold.in_scheme(tagger.inner_scheme_)
    types = numbered(inner, tagger.tags_, tagger.inner_scheme_).tags
    assert types is not None
    unseen = types.types[len(tagger.tags_) :]
    for text in unseen_notes(unseen):
        note(text)
    ids = tagger.tag_ids(seen.without_tags())
    predicted = gold.with_tags(Column(tagger.tags_, ids.astype(np.int32)), tagger.inner_scheme_)
    return PredictedTags(gold, predicted, seen, unseen)


def judged(
    tagger: FittedTagger, sentences: Any, tags: Any, *, resamples: int, seed: int, needs_tokens: bool = True
) -> TaggingReport | None:
    """Return the report of a tagger's predictions; None without tokens if they are not needed.

    Args:
        tagger: The tagger.
        sentences: As of ``Tagger.fit``.
        tags: As of ``Tagger.fit``.
        resamples: Number of bootstrap samples of the intervals.
        seed: Seed of the bootstrap.
        needs_tokens: Whether it is an error if there are none.

    Raises:
        DataError: The data have no tokens, or the sentences or tags are unusable.
        NotFittedError: The tagger is not fitted.
    """
    tagger.check_fitted()
    gold = as_learned(tagger, tagged(sentences, tags, scheme=PLAIN if tagger.scheme_ == PLAIN else None))
    if not gold.tokens:
        if needs_tokens:
            raise DataError("no tokens to report on", source=gold.source)
        return None
    return report_on(tagger, _predicted(tagger, gold), resamples=resamples, seed=seed)


def report_on(tagger: FittedTagger, found: PredictedTags, *, resamples: int, seed: int) -> TaggingReport:
    """Return the report of tags that a tagger has predicted.

    Args:
        tagger: The tagger.
        found: Sentences with their tags and with predicted ones.
        resamples: Number of bootstrap samples of the intervals.
        seed: Seed of the bootstrap.
    """
    return tagging_report(
        found.gold,
        found.predicted,
        words=found.seen,
        known_words=tagger.known_words_,
        segments=tagger.is_segmenter_,
        unseen_tags=found.unseen,
        component=tagger.name,
        model_digest=tagger.digest,
        text_pipeline=tagger.pipeline_.signature,
        resamples=resamples,
        seed=seed,
    )
