"""Computation of tagging reports: see ``nlmkit.taggers.report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.core.intervals import interval
from nlmkit.core.version import own_version
from nlmkit.errors import DataError
from nlmkit.taggers.error_analysis import most_frequent_errors
from nlmkit.taggers.report import TaggingReport
from nlmkit.taggers.report_parts import FIGURES, TypeFigures
from nlmkit.taggers.sentence_counts import Name, SentenceCounts, figures
from nlmkit.taggers.span_tables import SpanTable, aligned, is_in, span_table
from nlmkit.text.tag_schemes import PLAIN
from nlmkit.text.tagged import Column, TaggedSentences

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPANS = ("gold", "predicted", "correct")


def tagging_report(
    gold: TaggedSentences | Sequence[Sequence[str]],
    predicted: TaggedSentences | Sequence[Sequence[str]],
    *,
    scheme: str | None = None,
    words: TaggedSentences | None = None,
    known_words: frozenset[str] | None = None,
    segments: bool = False,
    unseen_tags: Sequence[str] = (),
    component: str = "",
    model_digest: str = "",
    text_pipeline: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> TaggingReport:
    """Compute the report of predicted tags.

    Args:
        gold: Sentences with their tags, or tags of each sentence.
        predicted: Sentences with predicted tags, or predicted tags of each sentence in the scheme of ``gold``.
        scheme: Tag scheme of lists of tags; None to detect it.
        words: The sentences with tokens in the form of lookup; by default those of ``gold``.
        known_words: Words of training, by which unseen ones are told; None if they are unknown.
        segments: Whether a word is a span of tokens, as in segmented text.
        unseen_tags: Inner tags of the data that training lacked.
        component: Registered name of the tagger.
        model_digest: Its digest.
        text_pipeline: Signature of its text pipeline.
        resamples: Number of bootstrap samples of the intervals; 0 for no intervals.
        seed: Seed of the bootstrap.

    Raises:
        DataError: All sentences are empty, lengths differ, or tags do not belong to the scheme.
    """
    right = gold if isinstance(gold, TaggedSentences) else _of_tags(gold, scheme)
    found = predicted if isinstance(predicted, TaggedSentences) else _of_tags(predicted, right.scheme)
    _check(right, found)
    own = str(right.scheme)
    found, predicted_repairs = found.in_scheme(own) if found.scheme != own else (found, found.in_scheme(own)[1])
    tags, true, guess = _on_one_list(right.required_tags(), found.required_tags())
    tables = None
    if own != PLAIN:
        tables = aligned(*(span_table(tags, ids, right.offsets, own) for ids in (true, guess)))
    unseen = _Unseen.of(words or right, known_words, tables, segments=segments)
    counts = SentenceCounts(right.offsets)
    _count_tokens(counts, true == guess, unseen)
    if tables is None:
        names = _by_frequency(tags, true, guess)
        _count_types(counts, names, (np.arange(len(true)), true), (np.arange(len(true)), guess), true == guess)
    else:
        names = _by_frequency(tables[0].names, *(table.types for table in tables))
        _count_spans(counts, *tables, names, unseen, tokens=len(true))
    totals = counts.totals()
    all_figures = figures(totals)
    drawn = counts.resampled(resamples, seed)
    values: dict[str, Any] = {name: _defined(all_figures.get(name)) for name in FIGURES}
    values |= {what: int(totals[what]) if what in totals else None for what in (*_SPANS, "oov_tokens", "oov_spans")}
    return TaggingReport(
        n=len(right),
        tokens=len(true),
        scheme=own,
        **values,
        intervals={name: interval(drawn[name]) for name in FIGURES if name in drawn},
        by_type={name: _type_figures(name, totals, all_figures, drawn) for name in names},
        gold_repairs=right.in_scheme(own)[1],
        predicted_repairs=predicted_repairs,
        tags=tags,
        cells=_cells(true, guess, len(tags)),
        errors=most_frequent_errors(right, tags, true, guess, tables, segments=segments),
        unseen_tags=tuple(unseen_tags),
        component=component,
        version=own_version(),
        text_pipeline=text_pipeline,
        texts_digest=right.digest,
        model_digest=model_digest,
        resamples=resamples,
        seed=seed,
    )


def counts_by_sentence(gold: TaggedSentences, predicted: TaggedSentences) -> dict[str, NDArray[np.int64]]:
    """Count, in each sentence, tokens and right tags; and spans, predicted spans and right ones unless tags are plain.

    Args:
        gold: Sentences with their tags.
        predicted: The same sentences with predicted tags.

    Returns:
        ``tokens`` and ``right``, and with spans ``gold``, ``predicted`` and ``correct``: int64 [sentences] each.
    """
    own = str(gold.scheme)
    found = predicted if predicted.scheme == own else predicted.in_scheme(own)[0]
    tags, true, guess = _on_one_list(gold.required_tags(), found.required_tags())
    counts = SentenceCounts(gold.offsets)
    counts.add("tokens", np.arange(len(true)))
    counts.add("right", np.flatnonzero(true == guess))
    if own != PLAIN:
        one, two = aligned(*(span_table(tags, ids, gold.offsets, own) for ids in (true, guess)))
        counts.add("gold", one.starts)
        counts.add("predicted", two.starts)
        counts.add("correct", one.starts[is_in(one, two, tokens=len(true))])
    return {str(name): found for name, found in counts.by_sentence.items()}


# -------------------------------------------------------------------------------------------------------- the tags


def _of_tags(tags: Sequence[Sequence[str]], scheme: str | None) -> TaggedSentences:
    """Return lists of tags as sentences whose tokens are the tags themselves."""
    return TaggedSentences(tags, tags, scheme=scheme, source="<tags>")


def _check(right: TaggedSentences, found: TaggedSentences) -> None:
    """Raise DataError unless the two have the same tokens, and at least one."""
    if len(right) != len(found):
        raise DataError(f"tags of {len(right)} sentences, and predicted tags of {len(found)}", source=right.source)
    wrong = np.flatnonzero(np.diff(right.offsets) != np.diff(found.offsets))
    if len(wrong):
        lengths = [int(np.diff(each.offsets)[wrong[0]]) for each in (right, found)]
        problem = f"sentence {wrong[0] + 1}: {lengths[0]} tags, and {lengths[1]} predicted ones"
        raise DataError(problem, source=right.source)
    if not right.tokens:
        raise DataError("no tokens to report on", source=right.source)


def _on_one_list(one: Column, two: Column) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return the tags of both columns, those of the first before further ones of the second, and the ids of each."""
    one, two = one.compact(), two.compact()
    places = {tag: place for place, tag in enumerate(one.types)}
    mapped = np.array([places.setdefault(tag, len(places)) for tag in two.types], np.int64)
    return tuple(places), one.ids.astype(np.int64), mapped[two.ids]


def _by_frequency(names: Sequence[str], *types: NDArray[np.int64]) -> dict[str, int]:
    """Return the ids of those names that occur, the most frequent of the data first."""
    gold, predicted = (np.bincount(each, minlength=len(names)) for each in types)
    order = np.lexsort((np.arange(len(names)), -predicted, -gold)).tolist()
    return {names[place]: place for place in order if gold[place] or predicted[place]}


def _cells(true: NDArray[np.int64], guess: NDArray[np.int64], tags: int) -> NDArray[np.int64]:
    pairs, counts = np.unique(true * tags + guess, return_counts=True)
    return np.stack([pairs // tags, pairs % tags, counts], axis=1).astype(np.int64)


# ---------------------------------------------------------------------------------------------------- what is counted


class _Unseen:
    """Which tokens and which spans of the data are unseen; None where that is not told.

    Attributes:
        tokens: bool [tokens].
        spans: bool [spans of the data].
    """

    def __init__(self, tokens: NDArray[np.bool_] | None = None, spans: NDArray[np.bool_] | None = None) -> None:
        self.tokens, self.spans = tokens, spans

    @classmethod
    def of(
        cls,
        data: TaggedSentences,
        known: frozenset[str] | None,
        tables: tuple[SpanTable, SpanTable] | None,
        *,
        segments: bool,
    ) -> _Unseen:
        if known is None:
            return cls()
        if segments:
            assert tables is not None
            tokens, bounds = data.words.values(), zip(tables[0].starts.tolist(), tables[0].ends.tolist(), strict=True)
            return cls(spans=np.array(["".join(tokens[start:end]) not in known for start, end in bounds], np.bool_))
        unseen = np.array([word not in known for word in data.words.types], np.bool_)[data.words.ids]
        if tables is None:
            return cls(unseen)
        before = np.concatenate([[0], np.cumsum(unseen)])
        return cls(unseen, before[tables[0].ends] > before[tables[0].starts])


def _count_tokens(counts: SentenceCounts, hits: NDArray[np.bool_], unseen: _Unseen) -> None:
    counts.add("tokens", np.arange(len(hits)))
    counts.add("right", np.flatnonzero(hits))
    counts.add_sentences("sentences", "sentences_right", hits)
    if unseen.tokens is not None:
        for name, which in (("oov", unseen.tokens), ("iv", ~unseen.tokens)):
            counts.add(f"{name}_tokens", np.flatnonzero(which))
            counts.add(f"{name}_right", np.flatnonzero(which & hits))


def _count_spans(
    counts: SentenceCounts,
    gold: SpanTable,
    predicted: SpanTable,
    names: dict[str, int],
    unseen: _Unseen,
    *,
    tokens: int,
) -> None:
    hits = is_in(gold, predicted, tokens=tokens)
    for what, places in (("gold", gold.starts), ("predicted", predicted.starts), ("correct", gold.starts[hits])):
        counts.add(what, places)
    if unseen.spans is not None:
        for name, which in (("oov", unseen.spans), ("iv", ~unseen.spans)):
            counts.add(f"{name}_spans", gold.starts[which])
            counts.add(f"{name}_correct", gold.starts[which & hits])
    _count_types(counts, names, (gold.starts, gold.types), (predicted.starts, predicted.types), hits)


def _count_types(
    counts: SentenceCounts,
    names: dict[str, int],
    gold: tuple[NDArray[Any], NDArray[Any]],
    predicted: tuple[NDArray[Any], NDArray[Any]],
    hits: NDArray[np.bool_],
) -> None:
    """Count by type: places in the text, and the type of what is there, of the data and predicted."""
    correct = gold[0][hits], gold[1][hits]
    for what, (places, types) in (("gold", gold), ("predicted", predicted), ("correct", correct)):
        for name, type_ in names.items():
            counts.add((what, name), places[types == type_])


def _type_figures(
    name: str,
    totals: Mapping[Name, NDArray[Any]],
    values: Mapping[Name, NDArray[np.float64]],
    drawn: Mapping[Name, NDArray[np.float64]],
) -> TypeFigures:
    return TypeFigures(
        precision=float(values["precision", name]),
        recall=float(values["recall", name]),
        f1=float(values["f1", name]),
        interval=interval(drawn["f1", name]) if drawn else None,
        gold=int(totals["gold", name]),
        predicted=int(totals["predicted", name]),
        correct=int(totals["correct", name]),
    )


def _defined(value: NDArray[np.float64] | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
