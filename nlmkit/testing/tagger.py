"""The conformance kit of taggers."""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np

from nlmkit.core.notes import LOGGER
from nlmkit.errors import DataError
from nlmkit.taggers.base import Tagger
from nlmkit.testing import component, tagged_data, tagger_predictions
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.tagged_data import Tagged
from nlmkit.testing.tagger_subject import Subject, marginals, require_tags
from nlmkit.text import TextPipeline, Tokenization, Vocabulary
from nlmkit.text.tag_schemes import read_spans
from nlmkit.text.tagged import TaggedSentences

_LEARNED: Final = 0.8  # F1 or accuracy on the training sentences

OWN: list[Check] = [*tagger_predictions.CHECKS]


def _notes_of(act: Callable[[], object]) -> list[str]:
    """Return the notes that are logged meanwhile."""
    found: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, logger = Keeps(), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        act()
    finally:
        logger.removeHandler(handler)
    return found


def _sklearn_is_there(subject: Subject) -> bool:
    return importlib.util.find_spec("sklearn") is not None


def _normalizes(subject: Subject) -> bool:
    return subject.component.unicode_form in ("NFKC", "NFKD")


def _detects(subject: Subject) -> bool:
    return subject.component.scheme is None


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(OWN)
def fit_sets_tags_scheme_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``tags_`` (BIOES), ``scheme_`` (of training), ``pipeline_``, ``layout_`` and ``feature_names_``."""
    tagger = subject.fitted
    wanted = {f"{letter}-{type_}" for types in tagged_data.INNER.items() for type_ in types[1] for letter in types[0]}
    require(isinstance(tagger.tags_, tuple), f"tags_ is {type(tagger.tags_).__name__}, not a tuple")
    found = set(tagger.tags_)
    require(len(found) == len(tagger.tags_) and found == wanted | {"O"}, f"tags_ is {sorted(found)}")
    require(tagger.scheme_ == "IOB2", f"scheme_ is {tagger.scheme_!r}, not 'IOB2'")
    pipeline = getattr(tagger, "pipeline_", None)
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    require(cast(TextPipeline, pipeline).tokenizer == "space", "the pipeline of lists does not split at spaces")
    for name, nothing in (("layout_", None), ("feature_names_", ())):
        require(getattr(tagger, name, 0) == nothing, f"{name} is {getattr(tagger, name, 0)!r}, not {nothing!r}")


@check_in(OWN)
def fit_reports_sentences_and_scheme(subject: Subject) -> None:
    """``fit_report_`` is strict JSON, and has sentences, tokens, scheme, repairs and F1 on the held-out sentences."""
    report = subject.fitted.fit_report_
    json.dumps(report, allow_nan=False)
    sentences, _ = tagged_data.train()
    facts = {"sentences": len(sentences), "tokens": sum(map(len, sentences)), "scheme": "IOB2", "repairs": 0}
    for name, wanted in facts.items():
        require(report.get(name) == wanted, f"fit_report_ has {name} {report.get(name)!r}, not {wanted!r}")
    score, held_out = subject.fitted.score(*tagged_data.valid()), report.get("validation_f1")
    require(isinstance(held_out, float), "fit_report_ does not contain validation_f1")
    require_close(cast(float, held_out), score, 1e-9, "validation_f1 and the score on the same sentences")


@check_in(OWN)
def vocabulary_is_of_the_training_sentences(subject: Subject) -> None:
    """``known_words_`` and ``vocabulary_``, where there is one, have no word that the training sentences lack."""
    sentences, _ = tagged_data.train()
    words = {word for sentence in sentences for word in sentence}
    require(subject.fitted.known_words_ == words, "known_words_ is not the set of words of the training sentences")
    vocabulary = getattr(subject.fitted, "vocabulary_", None)
    require(vocabulary is None or isinstance(vocabulary, Vocabulary), "vocabulary_ is not a Vocabulary")
    own = set() if vocabulary is None else set(cast(Vocabulary, vocabulary).words[3:])
    leaked = sorted(own - words - {word.lower() for word in words})
    require(not leaked, f"the vocabulary has words that the training sentences lack: {leaked[:5]}")


@check_in(OWN)
def failed_fit_leaves_the_tagger_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted tagger fitted as it was."""
    tagger = cast(Tagger, subject.fit(subject.clone()))
    before = subject.results(tagger)
    wrong = ([["one", "two"]], [["B-NP", "I-NP"]])
    foreign = ([["one", "two"]], [["NN", "VB"]])
    require_error(DataError, lambda: tagger.fit(*wrong, valid=foreign), "fit with validation tags without spans")
    require_close(subject.results(tagger), before, 0, "probabilities after and before a fit that failed")


# ------------------------------------------------------------------------------------------------- forms of input


@check_in(OWN)
def all_forms_of_sentences_agree(subject: Subject) -> None:
    """Lists, tuples, TaggedSentences, pairs and a Corpus of the same sentences are fitted and tagged alike."""
    sentences, tags = tagged_data.train()
    held_out = tagged_data.valid()
    pairs = [list(zip(*both, strict=True)) for both in zip(sentences, tags, strict=True)]
    forms: dict[str, Any] = {
        "tuples": (tuple(map(tuple, sentences)), tuple(map(tuple, tags))),
        "TaggedSentences": (TaggedSentences(sentences, tags),),
        "pairs of word and tag": (pairs,),
        "a pair of both lists": ((sentences, tags),),
    }
    wanted = subject.results(subject.fitted)
    for what, given in forms.items():
        fitted = subject.clone().fit(*given, valid=held_out)
        require_close(subject.results(fitted), wanted, 0, f"probabilities when fitted on {what}, and on lists")
    some = tagged_data.test()
    wanted = marginals(subject.fitted, some)
    data = TaggedSentences(some)
    lines = [" ".join(sentence) for sentence in some]
    for form in (tuple(map(tuple, some)), data, data.corpus(subject.fitted.pipeline_), data.corpus(), lines):
        what = f"probabilities of sentences as {type(form).__name__}, and as lists"
        require_close(marginals(subject.fitted, form), wanted, 0, what)


@check_in(OWN)
def foreign_corpus_is_refused(subject: Subject) -> None:
    """A Corpus read with another tokenizer than the training sentences' raises DataError."""
    from nlmkit.text import Corpus

    foreign = Corpus.read(iter(["the cat sees"]), Tokenization("char"))
    require_error(DataError, lambda: subject.fitted.predict(foreign), "predict of a Corpus read otherwise")


@check_in(OWN, when=_normalizes)
def words_are_looked_up_in_their_unicode_form(subject: Subject) -> None:
    """Full-width letters are tagged as ordinary ones where the hyper-parameter says so."""
    sentences = tagged_data.test()
    wide = [[tagged_data.full_width(word) for word in sentence] for sentence in sentences]
    wanted, found = (marginals(subject.fitted, some) for some in (sentences, wide))
    require_close(found, wanted, 0, "probabilities of full-width words, and of ordinary ones")


@check_in(OWN, when=lambda subject: not subject.component.takes_features)
def features_are_refused(subject: Subject) -> None:
    """A tagger that uses no feature columns refuses to be trained with any: its ``takes_features`` is false."""
    sentences, tags = tagged_data.train()
    both = TaggedSentences(sentences, tags, features=[sentences])
    require_error(DataError, lambda: subject.fitted_on(both), "fit with a feature column")


@check_in(OWN, when=lambda subject: subject.component.takes_features)
def features_of_training_are_needed(subject: Subject) -> None:
    """A tagger trained with feature columns refuses sentences without them, and takes ``features`` with lists."""
    sentences, tags = tagged_data.train()
    column = [[word[-1:] for word in sentence] for sentence in sentences]
    both = TaggedSentences(sentences, tags, features=[column], feature_names=["last letter"])
    tagger = subject.fitted_on(both)
    require(tagger.feature_names_ == ("last letter",), f"feature_names_ is {tagger.feature_names_!r}")
    require_error(DataError, lambda: tagger.predict(sentences), "predict of sentences without the feature column")
    found = marginals(tagger, sentences, features=[column])
    require_close(found, marginals(tagger, both), 0, "probabilities with features of lists, and of TaggedSentences")


# -------------------------------------------------------------------------------------------------------- learning


@check_in(OWN)
def learns_the_training_sentences(subject: Subject) -> None:
    """Of training sentences whose spans the words decide, nearly all are found afterwards."""
    score = subject.fitted.score(*tagged_data.train())
    require(score >= _LEARNED, f"F1 {score:.3f} on the training sentences")


@check_in(OWN, when=_detects)
def plain_tags_are_learned(subject: Subject) -> None:
    """Tags without spans, such as parts of speech, are learned as they are; the score is accuracy."""
    sentences, tags = tagged_data.parts_of_speech()
    tagger = subject.fitted_on(sentences, tags)
    require(tagger.scheme_ == "plain", f"scheme_ of parts of speech is {tagger.scheme_!r}")
    require(set(tagger.tags_) == {tag for each in tags for tag in each}, f"tags_ is {tagger.tags_}")
    found = require_tags(tagger, [*sentences, *tagged_data.unusual()], "parts of speech")[: len(tags)]
    pairs = [pair for both in zip(found, tags, strict=True) for pair in zip(*both, strict=True)]
    score = tagger.score(sentences, tags)
    require_close(score, sum(one == two for one, two in pairs) / len(pairs), 1e-12, "the score, and the accuracy")
    require(score >= _LEARNED, f"accuracy {score:.3f} on the training sentences")
    spans, chances = tagger.predict_spans(sentences[:5]), tagger.predict_marginals(sentences[:5])
    for each, tags_, values in zip(spans, found, chances, strict=False):
        require(
            [span for span, _ in each] == [(tag, at, at + 1) for at, tag in enumerate(tags_)], "spans of plain tags"
        )
        wanted = [values[at, tagger.tags_.index(tag)] for at, tag in enumerate(tags_)]
        require_close([p for _, p in each], wanted, subject.tolerance, "probabilities of plain tags")
    json.dumps(tagger.report(sentences, tags, resamples=5).to_dict(), allow_nan=False)


@check_in(OWN, when=_detects)
def segmentation_is_learned(subject: Subject) -> None:
    """Segmented text is learned as tags of its characters, and raw text without spaces is then read in characters."""
    data = tagged_data.segmented()
    tagger = subject.fitted_on(data)
    require(tagger.is_segmenter_ and tagger.pipeline_.tokenizer == "char", "segmented text gives no segmenter")
    words = {"".join(data.sentence(0)[span.start : span.end]) for span in read_spans(data.tags_of(0), "BMES").spans}
    require(words <= tagger.known_words_, "known_words_ of a segmenter does not hold its words")
    score = tagger.score(data)
    require(score >= _LEARNED, f"F1 {score:.3f} on the training sentences")
    lines = ["".join(data.sentence(index)) for index in range(len(data))]
    require(tagger.predict(lines) == tagger.predict(data), "raw text is segmented otherwise than its characters")
    require_tags(tagger, [list("未曾见过"), ["x"], []], "unknown characters")


@check_in(OWN, when=_detects)
def schemes_agree(subject: Subject) -> None:
    """The same spans, however written, give the same tagger, which predicts them as they were written."""
    data = TaggedSentences(*tagged_data.train())
    wanted, tags = (
        subject.results(subject.fitted),
        TaggedSentences(tagged_data.test(), subject.fitted.predict(tagged_data.test()), scheme="IOB2"),
    )
    held_out = TaggedSentences(*tagged_data.valid())
    for scheme in ("IOB1", "BILOU"):
        fitted = subject.clone().set_params(scheme=scheme)
        fitted.fit(data.in_scheme(scheme)[0], valid=held_out.in_scheme(scheme)[0])
        require_close(subject.results(fitted), wanted, 0, f"probabilities when fitted on {scheme}, and on IOB2")
        found = fitted.predict(tagged_data.test())
        require(found == tags.in_scheme(scheme)[0].tag_lists(), f"{scheme} is not predicted as it was written")


@check_in(OWN, when=_detects)
def malformed_tags_are_repaired(subject: Subject) -> None:
    """Training tags are read as conlleval reads them, and the number of repairs is reported and noted."""
    sentences, tags = tagged_data.train()
    tags[0][0], tags[3][0] = f"I{tags[0][0][1:]}", f"I{tags[3][0][1:]}"
    made: list[Tagger] = []
    notes = _notes_of(lambda: made.append(subject.fitted_on(sentences, tags, held_out=tagged_data.valid())))
    require_close(subject.results(made[0]), subject.results(subject.fitted), 0, "probabilities with repaired tags")
    require(
        made[0].fit_report_.get("repairs") == 2, f"{made[0].fit_report_.get('repairs')} repairs are reported, not 2"
    )
    require(any("repaired" in text for text in notes), f"repairs are not noted: {notes}")


@check_in(OWN)
def empty_and_repeated_sentences_are_taken(subject: Subject) -> None:
    """Training sentences may be empty, stand several times, and have now one tag and now another."""
    sentences, tags = tagged_data.train()
    more: Tagged = ([[], ["so"], ["so"], ["so"], []], [[], ["O"], ["B-NP"], ["O"], []])
    tagger = subject.fitted_on([*more[0], *sentences, *more[0]], [*more[1], *tags, *more[1]])
    require_tags(tagger, [*tagged_data.test(), ["so"]], "after empty and contradictory sentences")


@check_in(OWN)
def unusable_training_data_are_refused(subject: Subject) -> None:
    """DataError: no sentences, none with a token, tags missing, too few, empty, no strings, or of mixed schemes."""
    sentences, tags = tagged_data.train()
    wrong: dict[str, tuple[Any, Any]] = {
        "no sentences": ([], []),
        "empty sentences": ([[], []], [[], []]),
        "sentences without tags": (sentences, None),
        "fewer lists of tags than sentences": (sentences, tags[:-1]),
        "fewer tags than tokens": (sentences, [*tags[:-1], tags[-1][:-1]]),
        "a tag that is missing": ([["a", "b"]], [["O", None]]),
        "an empty tag": ([["a", "b"]], [["O", ""]]),
        "tags of mixed schemes": ([["a", "b", "c"]], [["B-X", "L-X", "E-X"]]),
        "one string instead of sentences": ("lovely", tags),
        "tokens that are not strings": ([[1, 2]], [["O", "O"]]),
    }
    for what, given in wrong.items():
        require_error(DataError, functools.partial(subject.clone().fit, *given), f"fit on {what}")
    plain = ([["a"]], [["NN"]])
    for given in (([], []), plain):
        fit = functools.partial(subject.clone().fit, sentences, tags, valid=given)
        require_error(DataError, fit, "fit with validation sentences that are empty or have other tags")


# --------------------------------------------------------------------------------------------------------- scoring


@check_in(OWN)
def score_is_f1_of_spans(subject: Subject) -> None:
    """``score`` is 2·right / (spans + predicted spans), and the report's F1."""
    sentences, tags = tagged_data.train()
    tags = [*tags[1:], tags[0]][: len(tags)]
    both = [(words, each) for words, each in zip(sentences, tags, strict=True) if len(words) == len(each)]
    sentences, tags = [words for words, _ in both], [each for _, each in both]
    found = subject.fitted.predict(sentences)
    spans = [[set(read_spans(each, "IOB2").spans) for each in some] for some in (tags, found)]
    right = sum(len(one & two) for one, two in zip(*spans, strict=True))
    wanted = 2 * right / sum(len(each) for some in spans for each in some)
    score, report = subject.fitted.score(sentences, tags), subject.fitted.report(sentences, tags, resamples=10)
    require_close(score, wanted, 1e-12, "the score, and F1 of the predictions")
    require(report.f1 == score, f"the report's F1 is {report.f1!r}, and the score {score!r}")
    require(report.n == len(sentences), f"the report counts {report.n} sentences of {len(sentences)}")
    require(report.model_digest == subject.fitted.digest, "the report has another digest than the tagger")
    for name in ("f1", "precision", "recall", "accuracy", "by_type", "scheme"):
        require(report.to_dict().get(name) is not None, f"the report has no {name}")
    json.dumps(report.to_dict(), allow_nan=False)


@check_in(OWN)
def unseen_tags_are_errors(subject: Subject) -> None:
    """A tag of the scored sentences that training lacked is an error, reported and noted."""
    sentences, tags = tagged_data.valid()
    tags[0] = ["B-NEW" if tag.startswith("B") else tag.replace("I-NP", "I-NEW") for tag in tags[0]]
    reports: list[Any] = []
    notes = _notes_of(lambda: reports.append(subject.fitted.report(sentences, tags, resamples=0)))
    (report,) = reports
    require("NEW" in report.by_type, "spans of an unseen type are not counted")
    require(report.by_type["NEW"].recall == 0, "spans of an unseen type are found")
    require(any(tag.endswith("-NEW") for tag in report.unseen_tags), f"unseen_tags is {report.unseen_tags}")
    require(any("unseen" in text for text in notes), f"unseen tags are not noted: {notes}")


@check_in(OWN)
def other_schemes_are_scored(subject: Subject) -> None:
    """Scored sentences may be written in another scheme than those of training: the spans decide."""
    data = TaggedSentences(*tagged_data.valid())
    wanted = subject.fitted.score(data)
    for scheme in ("BIOES", "BILOU"):
        found = subject.fitted.score(data.in_scheme(scheme)[0])
        require_close(found, wanted, 0, f"the score of sentences in {scheme}, and in IOB2")
    plain = TaggedSentences(*tagged_data.parts_of_speech())
    require_error(DataError, lambda: subject.fitted.score(plain), "score on tags without spans")


# ---------------------------------------------------------------------------------------------------- scikit-learn


@check_in(OWN, when=_sklearn_is_there)
def works_inside_scikit_learn(subject: Subject) -> None:
    """scikit-learn clones it unfitted, and cross-validates it on lists of sentences and tags."""
    from sklearn import base
    from sklearn.model_selection import cross_val_score

    sentences, tags = tagged_data.train()
    copy = base.clone(subject.fitted)
    require(type(copy) is subject.cls, f"clone returns a {type(copy).__name__}")
    require(not copy.is_fitted, "clone returns a fitted tagger")
    for name, value in subject.fitted.get_params(deep=False).items():
        require(getattr(copy, name) is value, f"clone changes {name}")
    scores = cross_val_score(subject.clone(), sentences, tags, cv=2, error_score="raise")
    require(bool(np.isfinite(scores).all()), f"cross_val_score gives {scores.tolist()}")


CHECKS: Final = (*component.CHECKS, *OWN)
"""Every check of a tagger, the shared ones first."""
