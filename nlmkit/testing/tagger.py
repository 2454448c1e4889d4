"""The conformance kit of taggers."""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.core.notes import LOGGER
from nlmkit.errors import DataError
from nlmkit.taggers.base import Tagger
from nlmkit.testing import component, tagged_data
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.tagged_data import Tagged
from nlmkit.text import TextPipeline, Tokenization, Vocabulary
from nlmkit.text.tag_schemes import read_spans
from nlmkit.text.tagged import TaggedSentences

_LEARNED: Final = 0.8  # F1 or accuracy on the training sentences
_ALL: Final = 20_000  # more sequences than a few tokens can have
_LONG: Final = 3_000  # tokens

_OWN: list[Check] = []


class Subject(component.Subject):
    """A configured, unfitted tagger under test."""

    component: Tagger
    fitted: Tagger

    def clone(self) -> Tagger:
        """An unfitted tagger with the same hyper-parameters."""
        return cast(Tagger, super().clone())

    def fitted_on(self, sentences: Any, tags: Any = None, *, held_out: Any = None) -> Tagger:
        """A tagger fitted on sentences with tags; there are always validation sentences, as a tagger may need them."""
        both = sentences if tags is None else (sentences, tags)
        return self.clone().fit(sentences, tags, valid=both if held_out is None else held_out)

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sentences, tags, and validation sentences."""
        if other:
            return tagged_data.other(), {"valid": tagged_data.other()}
        return tagged_data.train(), {"valid": tagged_data.valid()}

    def results(self, component: Component) -> NDArray[np.float64]:
        """Marginal probabilities of test sentences and unusual ones: float64 [tokens, tags]."""
        return marginals(component, [*tagged_data.test(), *tagged_data.unusual()])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted tagger."""
        tagger: Any = component
        return {
            "encode": lambda: tagger.encode(tagged_data.test()),
            "predict": lambda: tagger.predict(tagged_data.test()),
            "predict_marginals": lambda: tagger.predict_marginals(tagged_data.test()),
            "predict_spans": lambda: tagger.predict_spans(tagged_data.test()),
            "n_best": lambda: tagger.n_best(tagged_data.test(), 2),
            "score": lambda: tagger.score(*tagged_data.valid()),
            "report": lambda: tagger.report(*tagged_data.valid()),
            "fitted_state": tagger.fitted_state,
            "digest": lambda: tagger.digest,
        }

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting, tagging and scoring, of lists and of TaggedSentences."""
        train, held_out = tagged_data.train(), tagged_data.valid()
        yield "fit on lists", (train, held_out), lambda: self.fitted_on(*train, held_out=held_out)
        both = TaggedSentences(*tagged_data.train())
        yield "fit on TaggedSentences", both, lambda: self.fitted_on(both, held_out=both)
        some = tagged_data.test()
        yield "predict", some, lambda: self.fitted.predict(some)
        scored = tagged_data.valid()
        yield "score", scored, lambda: self.fitted.score(*scored)

    def score(self, component: Component) -> object:
        """The score on the validation sentences."""
        return cast(Any, component).score(*tagged_data.valid())


def marginals(tagger: Any, sentences: Any, **options: Any) -> NDArray[np.float64]:
    """Marginal probabilities of all tokens: float64 [tokens, tags]."""
    found = [np.empty((0, len(tagger.tags_))), *tagger.predict_marginals(sentences, **options)]
    return np.concatenate(found)


def _require_tags(tagger: Tagger, sentences: Sequence[Sequence[str]], what: str) -> list[list[str]]:
    """Raise unless each token of each sentence has one tag, and the spans are well-formed; return the tags."""
    found = tagger.predict(sentences)
    require(isinstance(found, list) and len(found) == len(sentences), f"{what}: predict returns no list of each")
    for words, tags in zip(sentences, found, strict=True):
        sound = isinstance(tags, list) and len(tags) == len(words) and all(isinstance(tag, str) for tag in tags)
        require(sound, f"{what}: {len(words)} tokens have the tags {tags!r}")
        _require_legal(tagger, tags, what)
    return found


def _require_legal(tagger: Tagger, tags: Sequence[str], what: str) -> None:
    if tagger.scheme_ != "plain":
        repairs = read_spans(tags, tagger.scheme_).repairs
        require(not repairs, f"{what}: tags that {tagger.scheme_} does not allow: {' '.join(tags[:20])}")


def _sequences(tagger: Tagger, sentence: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all legal tag sequences of a short sentence: probabilities [n], and ids of inner tags [n, tokens]."""
    (found,) = tagger.best(tagger.encode([sentence]), _ALL)
    require(len(found) < _ALL, f"{len(found)} sequences of {len(sentence)} tokens")
    ids = np.array([path for _, path in found], np.int64).reshape(len(found), len(sentence))
    return np.exp([score for score, _ in found]), ids


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


@check_in(_OWN)
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


@check_in(_OWN)
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


@check_in(_OWN)
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


@check_in(_OWN)
def failed_fit_leaves_the_tagger_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted tagger fitted as it was."""
    tagger = cast(Tagger, subject.fit(subject.clone()))
    before = subject.results(tagger)
    wrong = ([["one", "two"]], [["B-NP", "I-NP"]])
    foreign = ([["one", "two"]], [["NN", "VB"]])
    require_error(DataError, lambda: tagger.fit(*wrong, valid=foreign), "fit with validation tags without spans")
    require_close(subject.results(tagger), before, 0, "probabilities after and before a fit that failed")


# ------------------------------------------------------------------------------------------------- forms of input


@check_in(_OWN)
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


@check_in(_OWN)
def foreign_corpus_is_refused(subject: Subject) -> None:
    """A Corpus read with another tokenizer than the training sentences' raises DataError."""
    from nlmkit.text import Corpus

    foreign = Corpus.read(iter(["the cat sees"]), Tokenization("char"))
    require_error(DataError, lambda: subject.fitted.predict(foreign), "predict of a Corpus read otherwise")


@check_in(_OWN, when=_normalizes)
def words_are_looked_up_in_their_unicode_form(subject: Subject) -> None:
    """Full-width letters are tagged as ordinary ones where the hyper-parameter says so."""
    sentences = tagged_data.test()
    wide = [[tagged_data.full_width(word) for word in sentence] for sentence in sentences]
    wanted, found = (marginals(subject.fitted, some) for some in (sentences, wide))
    require_close(found, wanted, 0, "probabilities of full-width words, and of ordinary ones")


@check_in(_OWN, when=lambda subject: not subject.component.takes_features)
def features_are_refused(subject: Subject) -> None:
    """A tagger that uses no feature columns refuses to be trained with any: its ``takes_features`` is false."""
    sentences, tags = tagged_data.train()
    both = TaggedSentences(sentences, tags, features=[sentences])
    require_error(DataError, lambda: subject.fitted_on(both), "fit with a feature column")


@check_in(_OWN, when=lambda subject: subject.component.takes_features)
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


# ------------------------------------------------------------------------------------------------------ predictions


@check_in(_OWN)
def every_token_has_a_legal_tag(subject: Subject) -> None:
    """``predict`` returns one tag of training per token, in the scheme of training, of which spans are well-formed."""
    _, tags = tagged_data.train()
    known = {tag for each in tags for tag in each} | {f"{letter}-{t}" for t in tagged_data.TYPES for letter in "BI"}
    found = _require_tags(subject.fitted, tagged_data.test(), "test sentences")
    strange = sorted({tag for each in found for tag in each} - known)
    require(not strange, f"predicted tags that the scheme of training has not: {strange[:5]}")


@check_in(_OWN)
def empty_and_unknown_sentences_have_tags(subject: Subject) -> None:
    """Sentences without tokens, of unknown words alone, and of unusual characters have tags, also alone."""
    _require_tags(subject.fitted, tagged_data.unusual(), "unusual sentences")
    _require_tags(subject.fitted, [[], []], "empty sentences")
    _require_tags(subject.fitted, [["zyzzyva"]], "an unknown word")
    for n_best in (subject.fitted.n_best([[], ["she"]], 3)[0], subject.fitted.n_best([[]], 1)[0]):
        require(n_best == [(0.0, [])], f"the sequences of an empty sentence are {n_best}, not one of probability 1")


@check_in(_OWN)
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


@check_in(_OWN)
def long_sentences_are_tagged(subject: Subject) -> None:
    """There is no longest sentence: one of thousands of tokens has tags and probabilities."""
    sentence = [word for part in tagged_data.test() * (_LONG // 50) for word in part][:_LONG]
    _require_tags(subject.fitted, [sentence], "a long sentence")
    found = marginals(subject.fitted, [sentence])
    require_close(found.sum(axis=1), np.ones(len(sentence)), 1e-6, "sums of the probabilities in a long sentence")


@check_in(_OWN)
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


@check_in(_OWN)
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


@check_in(_OWN)
def n_best_are_all_legal_sequences(subject: Subject) -> None:
    """``n_best`` of a few tokens gives, if asked for enough, every legal sequence once, with probabilities of sum 1."""
    tagger = subject.fitted
    start, pairs, end = tagger.legal()
    for sentence in tagged_data.short():
        reached = start.astype(np.int64)
        for _ in sentence[1:]:
            reached = reached @ pairs
        probabilities, ids = _sequences(tagger, sentence)
        require(len({path.tobytes() for path in ids}) == len(ids), "n_best returns a sequence twice")
        legal = start[ids[:, 0]] & end[ids[:, -1]] & pairs[ids[:, :-1], ids[:, 1:]].all(axis=1)
        require(bool(legal.all()), "n_best returns a sequence that the scheme does not allow")
        wanted = int(reached @ end)
        # Sequences of no probability at all may be left out.
        require(len(ids) <= wanted, f"n_best returns {len(ids)} sequences of {len(sentence)} tokens, of {wanted}")
        require_close(probabilities.sum(), 1, subject.sum_tolerance, "the sum of the probabilities of all sequences")
        require(bool((np.diff(probabilities) <= 1e-12).all()), "n_best is not sorted: the best come first")


@check_in(_OWN)
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
            _require_legal(tagger, each, "n_best")
    for one, two in zip(few, many, strict=True):
        found, wanted = ([score for score, _ in each[:2]] for each in (one, two))
        require_close(found, wanted, max(subject.tolerance, 1e-9), "log-probabilities of the best 2, and of 5")
    for wrong in (0, -1, True, cast(int, 1.5)):
        require_error(ValueError, functools.partial(tagger.n_best, sentences, wrong), f"n_best with n={wrong!r}")


@check_in(_OWN)
def marginals_are_exact(subject: Subject) -> None:
    """A tag's probability at a token is the sum of the probabilities of all sequences that have it there."""
    for sentence in tagged_data.short():
        probabilities, ids = _sequences(subject.fitted, sentence)
        wanted = np.zeros((len(sentence), len(subject.fitted.tags_)))
        for place in range(len(sentence)):
            np.add.at(wanted[place], ids[:, place], probabilities)
        found = marginals(subject.fitted, [sentence])
        require_close(found, wanted, max(subject.tolerance, 1e-9), "marginal probabilities, and sums over sequences")


@check_in(_OWN)
def span_probabilities_are_exact(subject: Subject) -> None:
    """``predict_spans`` has the spans of ``predict``, each with the probability of all sequences that have it."""
    tagger = subject.fitted
    for sentence in tagged_data.short():
        ((found, tags),) = zip(tagger.predict_spans([sentence]), tagger.predict([sentence]), strict=True)
        spans = read_spans(tags, tagger.scheme_).spans
        require([span for span, _ in found] == spans, f"predict_spans returns {found}, but predict {tags}")
        probabilities, ids = _sequences(tagger, sentence)
        paths = [set(read_spans([tagger.tags_[each] for each in path], "BIOES").spans) for path in ids.tolist()]
        for span, probability in found:
            wanted = probabilities[[span in each for each in paths]].sum()
            require_close(probability, wanted, max(subject.tolerance, 1e-9), f"the probability of {span}, and its sum")


# -------------------------------------------------------------------------------------------------------- learning


@check_in(_OWN)
def learns_the_training_sentences(subject: Subject) -> None:
    """Of training sentences whose spans the words decide, nearly all are found afterwards."""
    score = subject.fitted.score(*tagged_data.train())
    require(score >= _LEARNED, f"F1 {score:.3f} on the training sentences")


@check_in(_OWN, when=_detects)
def plain_tags_are_learned(subject: Subject) -> None:
    """Tags without spans, such as parts of speech, are learned as they are; the score is accuracy."""
    sentences, tags = tagged_data.parts_of_speech()
    tagger = subject.fitted_on(sentences, tags)
    require(tagger.scheme_ == "plain", f"scheme_ of parts of speech is {tagger.scheme_!r}")
    require(set(tagger.tags_) == {tag for each in tags for tag in each}, f"tags_ is {tagger.tags_}")
    found = _require_tags(tagger, [*sentences, *tagged_data.unusual()], "parts of speech")[: len(tags)]
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


@check_in(_OWN, when=_detects)
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
    _require_tags(tagger, [list("未曾见过"), ["x"], []], "unknown characters")


@check_in(_OWN, when=_detects)
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


@check_in(_OWN, when=_detects)
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


@check_in(_OWN)
def empty_and_repeated_sentences_are_taken(subject: Subject) -> None:
    """Training sentences may be empty, stand several times, and have now one tag and now another."""
    sentences, tags = tagged_data.train()
    more: Tagged = ([[], ["so"], ["so"], ["so"], []], [[], ["O"], ["B-NP"], ["O"], []])
    tagger = subject.fitted_on([*more[0], *sentences, *more[0]], [*more[1], *tags, *more[1]])
    _require_tags(tagger, [*tagged_data.test(), ["so"]], "after empty and contradictory sentences")


@check_in(_OWN)
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


@check_in(_OWN)
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


@check_in(_OWN)
def unseen_tags_are_errors(subject: Subject) -> None:
    """A tag of the scored sentences that training lacked is an error, reported and noted."""
    sentences, tags = tagged_data.valid()
    tags[0] = ["B-NEW" if tag.startswith("B") else tag.replace("I-NP", "I-NEW") for tag in tags[0]]
    reports: list[Any] = []
    notes = _notes_of(lambda: reports.append(subject.fitted.report(sentences, tags, resamples=0)))
    (report,) = reports
    require(report.by_type["NEW"].recall == 0, "spans of an unseen type are found")
    require(any(tag.endswith("-NEW") for tag in report.unseen_tags), f"unseen_tags is {report.unseen_tags}")
    require(any("unseen" in text for text in notes), f"unseen tags are not noted: {notes}")


@check_in(_OWN)
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


@check_in(_OWN, when=_sklearn_is_there)
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


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of a tagger, the shared ones first."""
