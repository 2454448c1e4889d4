"""The conformance kit of language models."""

from __future__ import annotations

import functools
import itertools
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, NotNormalizedError
from nlmkit.language_models.base import Context, LanguageModel
from nlmkit.language_models.reading import ReadingOrder
from nlmkit.testing import component, data
from nlmkit.testing.checks import Check, ConformanceError, check_in, require, require_close, require_error
from nlmkit.text import BOS, BOS_ID, EOS, EOS_ID, UNK, Corpus, TextPipeline, Vocabulary

_CONTEXTS: Final[tuple[Context, ...]] = get_args(Context)

_ROUNDING: Final = 1e-4
"""By how much a log-probability may exceed 0, as reports tolerate it of sums of float32 probabilities."""

_OWN: list[Check] = []


class Subject(component.Subject):
    """A configured, unfitted language model under test."""

    component: LanguageModel
    fitted: LanguageModel

    def clone(self) -> LanguageModel:
        """An unfitted model with the same hyper-parameters."""
        return cast(LanguageModel, super().clone())

    def fitted_on(self, text: Any, valid: Any = None) -> LanguageModel:
        """A model fitted on ``text``; validation text is always there, since a model may need it."""
        model = self.clone()
        model.fit(text, valid=data.valid() if valid is None else valid)
        return model

    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Training and validation text."""
        return (data.other() if other else data.train(),), {"valid": data.valid()}

    def results(self, component: Component) -> NDArray[np.float64]:
        """Log-probabilities of the test text in both contexts."""
        model = cast(LanguageModel, component)
        return np.concatenate([model.log_probs(data.test(), context=context) for context in _CONTEXTS])

    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Every way to use a fitted language model."""
        model = cast(LanguageModel, component)
        uses = {
            "start": model.start,
            "encode": lambda: model.encode(data.test()),
            "log_probs": lambda: model.log_probs(data.test()),
            "distributions": lambda: list(model.distributions(data.test())),
            "event_details": lambda: model.event_details(data.test()),
            "log_probs_and_details": lambda: model.log_probs_and_details(data.test()),
            "score": lambda: model.score(data.test()),
            "generate": lambda: model.generate(max_tokens=1),
            "fitted_state": model.fitted_state,
            "digest": lambda: model.digest,
        }
        if is_normalized(self):
            uses["perplexity"] = lambda: model.perplexity(data.test())
            uses["report"] = lambda: model.report(data.test())
        return uses

    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """Fitting and scoring, of token lists and of a Corpus."""
        forms: dict[str, Callable[[list[list[str]]], Any]] = {"token lists": list, "a Corpus": Corpus.read}
        for what, form in forms.items():
            texts = [form(data.train()), form(data.valid())]
            yield f"fit on {what}", texts, functools.partial(self.fitted_on, *texts)
            text = form(data.test())
            yield f"log_probs of {what}", text, functools.partial(self.fitted.log_probs, text)
            yield f"score of {what}", text, functools.partial(self.fitted.score, text)

    def score(self, component: Component) -> object:
        """The score on the test text."""
        return component.score(data.test())


def is_normalized(subject: Subject) -> bool:
    """Return whether the model's scores are probabilities."""
    return subject.component.normalized


def _is_not_normalized(subject: Subject) -> bool:
    return not is_normalized(subject)


def _does_not_adapt(subject: Subject) -> bool:
    return not subject.component.adapts_to_test_text


def _has_default_vocabulary(subject: Subject) -> bool:
    limits = {"vocabulary_size": None, "min_count": 1, "vocabulary_file": None}
    return all(getattr(subject.component, name, default) == default for name, default in limits.items())


def _walk(model: LanguageModel, text: Any, context: Context) -> Iterator[tuple[Any, int]]:
    """State before each event and the event's id in the order of reading, by nothing but the state machine."""
    return LanguageModel._walk(model, model.encode(text), context)


def _read_log_probs(model: LanguageModel, text: Any, context: Context = "sentence") -> NDArray[np.float64]:
    """Log-probability of every event by the state machine: float64 [events]."""
    values = [float(model.next_log_probs(state)[word_id]) for state, word_id in _walk(model, text, context)]
    return _order(model, text).placed(np.array(values, np.float64))


def _order(model: LanguageModel, text: Any) -> ReadingOrder:
    return ReadingOrder.of(model.encode(text).event_offsets, backward=model.reads_backward)


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.asarray(values, np.float64).sum()) / len(values)


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


# --------------------------------------------------------------------------------------------- what fit leaves


@check_in(_OWN)
def fit_sets_vocabulary_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``vocabulary_`` and ``pipeline_``; a Corpus brings its own text pipeline."""
    vocabulary, pipeline = (getattr(subject.fitted, name, None) for name in ("vocabulary_", "pipeline_"))
    require(isinstance(vocabulary, Vocabulary), f"vocabulary_ is {type(vocabulary).__name__}, not a Vocabulary")
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    lowered = TextPipeline(lowercase=True)
    model = subject.fitted_on(Corpus.read([" ".join(words) for words in data.train()], lowered))
    require(model.pipeline_ == lowered, f"pipeline_ is {model.pipeline_}, the training Corpus was read with {lowered}")


@check_in(_OWN, when=_has_default_vocabulary)
def vocabulary_is_that_of_the_training_text(subject: Subject) -> None:
    """Without limits the vocabulary is every training type and no other word, so that models are comparable."""
    words = {word for sentence in data.train() for word in sentence}
    own = set(subject.fitted.vocabulary_.words[3:])
    require(own >= words, f"the vocabulary lacks words of the training text: {sorted(words - own)}")
    require(own <= words, f"the vocabulary has words that the training text lacks: {sorted(own - words)}")


@check_in(_OWN)
def all_forms_of_text_agree(subject: Subject) -> None:
    """Token lists, lines, iterators of either, a file and a Corpus give the same model and the same scores."""
    expected = subject.fitted.log_probs(data.test())
    with tempfile.TemporaryDirectory() as folder:
        for name, form in _forms_of_text(Path(folder)).items():
            model = subject.fitted_on(form(data.train()), form(data.valid()))
            component.require_equal_states(model, subject.fitted, f"fitted on {name}, and on token lists")
            scores = subject.fitted.log_probs(form(data.test()))
            require_close(scores, expected, 0, f"log_probs of {name}, and of token lists")


def _forms_of_text(folder: Path) -> dict[str, Callable[[list[list[str]]], Any]]:
    """Ways to pass sentences."""

    def lines(sentences: list[list[str]]) -> list[str]:
        return [" ".join(words) for words in sentences]

    def file(sentences: list[list[str]]) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.txt"
        path.write_text("".join(f"{line}\n" for line in lines(sentences)), encoding="utf-8", newline="\n")
        return path

    return {
        "lines": lines,
        "an iterator of lines": lambda sentences: iter(lines(sentences)),
        "an iterator of token lists": iter,
        "a file": file,
        "a Corpus": Corpus.read,
    }


@check_in(_OWN)
def scored_text_passes_the_pipeline(subject: Subject) -> None:
    """Text is scored as the training text was read: its tokenizer and case are the model's, whoever scores it."""
    pipeline = TextPipeline(tokenizer="char", lowercase=True)
    lines = data.chinese()
    model = subject.fitted_on(Corpus.read(lines, pipeline), Corpus.read(lines[:5], pipeline))
    text = ["老船长 Sees 一只狗", *lines[3:5]]
    expected = model.log_probs(Corpus.read(text, pipeline))
    characters = sum(map(len, text)) + len(text)
    require(
        len(expected) == characters, f"{characters} characters and line ends have {len(expected)} log-probabilities"
    )
    require_close(model.log_probs(text), expected, 0, "log_probs of lines, and of a Corpus read with pipeline_")


@check_in(_OWN)
def empty_training_text_is_answered(subject: Subject) -> None:
    """Fitting on text without words raises one of nlmkit's errors, or gives a model that scores text."""
    texts: dict[str, list[list[str]]] = {"no sentence": [], "blank sentences alone": [[], []]}
    for name, text in texts.items():
        try:
            model = subject.fitted_on(text)
        except NlmkitError:
            continue
        except Exception as error:
            problem = f"fit on {name} raises {type(error).__name__}: {error}; raise DataError, or fit"
            raise ConformanceError(problem) from error
        values = model.log_probs(data.test())
        require(not np.isnan(values).any(), f"a model fitted on {name} returns NaN")


@check_in(_OWN)
def labels_fit_the_signature(subject: Subject) -> None:
    """``unknown_rule``, and what else labels a report, is printable and has neither ``:`` nor ``|`` in it.

    The report's signature is a line of such labels.
    """
    labels = {"unknown_rule": subject.fitted.unknown_rule}
    if is_normalized(subject):
        labels |= subject.fitted.report(data.test()).labels
    for name, label in labels.items():
        for text in (name, label):
            usable = isinstance(text, str) and text.isprintable() and text and not set(text) & set("|:")
            require(usable, f"{name} is {label!r}: a label without colon and | was expected")


# ------------------------------------------------------------------------------------------- the state machine


@check_in(_OWN)
def next_log_probs_cover_the_vocabulary(subject: Subject) -> None:
    """``next_log_probs`` is float64 with one value for each vocabulary id, and none of them NaN."""
    model = subject.fitted
    for state, _ in _walk(model, data.test(), "stream"):
        row = model.next_log_probs(state)
        require(isinstance(row, np.ndarray), f"next_log_probs returns {type(row).__name__}, not an array")
        wanted = (len(model.vocabulary_),)
        require(row.shape == wanted, f"next_log_probs has shape {row.shape}, the vocabulary {wanted}")
        require(row.dtype == np.float64, f"next_log_probs is {row.dtype}, not float64")
        require(not np.isnan(row).any(), "next_log_probs holds NaN")


@check_in(_OWN)
def begin_mark_is_never_predicted(subject: Subject) -> None:
    """``next_log_probs`` is −inf at ``<s>``, which is no event."""
    model = subject.fitted
    for state, _ in _walk(model, data.test(), "stream"):
        value = float(model.next_log_probs(state)[BOS_ID])
        require(value == -math.inf, f"next_log_probs is {value:g} at <s>, not −inf")


@check_in(_OWN, when=is_normalized)
def distributions_sum_to_one(subject: Subject) -> None:
    """The probabilities of all next words sum to one, after known and unknown words, in sentence and in stream."""
    model = subject.fitted
    for context in _CONTEXTS:
        for number, (state, _) in enumerate(_walk(model, data.test(), context)):
            total = float(np.exp(np.asarray(model.next_log_probs(state), np.float64)).sum())
            wrong = f"the probabilities of all next words sum to {total!r} before event {number} in context {context}"
            require(abs(total - 1) <= subject.sum_tolerance, wrong)


@check_in(_OWN)
def states_are_values(subject: Subject) -> None:
    """States are hashable, and equal after equal histories."""
    model = subject.fitted
    pairs = zip(_walk(model, data.test(), "stream"), _walk(model, data.test(), "stream"), strict=True)
    for (one, _), (two, _) in pairs:
        try:
            equal = bool(one == two) and hash(one) == hash(two)
        except (TypeError, ValueError) as error:  # unhashable; arrays, whose truth value is ambiguous
            raise ConformanceError(f"states of type {type(one).__name__} are not values: {error}") from error
        require(equal, f"states after one history are not equal: {one!r} and {two!r}")


@check_in(_OWN)
def advance_keeps_its_argument(subject: Subject) -> None:
    """``advance`` leaves the given state as it was: from one state, several continuations can be tried."""
    model = subject.fitted
    ids = sorted({word_id for _, word_id in _walk(model, data.test(), "stream")})[:5]
    for state, _ in itertools.islice(_walk(model, data.test(), "stream"), 12):
        before = _rows(model, state, ids)
        require_close(
            _rows(model, state, ids), before, 0, "next_log_probs after advancing from one state once and twice"
        )


def _rows(model: LanguageModel, state: Any, ids: list[int]) -> list[NDArray[np.float64]]:
    """Copies of the distributions after ``state``, and after each way on from it."""
    rows = [np.array(model.next_log_probs(state))]
    return rows + [np.array(model.next_log_probs(model.advance(state, word_id))) for word_id in ids]


@check_in(_OWN)
def end_mark_opens_the_next_sentence(subject: Subject) -> None:
    """After ``advance(state, </s>)`` the next sentence can be read: every event of the training text is possible."""
    model, text = subject.fitted, data.train()[:16]
    for context in _CONTEXTS:
        values = _read_log_probs(model, text, context)
        impossible = np.flatnonzero(values == -np.inf)
        if len(impossible):
            sentence = int(np.searchsorted(model.encode(text).event_offsets, impossible[0], side="right"))
            raise ConformanceError(
                f"in context {context}, sentence {sentence} of the training text has an event of probability zero"
            )


# ---------------------------------------------------------------------------------------------------- log_probs


@check_in(_OWN)
def log_probs_have_one_value_per_event(subject: Subject) -> None:
    """``log_probs`` is float64 with one value for each word and each ``</s>``."""
    for context in _CONTEXTS:
        values = subject.fitted.log_probs(data.test(), context=context)
        events = subject.fitted.encode(data.test()).events
        require(isinstance(values, np.ndarray), f"log_probs returns {type(values).__name__}, not an array")
        require(values.shape == (events,), f"log_probs has shape {values.shape}, the text has {events} events")
        require(values.dtype == np.float64, f"log_probs is {values.dtype}, not float64")


@check_in(_OWN)
def log_probs_are_those_of_the_state_machine(subject: Subject) -> None:
    """``log_probs`` is what ``start``, ``advance`` and ``next_log_probs`` say, of a sentence and of a stream."""
    model = subject.fitted
    for sentence in data.test():
        expected = _read_log_probs(model, [sentence])
        what = f"log_probs and the state machine on {' '.join(sentence)[:40]!r}"
        require_close(model.log_probs([sentence]), expected, subject.tolerance, what)
    # Sentences beside each other in context sentence are another check's; but a model that adapts has no such check.
    contexts: tuple[Context, ...] = ("stream",) if _does_not_adapt(subject) else _CONTEXTS
    for context in contexts:
        expected = _read_log_probs(model, data.test(), context)
        what = f"log_probs and the state machine in context {context}"
        require_close(model.log_probs(data.test(), context=context), expected, subject.tolerance, what)


@check_in(_OWN)
def distributions_are_those_of_the_state_machine(subject: Subject) -> None:
    """``distributions`` returns one chunk per sentence, whose rows are ``next_log_probs`` before each of its events."""
    model = subject.fitted
    for context in _CONTEXTS:
        chunks = list(model.distributions(data.test(), context=context))
        lengths = [len(sentence) + 1 for sentence in data.test()]
        own = [len(chunk) for chunk in chunks]
        require(own == lengths, f"distributions has chunks of {own} events, the sentences have {lengths}")
        read = [model.next_log_probs(state) for state, _ in _walk(model, data.test(), context)]
        expected = _order(model, data.test()).placed(np.array(read))
        what = f"distributions and next_log_probs in context {context}"
        require_close(np.concatenate(chunks), expected, subject.tolerance, what)


@check_in(_OWN)
def single_words_have_the_log_probs_of_the_distribution(subject: Subject) -> None:
    """``log_prob`` of a word, given as a word or as its id, agrees with ``next_log_probs`` and ``advance``."""
    model = subject.fitted
    for state, word_id in itertools.islice(_walk(model, data.test(), "stream"), 40):
        expected = model.next_log_probs(state)
        for word in (word_id, model.vocabulary_.word(word_id), EOS_ID, BOS_ID):
            number = model.vocabulary_.id(word) if isinstance(word, str) else word
            value, after = model.log_prob(state, word)
            what = f"log_prob and next_log_probs of {word!r}"
            require_close(np.array([value]), expected[[number]], subject.tolerance, what)
            if number == word_id:
                what = f"distributions after log_prob and after advance by {word!r}"
                following = model.next_log_probs(model.advance(state, word_id))
                require_close(model.next_log_probs(after), following, subject.tolerance, what)


@check_in(_OWN)
def rows_are_those_of_the_state_machine(subject: Subject) -> None:
    """``rows``, which searches continue, have the distributions of the state machine, whichever of them is continued.

    Values may differ by 1e-5, since rows may be calculated together and in float32.
    """
    model = subject.fitted
    states: list[Any] = [model.start(), model.start()]
    rows, tolerance = model.rows(2), max(subject.tolerance, 1e-5)
    again = EOS_ID
    for number, (_, word_id) in enumerate(itertools.islice(_walk(model, data.test(), "stream"), 12)):
        expected = [model.next_log_probs(state) for state in states]
        require_close(rows.log_probs(), expected, tolerance, f"rows and next_log_probs after {number} words")
        # Two histories that change places at each step, and a third that is given up at the next.
        taken, ids = [1, 0, 1], [word_id, again, again]
        rows = rows.take(np.array(taken), np.array(ids))
        states = [model.advance(states[row], each) for row, each in zip(taken, ids, strict=True)]
        again = word_id
    require(rows.attention() is None, "rows of a language model have attention, without a source")


@check_in(_OWN)
def earlier_words_do_not_depend_on_later_ones(subject: Subject) -> None:
    """Other words later in the text, or more of them, leave the log-probabilities of the earlier ones alone.

    Of a backward model, which reads the reversed text, other words earlier in the text leave the later ones alone.
    """
    model = subject.fitted
    begin = data.test()[:3]
    cut = len(begin[-1]) // 2
    endings = [[], ["she", "."], ["the", "zyzzyva"], ["dog"] * 30]
    texts = [[*begin[:-1], begin[-1][:cut] + ending, *data.test()[: len(ending)]] for ending in endings]
    shared = sum(len(sentence) + 1 for sentence in begin[:-1]) + cut
    if model.reads_backward:
        texts = [[sentence[::-1] for sentence in reversed(text)] for text in texts]
    for context in _CONTEXTS:
        read = [model.log_probs(text, context=context)[_order(model, text).places][:shared] for text in texts]
        expected = read[0]
        for found in read[1:]:
            what = f"log-probabilities before different endings in context {context}"
            require_close(found, expected, subject.tolerance, what)


@check_in(_OWN, when=_does_not_adapt)
def sentences_do_not_depend_on_each_other(subject: Subject) -> None:
    """In context ``sentence`` each sentence scores as it does alone, whatever stands beside it and in which order."""
    model = subject.fitted
    alone = [model.log_probs([sentence]) for sentence in data.test()]
    numbers = list(range(len(alone)))
    for order in (numbers, numbers[::-1], numbers[::2] + numbers[1::2]):
        together = model.log_probs([data.test()[number] for number in order])
        expected = np.concatenate([alone[number] for number in order])
        require_close(together, expected, subject.tolerance, "log_probs of sentences together, and of each alone")


@check_in(_OWN)
def event_details_have_one_value_per_event(subject: Subject) -> None:
    """Every column of ``event_details`` has one value for each event, the same in ``log_probs_and_details``."""
    events = subject.fitted.encode(data.test()).events
    details = subject.fitted.event_details(data.test())
    for name, column in details.items():
        require(np.shape(column) == (events,), f"{name} has shape {np.shape(column)}, the text has {events} events")
    log_probs, together = subject.fitted.log_probs_and_details(data.test())
    require_close(
        log_probs, subject.fitted.log_probs(data.test()), subject.tolerance, "log_probs_and_details, and log_probs"
    )
    require(together.keys() == details.keys(), f"log_probs_and_details has {[*together]}, event_details {[*details]}")
    for name, column in details.items():
        require(np.array_equal(column, together[name]), f"{name} differs in log_probs_and_details")


# ----------------------------------------------------------------------------------------------- score, report


@check_in(_OWN)
def score_is_the_mean_log_prob(subject: Subject) -> None:
    """``score`` is the mean natural log-probability per event."""
    expected = _mean(subject.fitted.log_probs(data.test()))
    found = subject.fitted.score(data.test())
    same = found == expected or math.isclose(found, expected, rel_tol=1e-6)
    require(same, f"score is {found!r}, the mean of log_probs {expected!r}")


@check_in(_OWN, when=is_normalized)
def perplexity_is_exp_of_the_mean(subject: Subject) -> None:
    """``perplexity``, and the report's, is exp(−Σ ln p / N), over all events at once."""
    model = subject.fitted
    for context in _CONTEXTS:
        expected = _exp(-_mean(model.log_probs(data.test(), context=context)))
        figures = {
            "perplexity": model.perplexity(data.test(), context=context),
            "the report's perplexity": model.report(data.test(), context=context).perplexity,
        }
        for name, found in figures.items():
            same = found == expected or math.isclose(found, expected, rel_tol=1e-9)
            require(same, f"{name} is {found!r} in context {context}; log_probs give {expected!r}")


@check_in(_OWN, when=is_normalized)
def report_counts_events(subject: Subject) -> None:
    """A report counts every word and one ``</s>`` a sentence, OOV words, and predictable types; it is strict JSON."""
    model = subject.fitted
    text = [*data.test(), [UNK, "zyzzyva"]]
    report = model.report(text)
    vocabulary = set(model.vocabulary_.words)
    expected = {
        "events": sum(map(len, text)) + len(text),
        "sentences": len(text),
        "oov": sum(word not in vocabulary for sentence in text for word in sentence),
        "vocabulary_size": len(vocabulary) - 1,
        "component": subject.cls.name,
        "model_digest": model.digest,
    }
    for name, value in expected.items():
        require(getattr(report, name) == value, f"the report's {name} is {getattr(report, name)!r}, not {value!r}")
    json.dumps(report.to_dict(), allow_nan=False)


@check_in(_OWN, when=is_normalized)
def probabilities_are_at_most_one(subject: Subject) -> None:
    """No log-probability is positive, however predictable a text, so that no perplexity is below 1."""
    model = subject.fitted
    for text in (data.train(), [["the"] * 300], [["dog"] * 300, ["zyzzyva"] * 300]):
        for context in _CONTEXTS:
            highest = float(model.log_probs(text, context=context).max())
            require(highest <= _ROUNDING, f"a word has the log-probability {highest!r}, which is positive")


@check_in(_OWN, when=_is_not_normalized)
def no_perplexity_without_distribution(subject: Subject) -> None:
    """A scorer that is not a distribution refuses perplexity and report with NotNormalizedError."""
    require_error(NotNormalizedError, lambda: subject.fitted.perplexity(data.test()), "perplexity")
    require_error(NotNormalizedError, lambda: subject.fitted.report(data.test()), "report")


@check_in(_OWN, when=is_normalized)
def overfits_a_tiny_text(subject: Subject) -> None:
    """Fitted on a text of a few repeated words, the model is less than half as perplexed by it as a uniform one."""
    text = data.repetitive()
    model = subject.fitted_on(text, text)
    uniform = len(model.vocabulary_) - 1
    found = model.perplexity(text)
    require(found < uniform / 2, f"perplexity {found:.4g} on the training text, where a uniform model has {uniform}")


# ----------------------------------------------------------------------------------------------- unusual texts


@check_in(_OWN)
def unknown_words_are_scored(subject: Subject) -> None:
    """A text of unknown words alone is scored: finite or −inf, never NaN, and every word is counted as OOV."""
    text = data.unknown()
    words = sum(map(len, text))
    for context in _CONTEXTS:
        _require_scores(subject.fitted, text, context, "a text of unknown words")
    if is_normalized(subject):
        oov = subject.fitted.report(text).oov
        require(oov == words, f"the report counts {oov} OOV words of {words}")


@check_in(_OWN)
def empty_text_is_scored(subject: Subject) -> None:
    """A text without sentences has no events, and neither score nor perplexity: NaN."""
    model = subject.fitted
    for context in _CONTEXTS:
        _require_scores(model, [], context, "an empty text")
        require(not list(model.distributions([], context=context)), "distributions of an empty text are not empty")
    require(math.isnan(model.score([])), f"the score of an empty text is {model.score([])}, not NaN")
    if is_normalized(subject):
        report = model.report([])
        require(report.events == 0, f"the report counts {report.events} events in an empty text")
        require(math.isnan(report.perplexity), f"an empty text has perplexity {report.perplexity}, not NaN")


@check_in(_OWN)
def blank_sentences_are_scored(subject: Subject) -> None:
    """A blank line is an empty sentence: its one event is ``</s>``, wherever it stands."""
    model = subject.fitted
    text: list[list[str]] = [[], ["she"], [], [], ["the", "cat"], []]
    for context in _CONTEXTS:
        found = _require_scores(model, text, context, "a text with blank sentences")
        require_close(found, _read_log_probs(model, text, context), subject.tolerance, "log_probs with blank sentences")
    _require_scores(model, [[], []], "sentence", "a text of blank sentences")


@check_in(_OWN)
def literal_unk_is_a_word(subject: Subject) -> None:
    """A literal ``<unk>`` is an ordinary word of id 0, in training text and in text to score."""
    marked, foreign = (
        [[word if word != "boat" else other for word in sentence] for sentence in data.test()]
        for other in (UNK, "zyzzyva")
    )
    found = _require_scores(subject.fitted, marked, "sentence", "a text with <unk>")
    expected = subject.fitted.log_probs(foreign)
    require_close(found, expected, subject.tolerance, "log_probs of a text with <unk>, and with an unknown word there")
    trained = subject.fitted_on([[UNK if word == "a" else word for word in sentence] for sentence in data.train()])
    words = trained.vocabulary_.words
    require(words.count(UNK) == 1, f"trained on a text with <unk>, the vocabulary has it {words.count(UNK)} times")
    _require_scores(trained, marked, "sentence", "a text with <unk>, by a model trained on it,")


def _require_scores(model: LanguageModel, text: list[list[str]], context: Context, what: str) -> NDArray[np.float64]:
    """Log-probabilities of a text, once there is one for each event and none is NaN or +inf."""
    values = model.log_probs(text, context=context)
    events = sum(map(len, text)) + len(text)
    require(values.shape == (events,), f"{what} has {events} events, and log_probs the shape {values.shape}")
    require(bool((values < np.inf).all()), f"{what} has log-probabilities of NaN or +inf")
    return values


@check_in(_OWN)
def sentence_marks_are_refused(subject: Subject) -> None:
    """A literal ``<s>`` or ``</s>`` in a text raises DataError: models put them around sentences themselves."""
    for mark in (BOS, EOS):
        require_error(DataError, functools.partial(subject.fitted.log_probs, [["the", mark]]), f"{mark} in a text")


@check_in(_OWN)
def foreign_corpus_is_refused(subject: Subject) -> None:
    """A Corpus read in another way than the training text raises DataError: its words are not the model's."""
    foreign = Corpus.read(["The CAT sees"], TextPipeline(tokenizer="char", lowercase=True))
    uses: dict[str, Callable[..., object]] = {"log_probs": subject.fitted.log_probs, "score": subject.fitted.score}
    for name, use in uses.items():
        what = f"{name} of a Corpus read with another text pipeline"
        require_error(DataError, functools.partial(use, foreign), what)


@check_in(_OWN)
def unknown_context_is_refused(subject: Subject) -> None:
    """A context other than ``sentence`` and ``stream`` raises HyperParameterError."""
    wrong = cast(Context, "paragraph")
    uses: dict[str, Callable[[], object]] = {
        "log_probs": lambda: subject.fitted.log_probs(data.test(), context=wrong),
        "distributions": lambda: list(subject.fitted.distributions(data.test(), context=wrong)),
    }
    for name, use in uses.items():
        require_error(HyperParameterError, use, f"{name} with context={wrong!r}")


# -------------------------------------------------------------------------------------------------- generation


@check_in(_OWN)
def greedy_generation_yields_words(subject: Subject) -> None:
    """Generation at temperature 0 gives the most probable words of the vocabulary, without marks, up to a limit."""
    model = subject.fitted
    words = model.generate(temperature=0, max_tokens=8, prompt="the")
    require(len(words) <= 8, f"max_tokens=8 returns {len(words)} words")
    wrong = [word for word in words if word not in model.vocabulary_ or word in (UNK, BOS, EOS)]
    require(not wrong, f"generation returns {wrong}, which are not in the vocabulary")
    again = model.generate(temperature=0, max_tokens=8, prompt="the", seed=1)
    require(again == words, f"generation at temperature 0 depends on the seed: {words} and {again}")


@check_in(_OWN)
def seeded_generation_repeats(subject: Subject) -> None:
    """A seed always gives the same words, and another seed other words."""
    texts = [subject.fitted.generate(seed=seed, max_tokens=12) for seed in range(12)]
    for seed, words in enumerate(texts):
        again = subject.fitted.generate(seed=seed, max_tokens=12)
        require(again == words, f"seed {seed} gives {words}, and then {again}")
    require(any(words != texts[0] for words in texts), f"twelve seeds all return {texts[0]}")


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of a language model, the shared ones first."""
