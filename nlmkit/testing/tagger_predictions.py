"""Checks of what taggers predict, and with which probabilities."""

from __future__ import annotations

import functools
import math
from typing import Any, Final, cast

import numpy as np

from nlmkit.errors import DataError
from nlmkit.testing import tagged_data
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.tagger_subject import Subject, all_sequences, marginals, require_legal, require_tags
from nlmkit.text.tag_schemes import read_spans

CHECKS: list[Check] = []

_LONG: Final = 3_000  # tokens


# ------------------------------------------------------------------------------------------------------ predictions


@check_in(CHECKS)
def every_token_has_a_legal_tag(subject: Subject) -> None:
    """``predict`` returns one tag of training per token, in the scheme of training, of which spans are well-formed."""
    _, tags = tagged_data.train()
    known = {tag for each in tags for tag in each} | {f"{letter}-{t}" for t in tagged_data.TYPES for letter in "BI"}
    found = require_tags(subject.fitted, tagged_data.test(), "test sentences")
    strange = sorted({tag for each in found for tag in each} - known)
    require(not strange, f"predicted tags that the scheme of training has not: {strange[:5]}")
    data = subject.fitted.encode([*tagged_data.test(), *tagged_data.unusual()])
    ids = subject.fitted.tag_ids(data)
    require(ids.shape == (data.tokens,), f"tag_ids has the shape {list(ids.shape)} for {data.tokens} tokens")
    start, pairs, end = subject.fitted.legal()
    for own in filter(len, np.split(ids, data.offsets[1:-1])):
        legal = start[own[0]] and end[own[-1]] and pairs[own[:-1], own[1:]].all()
        names = " ".join(subject.fitted.tags_[each] for each in own[:20].tolist())
        require(bool(legal), f"tag_ids has a sequence that is not legal: {names}")


@check_in(CHECKS)
def empty_and_unknown_sentences_have_tags(subject: Subject) -> None:
    """Sentences without tokens, of unknown words alone, and of unusual characters have tags, also alone."""
    require_tags(subject.fitted, tagged_data.unusual(), "unusual sentences")
    require_tags(subject.fitted, [[], []], "empty sentences")
    require_tags(subject.fitted, [["zyzzyva"]], "an unknown word")
    for n_best in (subject.fitted.n_best([[], ["she"]], 3)[0], subject.fitted.n_best([[]], 1)[0]):
        require(n_best == [(0.0, [])], f"the sequences of an empty sentence are {n_best}, not one of probability 1")


@check_in(CHECKS)
def no_sentences_have_no_tags(subject: Subject) -> None:
    """Of no sentences there are no tags, a score of NaN, and no report."""
    tagger = subject.fitted
    for name in ("predict", "predict_marginals", "predict_spans"):
        found = getattr(tagger, name)([])
        require(found == [], f"{name} of no sentences returns {found!r}")
    require(tagger.n_best([], 2) == [], "n_best of no sentences returns something")
    nothing: tuple[list[Any], ...] = ([], [[]])
    for sentences in nothing:
        score = tagger.score(sentences, sentences)
        require(math.isnan(score), f"the score of no tokens is {score}, not NaN")
        require_error(DataError, functools.partial(tagger.report, sentences, sentences), "a report on no tokens")


@check_in(CHECKS)
def long_sentences_are_tagged(subject: Subject) -> None:
    """There is no longest sentence: one of thousands of tokens has tags and probabilities."""
    sentence = [word for part in tagged_data.test() * (_LONG // 50) for word in part][:_LONG]
    require_tags(subject.fitted, [sentence], "a long sentence")
    found = marginals(subject.fitted, [sentence])
    require_close(found.sum(axis=1), np.ones(len(sentence)), 1e-6, "sums of the probabilities in a long sentence")


@check_in(CHECKS)
def sentences_do_not_depend_on_each_other(subject: Subject) -> None:
    """A sentence's probabilities are the same alone and among others, longer and shorter ones, in whatever order."""
    long = [word for sentence in tagged_data.test() * 3 for word in sentence]
    sentences = [*tagged_data.test(), *tagged_data.unusual(), long]
    together = subject.fitted.predict_marginals(sentences)
    alone = [marginals(subject.fitted, [sentence]) for sentence in sentences]
    backwards = subject.fitted.predict_marginals(sentences[::-1])[::-1]
    for one, two, three in zip(together, alone, backwards, strict=True):
        require_close(one, two, subject.tolerance, "probabilities of a sentence among others, and alone")
        require_close(three, one, subject.tolerance, "probabilities of sentences backwards, and in order")
    scores = [[n_best[0][0] for n_best in subject.fitted.n_best(some, 1)] for some in (sentences, sentences[::-1])]
    lengths = np.array([max(1, len(sentence)) for sentence in sentences])
    found, wanted = np.array(scores[1][::-1]) / lengths, np.array(scores[0]) / lengths
    require_close(found, wanted, subject.tolerance, "log-probabilities per token backwards, and in order")


# ---------------------------------------------------------------------------------------------------- probabilities


@check_in(CHECKS)
def marginals_are_distributions(subject: Subject) -> None:
    """``predict_marginals`` gives float64 [tokens, tags] per sentence: from 0 to 1, and in sum 1."""
    sentences = [*tagged_data.test(), *tagged_data.unusual(), []]
    found = subject.fitted.predict_marginals(sentences)
    require(isinstance(found, list) and len(found) == len(sentences), "predict_marginals returns no list of each")
    for words, values in zip(sentences, found, strict=True):
        shape = (len(words), len(subject.fitted.tags_))
        require(values.shape == shape, f"probabilities of shape {list(values.shape)}, not {list(shape)}")
        require(values.dtype == np.float64, f"probabilities of {values.dtype}, not float64")
        require(bool(((values >= 0) & (values <= 1)).all()), "probabilities below 0 or above 1")
        require_close(values.sum(axis=1), np.ones(len(words)), subject.sum_tolerance, "sums of the probabilities")


@check_in(CHECKS)
def n_best_are_all_legal_sequences(subject: Subject) -> None:
    """``n_best`` of a few tokens gives, if asked for enough, every legal sequence once, with probabilities of sum 1."""
    tagger = subject.fitted
    start, pairs, end = tagger.legal()
    for sentence in tagged_data.short():
        reached = start.astype(np.int64)
        for _ in sentence[1:]:
            reached = reached @ pairs
        probabilities, ids = all_sequences(tagger, sentence)
        require(len({path.tobytes() for path in ids}) == len(ids), "n_best returns a sequence twice")
        legal = start[ids[:, 0]] & end[ids[:, -1]] & pairs[ids[:, :-1], ids[:, 1:]].all(axis=1)
        require(bool(legal.all()), "n_best returns a sequence that the scheme does not allow")
        wanted = int(reached @ end)
        # Sequences of no probability at all may be left out.
        require(len(ids) <= wanted, f"n_best returns {len(ids)} sequences of {len(sentence)} tokens, of {wanted}")
        require_close(probabilities.sum(), 1, subject.sum_tolerance, "the sum of the probabilities of all sequences")
        require(bool((np.diff(probabilities) <= 1e-12).all()), "n_best is not sorted: the best come first")


@check_in(CHECKS)
def n_best_begins_with_the_prediction(subject: Subject) -> None:
    """``predict`` returns the first of ``n_best``, or one as probable, and the best few are the first of more."""
    tagger, sentences = subject.fitted, [*tagged_data.train()[0][:8], *tagged_data.test(), *tagged_data.unusual()]
    many, few = tagger.n_best(sentences, 5), tagger.n_best(sentences, 2)
    for best, tags in zip(many[:8], tagger.predict(sentences[:8]), strict=True):
        equal = [each for score, each in best if score >= best[0][0] - max(subject.tolerance, 1e-9)]
        require(tags in equal, f"predict returns {tags}, but the first of n_best is {best[0][1]}")
    for best in many:
        for score, each in best:
            require(isinstance(score, float) and score <= 0, f"n_best has {score!r} for a log-probability")
            require_legal(tagger, each, "n_best")
    for one, two in zip(few, many, strict=True):
        found, wanted = ([score for score, _ in each[:2]] for each in (one, two))
        require_close(found, wanted, max(subject.tolerance, 1e-9), "log-probabilities of the best 2, and of 5")
    for wrong in (0, -1, True, cast(int, 1.5)):
        require_error(ValueError, functools.partial(tagger.n_best, sentences, wrong), f"n_best with n={wrong!r}")


@check_in(CHECKS)
def marginals_are_exact(subject: Subject) -> None:
    """A tag's probability at a token is the sum of the probabilities of all sequences that have it there."""
    for sentence in tagged_data.short():
        probabilities, ids = all_sequences(subject.fitted, sentence)
        wanted = np.zeros((len(sentence), len(subject.fitted.tags_)))
        for place in range(len(sentence)):
            np.add.at(wanted[place], ids[:, place], probabilities)
        found = marginals(subject.fitted, [sentence])
        require_close(found, wanted, max(subject.tolerance, 1e-9), "marginal probabilities, and sums over sequences")


@check_in(CHECKS)
def span_probabilities_are_exact(subject: Subject) -> None:
    """``predict_spans`` has the spans of ``predict``, each with the probability of all sequences that have it."""
    tagger = subject.fitted
    for sentence in tagged_data.short():
        ((found, tags),) = zip(tagger.predict_spans([sentence]), tagger.predict([sentence]), strict=True)
        spans = read_spans(tags, tagger.scheme_).spans
        require([span for span, _ in found] == spans, f"predict_spans returns {found}, but predict {tags}")
        probabilities, ids = all_sequences(tagger, sentence)
        paths = [set(read_spans([tagger.tags_[each] for each in path], "BIOES").spans) for path in ids.tolist()]
        for span, probability in found:
            wanted = probabilities[[span in each for each in paths]].sum()
            require_close(probability, wanted, max(subject.tolerance, 1e-9), f"the probability of {span}, and its sum")
