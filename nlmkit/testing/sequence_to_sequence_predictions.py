"""Checks of what sequence-to-sequence models predict, and with which probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.testing import parallel_data
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.sequence_to_sequence_subject import (
    Subject,
    by_machine,
    has_attention,
    has_no_attention,
    log_prob_of,
    states_of,
    takes_texts,
    takes_vectors,
)
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID

CHECKS: list[Check] = []

_LONG = 3_000  # tokens of a source
_MOST = 12  # words of a prediction, where they are compared one by one


# ---------------------------------------------------------------------------------------------------- probabilities


@check_in(CHECKS)
def probabilities_sum_to_one(subject: Subject) -> None:
    """After any beginning of a target of any source, the next words have probabilities of sum 1, ``<s>`` none."""
    model, random = subject.fitted, np.random.default_rng(3)
    size = len(model.vocabulary_)
    for source in subject.test().sources[:6]:
        ids = random.choice([UNK_ID, *range(EOS_ID + 1, size)], size=5).tolist()
        for number, state in enumerate(states_of(model, source, ids)):
            values = np.asarray(model.next_log_probs(state), np.float64)
            require(values.shape == (size,), f"next_log_probs has shape {values.shape}, the vocabulary {size} words")
            require(values[BOS_ID] == -np.inf, f"<s> has the log-probability {values[BOS_ID]!r}")
            gap = abs(float(np.exp(values).sum()) - 1)
            what = f"the probabilities after {number} words sum up to a number {gap:.3g} from 1"
            require(gap <= subject.sum_tolerance, what)


@check_in(CHECKS)
def log_probs_agree_with_the_state_machine(subject: Subject) -> None:
    """``log_probs`` has one value per word and ``</s>``, which is that of the state machine."""
    both = subject.test()
    found = subject.fitted.log_probs(*both)
    require(np.asarray(found).dtype == np.float64, f"log_probs is {np.asarray(found).dtype}, not float64")
    expected = by_machine(subject.fitted, *both)
    require_close(found, expected, subject.tolerance, "log_probs, and the state machine")


@check_in(CHECKS)
def pairs_do_not_depend_on_each_other(subject: Subject) -> None:
    """The log-probabilities of a pair are the same alone, beside longer ones, and in another order."""
    model, both = subject.fitted, subject.test()
    pairs = model.encode_pairs(*both)
    together = np.split(model.log_probs(*both), pairs.event_offsets[1:-1])
    alone = [model.log_probs(both.sources[at : at + 1], both.targets[at : at + 1]) for at in range(len(both.targets))]
    for at, (one, other) in enumerate(zip(together, alone, strict=True)):
        require_close(one, other, subject.tolerance, f"log_probs of pair {at + 1} among others, and alone")
    backwards = model.log_probs(both.sources[::-1], both.targets[::-1])
    wanted = np.concatenate(together[::-1])
    require_close(backwards, wanted, subject.tolerance, "log_probs of pairs in reverse order, and in order")


@check_in(CHECKS)
def rows_agree_with_the_state_machine(subject: Subject) -> None:
    """``rows`` begins with one row per source, and ``take`` continues any of them, as the state machine does."""
    model, sources = subject.fitted, subject.test().sources[:4]
    conditions = model.conditions(sources)
    rows, states = model.rows(conditions), [model.start(condition) for condition in conditions]
    word = len(model.vocabulary_) - 1
    for taken, ids in (([0, 0, 1, 2, 3], [word, UNK_ID, word, word, UNK_ID]), ([0, 1, 4], [UNK_ID, word, word])):
        expected = np.array([model.next_log_probs(state) for state in states])
        require_close(rows.log_probs(), expected, subject.tolerance, "log_probs of rows, and the state machine")
        rows = rows.take(np.array(taken, np.int64), np.array(ids, np.int64))
        states = [model.advance(states[row], id_) for row, id_ in zip(taken, ids, strict=True)]


@check_in(CHECKS)
def sources_matter(subject: Subject) -> None:
    """The targets of training are more probable with their own sources than with those of others."""
    both = subject.train()
    own = subject.fitted.score(*both)
    others = subject.fitted.score(both.sources[::-1], both.targets)
    require(own > others + 1e-4, f"the score with own sources is {own:.4f}, with other ones {others:.4f}")


# ------------------------------------------------------------------------------------------------------ predictions


@check_in(CHECKS)
def predictions_do_not_depend_on_the_batch(subject: Subject) -> None:
    """A source has the same prediction alone, beside others, in another order, and several times."""
    model, sources = subject.fitted, subject.test().sources
    together = model.predict(sources)
    require(isinstance(together, list) and all(isinstance(text, str) for text in together), "predict returns no texts")
    require(len(together) == len(sources), f"predict returns {len(together)} texts for {len(sources)} sources")
    alone = [model.predict(sources[at : at + 1])[0] for at in range(len(sources))]
    require(alone == together, f"predictions alone are {alone}, together {together}")
    backwards = model.predict(sources[::-1])[::-1]
    require(backwards == together, f"predictions in reverse order are {backwards}, in order {together}")


@check_in(CHECKS)
def beam_of_one_is_greedy(subject: Subject) -> None:
    """With a beam of 1, each word is the most probable one after those before it."""
    model = subject.fitted
    for source in subject.test().sources[:5]:
        ((found,),) = model.n_best([source], 1, beam=1, max_length=_MOST)
        ids = [model.vocabulary_.id(token) for token in found.tokens]
        for state, word in zip(states_of(model, source, ids), [*ids, EOS_ID], strict=False):
            values = np.asarray(model.next_log_probs(state), np.float64).copy()
            values[UNK_ID] = -np.inf
            is_end = word == EOS_ID
            if is_end and not found.finished:
                break
            best = float(values.max())
            require(
                values[word] >= best - subject.tolerance or (is_end and len(ids) == _MOST),
                f"a word of log-probability {values[word]:.6f} was chosen where the best has {best:.6f}",
            )


@check_in(CHECKS)
def n_best_are_different_and_ordered(subject: Subject) -> None:
    """``n_best`` returns different targets, best first; the first is the prediction, ``log_prob`` the model's."""
    model, sources = subject.fitted, subject.test().sources[:4]
    found = model.n_best(sources, 4)
    predicted = model.predict(sources)
    for source, best, text in zip(sources, found, predicted, strict=True):
        require(1 <= len(best) <= 4, f"{len(best)} targets of one source")
        scores = [one.score for one in best]
        require(scores == sorted(scores, reverse=True), f"scores {scores} are not in order")
        require(len({one.tokens for one in best}) == len(best), "a target is returned twice")
        require(best[0].text == text, f"the best target is {best[0].text!r}, the prediction {text!r}")
        for one in best:
            ids = [model.vocabulary_.id(token) for token in one.tokens]
            wanted = log_prob_of(model, source, ids, finished=one.finished)
            room = subject.tolerance * (len(ids) + 1)
            require_close(one.log_prob, wanted, room, "log_prob of a target, and its words'")
            require(one.text == model.pipeline_.detokenize(one.tokens), f"{one.text!r} is not {one.tokens} as text")


@check_in(CHECKS)
def lengths_are_limited(subject: Subject) -> None:
    """``max_length`` and ``min_length`` bound the number of words; other options of search are refused."""
    model, sources = subject.fitted, subject.test().sources[:4]
    for low, high in ((0, 1), (4, 6)):
        found = model.n_best(sources, 1, max_length=high, min_length=low)
        lengths = [len(best[0].tokens) for best in found]
        require(all(low <= length <= high for length in lengths), f"{lengths} words, from {low} to {high} were allowed")
    wrong: dict[str, dict[str, Any]] = {
        "an unknown option": {"breadth": 5},
        "a beam of 0": {"beam": 0},
        "a weight without a language model": {"lm_weight": 0.5},
    }
    for what, options in wrong.items():
        require_error(HyperParameterError, lambda options=options: model.predict(sources, **options), what)  # type: ignore[misc]


@check_in(CHECKS)
def unusual_sources_have_predictions(subject: Subject) -> None:
    """Sources of unknown words and unusual characters, or far from those of training, have finite scores and texts."""
    model, sources = subject.fitted, parallel_data.unusual(subject.takes)
    texts = model.predict(sources, max_length=_MOST)
    require(len(texts) == len(sources), f"{len(texts)} predictions for {len(sources)} sources")
    values = model.log_probs(sources, ["hana zyzzyva"] * len(sources))
    require(bool((values < 1e-4).all()), "log-probabilities of unusual sources are NaN or positive")


@check_in(CHECKS)
def no_sources_have_no_predictions(subject: Subject) -> None:
    """Of no sources there are no predictions."""
    none = subject.test().sources[:0]
    for what, found in (("predict", subject.fitted.predict(none)), ("n_best", subject.fitted.n_best(none, 2))):
        require(found == [], f"{what} of no sources returns {found!r}")


@check_in(CHECKS, when=takes_texts)
def long_sources_are_translated(subject: Subject) -> None:
    """A source of thousands of tokens has a prediction, and log-probabilities."""
    source = "anna sees dogs " * (_LONG // 3)
    (text,) = subject.fitted.predict([source], beam=2, max_length=4)
    require(isinstance(text, str), f"the prediction is {text!r}")
    values = subject.fitted.log_probs([source, "sees"], ["hana vidas", "vidas"])
    require(bool(np.isfinite(values).all()), "log-probabilities of a long source are not finite")


@check_in(CHECKS)
def seeded_generation_repeats(subject: Subject) -> None:
    """``generate`` samples words of the vocabulary: a seed always gives the same, temperature 0 the most probable."""
    model, source = subject.fitted, subject.test().sources[0]
    hot = {"max_tokens": 8, "temperature": 4.0}
    texts, again = ([model.generate(source, seed=seed, **hot) for seed in range(8)] for _ in range(2))  # type: ignore[arg-type]
    require(texts == again, f"the same seeds give {texts} and {again}")
    require(any(words != texts[0] for words in texts), f"eight seeds all return {texts[0]}")
    words = model.generate(source, temperature=0, max_tokens=_MOST)
    greedy = model.n_best([source], 1, beam=1, max_length=_MOST)[0][0].tokens
    require(tuple(words) == greedy, f"generation at temperature 0 gives {words}, and a beam of 1 {list(greedy)}")


# -------------------------------------------------------------------------------------------------------- attention


@check_in(CHECKS, when=has_attention)
def attention_is_a_distribution(subject: Subject) -> None:
    """Each event of a target has weights of sum 1 on the tokens of its source, perhaps on a ``</s>`` behind them."""
    model, both = subject.fitted, subject.test()
    pairs = model.encode_pairs(*both)
    found = model.attention(*both)
    require(len(found) == len(pairs), f"attention of {len(found)} pairs instead of {len(pairs)}")
    for weights, events, length in zip(found, pairs.events(), pairs.sources.lengths.tolist(), strict=True):
        shape = np.shape(weights)
        fits = len(shape) == 2 and shape[0] == len(events) and shape[1] in (length, length + 1)
        require(fits, f"attention has shape {list(shape)} for {len(events)} events and {length} source tokens")
        require(bool((np.asarray(weights) >= 0).all()), "a weight of attention is negative or NaN")
        sums = np.asarray(weights, np.float64).sum(axis=1)
        require_close(sums, np.ones(len(events)), subject.sum_tolerance, "sums of attention, and 1")
    for best in model.n_best(both.sources[:3], 1):
        one = best[0]
        wanted = len(one.tokens) + one.finished
        require(one.attention is not None, "a translation has no attention")
        require(len(one.attention) == wanted, f"attention of {len(one.attention)} events instead of {wanted}")  # type: ignore[arg-type]


@check_in(CHECKS, when=has_no_attention)
def no_attention_is_an_error(subject: Subject) -> None:
    """A model without attention says so: ``attention`` and ``replace_unknown`` raise HyperParameterError."""
    model, both = subject.fitted, subject.test()
    require_error(HyperParameterError, lambda: model.attention(*both), "attention")
    require_error(HyperParameterError, lambda: model.predict(both.sources, replace_unknown=True), "replace_unknown")
    require(model.n_best(both.sources[:1], 1)[0][0].attention is None, "a translation has attention")


@check_in(CHECKS, when=takes_texts)
def unusable_texts_are_refused(subject: Subject) -> None:
    """DataError: blank sources, one text instead of a list, vectors, ``None``."""
    wrong: dict[str, Any] = {
        "a blank source": ["anna sees dogs", " "],
        "one text": "anna sees dogs",
        "vectors": np.eye(3, dtype=np.float32),
        "a source that is None": ["anna", None],
    }
    for what, sources in wrong.items():
        require_error(DataError, lambda sources=sources: subject.fitted.predict(sources), f"predict of {what}")  # type: ignore[misc]


@check_in(CHECKS, when=takes_vectors)
def unusable_vectors_are_refused(subject: Subject) -> None:
    """DataError: vectors with NaN or infinity, of another dimension, one vector instead of several, texts."""
    good = subject.test().sources
    damaged, infinite = good.copy(), good.copy()
    damaged[2, 1], infinite[1, 0] = np.nan, np.inf
    wrong: dict[str, Any] = {
        "NaN": damaged,
        "infinity": infinite,
        "another dimension": good[:, :-1],
        "one vector": good[0],
        "texts": ["anna sees dogs"],
    }
    for what, sources in wrong.items():
        require_error(DataError, lambda sources=sources: subject.fitted.predict(sources), f"predict of {what}")  # type: ignore[misc]
