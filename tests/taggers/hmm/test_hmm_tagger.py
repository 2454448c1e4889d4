"""``hmm-tagger``: probabilities by definition, a closed set of tags, unknown words, and damaged models."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import Cache, HMMTagger, NGram, load
from nlmkit.decoding.chain import path_scores
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.taggers.hmm.tag_counts import TagCounts
from nlmkit.taggers.hmm.tokens import DistinctTokens
from nlmkit.taggers.hmm.transitions import check_size, tag_words
from nlmkit.text.tagged import TaggedSentences

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=20)

WORDS = [["the", "cat", "sleeps"], ["a", "dog", "sees", "the", "cat"], [], ["Ann", "sleeps"], ["the", "the", "cat"]]
KINDS = [["D", "N", "V"], ["D", "N", "V", "D", "N"], [], ["P", "V"], ["D", "D", "N"]]
CHUNKS = [["B-X", "I-X", "O"], ["B-X", "I-X", "O", "B-X", "I-X"], [], ["B-Y", "O"], ["O", "B-X", "I-X"]]


# ------------------------------------------------------------------------------------------------------- transitions


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_transitions_are_the_ngram_model_among_tags(order: int) -> None:
    """The score of a sequence is the probability by the n-gram model, without ``<unk>``."""
    tagger = HMMTagger(order=order, smoothing="add-k" if order == 1 else "witten-bell").fit(WORDS, KINDS)
    model = tagger.transitions_
    assert isinstance(model, NGram)
    assert model.vocabulary_.words[3:] == tagger.tags_ == ("D", "N", "V", "P")
    for path in itertools.product(range(4), repeat=3):
        expected, state = 0.0, model.start()
        for each in (*(3 + tag for tag in path), 2):
            scores = model.next_log_probs(state)
            expected += scores[each] - math.log(1 - math.exp(scores[0]))
            state = model.advance(state, each)
        found = path_scores(tagger.chain(), np.zeros((3, 1, 4)), np.array(path)[:, None], [3])
        assert found[0] == pytest.approx(expected, abs=1e-9)


def test_a_tag_that_training_lacks_has_what_is_given_to_unknown_words() -> None:
    """Segmented text without words of one character: S does not occur, but a sentence of one character needs it."""
    tagger = HMMTagger().fit([list("abcd"), list("cd")], [list("BEBE"), list("BE")])
    assert tagger.tags_ == ("B", "E", "S")
    assert tagger.transitions_.vocabulary_.words[3:] == ("B", "E")
    assert tagger.predict([["a"], list("abc")])[0] == ["S"]
    assert np.exp(tagger.chain().start[-4:-1]).sum() <= 1


def test_tags_may_be_called_like_words_of_a_vocabulary() -> None:
    tags = ["<unk>", "<s>", "x\0", "tag-0", "N"]
    words = tag_words(tags)
    assert words == ("tag-0'", "tag-1", "tag-2", "tag-3", "N") or len(set(words)) == len(words)
    tagger = HMMTagger().fit([["a", "b"]] * 3, [["<unk>", "N"]] * 3)
    assert tagger.predict([["a", "b"]]) == [["<unk>", "N"]]


def test_the_validation_text_gives_the_perplexity_of_its_tags() -> None:
    valid = ([["the", "cat"], ["Ann", "runs"]], [["D", "N"], ["P", "X"]])  # X is left out with its sentence
    tagger = HMMTagger(smoothing="jelinek-mercer").fit(WORDS, KINDS, valid=valid)
    report = tagger.fit_report_["transitions"]
    expected = tagger.transitions_.perplexity([["D", "N"]])
    assert report["validation_perplexity"] == pytest.approx(expected)
    assert "validation_accuracy" in tagger.fit_report_


def test_notes_on_the_transitions_are_shown() -> None:
    tagger = HMMTagger(smoothing="modified-kneser-ney").fit(WORDS, KINDS)
    assert any(note.startswith("transitions: order 1: ") for note in tagger.fit_report_["notes"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"transitions": NGram(), "order": 2}, "order has no effect with transitions: set it there"),
        ({"transitions": NGram(), "smoothing": "add-k"}, "smoothing has no effect with transitions"),
        ({"transitions": NGram(order=2).fit([["a"]])}, "must be an ngram that is not fitted"),
        ({"transitions": NGram(vocabulary_size=2)}, "cannot have vocabulary limits: the tags are a closed"),
        ({"transitions": NGram(min_count=2)}, "cannot have min_count: the tags are a closed"),
        ({"transitions": NGram(smoothing="stupid-backoff")}, "transitions must be probabilities"),
        ({"transitions": Cache()}, "transitions must be an ngram, not cache"),
        ({"smoothing": "stupid-backoff"}, "smoothing must be one of"),
        ({"smoothing": "mle"}, "smoothing must be one of"),
        ({"transitions": NGram(smoothing="mle")}, "smoothing=mle, give some sequences of tags the probability zero"),
        ({"units": "characters", "suffix_length": 3}, "suffix_length=3 has no effect: it needs units=auto or words"),
        ({"smoothing": "jelinek-mercer"}, "requires validation text"),
    ],
)
def test_options_that_cannot_be_heeded_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        HMMTagger(**options).fit(WORDS, KINDS)


def test_too_many_transitions_are_refused_before_training() -> None:
    check_size(100, 3)
    with pytest.raises(HyperParameterError, match=r"order 6 over 50 tags are 17,596,287,801 scores, .* a lower order"):
        check_size(50, 6)


# -------------------------------------------------------------------------------------------------- words by definition


def by_definition(tagger: HMMTagger, words: list[str]) -> np.ndarray:
    """log p(word | tag, word before) from the training sentences, by the formulas in the documentation; no columns."""
    tags, lexicon = len(tagger.tags_), tagger.words_.lexicon
    pairs = [
        (w, tagger.tags_.index(t)) for ws, ts in zip(WORDS, KINDS, strict=True) for w, t in zip(ws, ts, strict=True)
    ]
    seen = [w for w, _ in pairs]
    triples = [
        (before, w, tagger.tags_.index(t))
        for ws, ts in zip(WORDS, KINDS, strict=True)
        for before, w, t in zip([None, *ws], ws, ts, strict=False)
    ]
    found = []
    for before, word in zip([None, *words], words, strict=False):
        (given,) = lexicon.probabilities(DistinctTokens([word], [""], np.zeros(1, np.int64)))
        base = given / lexicon.prior * (seen.count(word) or 0.5) / len(seen)
        row = []
        for tag in range(tags):
            here = [w for b, w, t in triples if b == before and t == tag]
            weight = 3 * len(set(here))
            total = len(here) + weight
            row.append((here.count(word) + weight * base[tag]) / total if total else base[tag])
        found.append(np.log(row))
    return np.array(found)


@reproducible
@given(st.lists(st.sampled_from(["the", "cat", "sees", "Ann", "dogs"]), min_size=1, max_size=5))
def test_words_depend_on_the_word_before(words: list[str]) -> None:
    tagger = FITTED
    ((_, scores, lengths),) = tagger.emissions(tagger.encode([words]))
    assert lengths.tolist() == [len(words)]
    np.testing.assert_allclose(scores[:, 0], by_definition(tagger, words), rtol=1e-9)


FITTED = HMMTagger().fit(WORDS, KINDS)


def test_the_probabilities_of_tags_follow_witten_and_bell() -> None:
    """``cat`` has one tag three times in each context; ``Cats`` is unknown, and ends like nothing but an s."""
    lexicon = FITTED.words_.lexicon
    (known, unknown) = lexicon.probabilities(DistinctTokens(["cat", "Cats"], ["", ""], np.arange(2)))
    prior = lexicon.prior
    assert prior == pytest.approx((np.array([5, 4, 3, 1]) + 0.1) / 13.4)
    noun, expected = np.array([0.0, 1, 0, 0]), prior
    # Shape x: all words but Ann. Endings t, at, cat: cat alone. Then the word in lower case, and the word.
    expected = (np.array([5.0, 4, 3, 0]) + 3 * expected) / 15
    for _ in range(5):
        expected = (3 * noun + expected) / 4
    assert known == pytest.approx(expected)
    # Shape Xx: Ann. The ending s of a word with a capital letter was not seen.
    assert unknown == pytest.approx((np.array([0.0, 0, 0, 1]) + prior) / 2)


def test_three_words_and_single_words() -> None:
    longer, single = HMMTagger(word_order=3).fit(WORDS, KINDS), HMMTagger(word_order=1).fit(WORDS, KINDS)
    assert [len(each.keys) for each in longer.words_.histories] == [10, 9]
    assert longer.fit_report_["sequences"] == [7, 10, 9]
    assert single.fit_report_["sequences"] == [7]
    data = single.encode([["the", "cat"], ["cat", "the"]])
    ((_, scores, _),) = single.emissions(data)
    np.testing.assert_allclose(scores[0, 0], scores[1, 1])
    ((_, one, _),) = longer.emissions(data)
    ((_, two, _),) = FITTED.emissions(data)
    np.testing.assert_allclose(one[0], two[0])  # nothing comes before the beginning
    assert not np.allclose(one[1], two[1])


def test_columns_stand_for_words_that_training_lacks() -> None:
    columns = [[["c" + tag for tag in tags] for tags in KINDS]]
    tagger = HMMTagger().fit(TaggedSentences(WORDS, KINDS, features=columns, feature_names=["kind"]))
    assert tagger.predict([["xyz", "uvw"]], features=[[["cP", "cV"]]]) == [["P", "V"]]
    assert tagger.predict([["xyz", "uvw"]], features=[[["cD", "cN"]]]) == [["D", "N"]]


def test_distinct_tokens_are_words_with_their_columns() -> None:
    data = TaggedSentences([["a", "b", "a"], ["a"]], features=[[["x", "x", "y"], ["x"]], [["1", "1", "1"], ["1"]]])
    tokens = DistinctTokens.of(data)
    assert len(tokens) == 3
    found = [(tokens.words[each], tokens.columns[each]) for each in tokens.ids]
    assert found == [("a", "x\t1"), ("b", "x\t1"), ("a", "y\t1"), ("a", "x\t1")]


def test_characters_have_classes_and_no_endings() -> None:
    tagger = HMMTagger().fit([list("我有3人"), list("他有4人")], [list("SSSS"), list("SSBE")])
    assert tagger.words_.lexicon.characters
    assert tagger.fit_report_["units"] == "characters"
    assert len(tagger.words_.lexicon.keys) == 2
    assert len(HMMTagger(units="words", suffix_length=1).fit([["a"]], [["X"]]).words_.lexicon.keys) == 4


@reproducible
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2)), max_size=20))
def test_counts_of_tags(pairs: list[tuple[int, int]]) -> None:
    rows, tags = (np.array([pair[place] for pair in pairs], np.int64) for place in (0, 1))
    counts = TagCounts.of(rows, tags, 4, 3)
    asked = np.array([3, -1, 0, 0, 2])
    expected = [[pairs.count((row, tag)) if row >= 0 else 0 for tag in range(3)] for row in asked]
    assert counts.dense(asked).tolist() == expected
    assert TagCounts.restored(counts.arrays("x"), "x", 4, 3).dense(asked).tolist() == expected


# ------------------------------------------------------------------------------------------------------------ saving


def test_a_saved_model_has_its_transitions_inside(tmp_path: Path) -> None:
    tagger = HMMTagger(transitions=NGram(order=2, smoothing="absolute")).fit(WORDS, CHUNKS)
    tagger.save(tmp_path / "model")
    loaded = load(tmp_path / "model", HMMTagger)
    assert loaded.digest == tagger.digest
    assert loaded.transitions_.order == 2
    assert not loaded.transitions.is_fitted  # type: ignore[union-attr]
    assert loaded.predict(WORDS) == tagger.predict(WORDS)
    for one, two in zip(loaded.predict_marginals(WORDS), tagger.predict_marginals(WORDS), strict=True):
        assert np.array_equal(one, two)


def put(value: Any, at: int = 0) -> Callable[[Any], Any]:
    def apply(array: Any) -> Any:
        copy = np.array(array)
        copy.flat[at] = value
        return copy

    return apply


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("characters", lambda found: 1, "characters is not true or false"),
        ("prior", put(0.0), "'prior' holds no probabilities"),
        ("prior", lambda found: found[:-1], "'prior' has shape"),
        ("contexts.2", lambda found: np.concatenate([found, found]), "'contexts.2' has a string twice"),
        ("context_counts.1.ends", put(-1), "'context_counts.1.ends' does not fit its counts"),
        ("context_counts.1.counts", put(0), "'context_counts.1.counts' has counts below 1"),
        ("context_counts.1.tags", put(9), "'context_counts.1.tags' has tags that do not exist"),
        ("context_counts.0.tags", lambda found: found * 0, "'context_counts.0.tags' repeats tags"),
        ("sequences.0", put(10**9, -1), "'sequences.0' does not hold sequences"),
        ("sequences.0", lambda found: found[::-1].copy(), "'sequences.0' does not hold sequences"),
        ("sequence_counts.0.ends", put(10**9, -1), "'sequence_counts.0.ends' does not fit its counts"),
    ],
)
def test_files_that_contradict_themselves_are_refused(name: str, change: Any, problem: str) -> None:
    state = FITTED.fitted_state()
    arrays, metadata = dict(state.arrays), dict(state.metadata)
    target = metadata if name in metadata else arrays
    target[name] = change(target[name])
    with pytest.raises(SavedModelError, match=problem):
        restored(dataclasses.replace(state, arrays=arrays, metadata=metadata))


def test_words_that_never_occur_are_refused() -> None:
    state = FITTED.fitted_state()
    arrays = {
        **state.arrays,
        "contexts.7": np.append(state.arrays["contexts.7"], np.frombuffer(b"\tnew\n", np.uint8)),
        "context_counts.7.ends": np.append(
            state.arrays["context_counts.7.ends"], FITTED.words_.lexicon.counts[7].ends[-1]
        ),
    }
    with pytest.raises(SavedModelError, match="its words have no counts"):
        restored(dataclasses.replace(state, arrays=arrays))


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (None, "its transitions are missing"),
        (NGram(), "its transitions are missing"),
        (NGram(order=2, smoothing="stupid-backoff").fit(KINDS), "its transitions are missing"),
        (NGram(order=2).fit([["D", "V"]]), "its transitions are of other tags"),
        (NGram(order=2, smoothing="mle").fit([["D", "N"]]), "damaged: the transitions, .* probability zero"),
        (NGram(order=20).fit([["D", "N"]]), "damaged: transitions of order 20 over 4 tags"),
    ],
)
def test_transitions_of_something_else_are_refused(member: Any, problem: str) -> None:
    with pytest.raises(SavedModelError, match=problem):
        restored(dataclasses.replace(FITTED.fitted_state(), members={} if member is None else {"transitions_": member}))


def restored(state: Any) -> HMMTagger:
    other = HMMTagger()
    other.restore_text(None, FITTED.pipeline_)
    other.restore(state)
    return other
