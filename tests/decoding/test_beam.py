"""Beam search, against searches that try everything and never stop."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.decoding import DrawnMachine, DrawnRows, Found, exhaustive, narrow
from toys.language_models import Bigram, Scripted

from nlmkit.decoding.beam import beam_search
from nlmkit.decoding.greedy import greedy
from nlmkit.decoding.hypotheses import BeamOptions, Hypothesis
from nlmkit.decoding.rows import MachineRows
from nlmkit.decoding.sample import sample
from nlmkit.errors import HyperParameterError, NotNormalizedError
from nlmkit.text import EOS_ID, UNK_ID, Vocabulary

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=40)

ALL_OF_THEM = 400
"""A beam wider than the number of continuations of all histories in these tests."""

WORDS = Vocabulary(["a", "b", "c"])
A, B, C = 3, 4, 5

seeds = st.integers(0, 2**20)
rules = st.one_of(
    st.just({"normalization": "none"}),
    st.just({"normalization": "average"}),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]).map(lambda alpha: {"normalization": "gnmt", "alpha": alpha}),
)
shapes = st.fixed_dictionaries(
    {"coverage": st.sampled_from([0.0, 0.0, 0.2, 2.0]), "min_length": st.integers(0, 2), "allow_unk": st.booleans()}
)


def same(found: list[Hypothesis], expected: list[Found]) -> None:
    assert [each.ids for each in found] == [each.ids for each in expected]
    assert [each.log_prob for each in found] == pytest.approx([each.log_prob for each in expected], abs=1e-12)
    assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-12)


@pytest.mark.slow
@reproducible
@given(seed=seeds, rule=rules, shape=shapes, lengths=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_a_wide_beam_is_exhaustive_search(seed: int, rule: Any, shape: Any, lengths: list[int]) -> None:
    machine = DrawnMachine(seed)
    options = BeamOptions(beam=ALL_OF_THEM, n_best=7, max_length=3, **rule, **shape)
    found = beam_search(DrawnRows.of(machine, lengths), sources=len(lengths), options=options, source_lengths=lengths)
    for source, length in enumerate(lengths):
        expected = exhaustive(machine, source, length, 3, options)
        if expected:
            same(found[source], expected)
        else:
            assert not any(each.finished for each in found[source])


@pytest.mark.slow
@reproducible
@given(
    seed=seeds,
    rule=rules,
    shape=shapes,
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    beam=st.integers(1, 6),
    data=st.data(),
)
def test_stopping_early_changes_nothing(
    seed: int, rule: Any, shape: Any, lengths: list[int], beam: int, data: st.DataObject
) -> None:
    """The same as of a beam that never stops, with 14 words or fewer, whatever the rule of ranking."""
    machine = DrawnMachine(seed, weights=(0, 1, 2, 3, 5, 8))
    n_best = data.draw(st.integers(1, beam))
    options = BeamOptions(beam=beam, n_best=n_best, max_length=13, max_ratio=1.0, **rule, **shape)
    found = beam_search(DrawnRows.of(machine, lengths), sources=len(lengths), options=options, source_lengths=lengths)
    for source, length in enumerate(lengths):
        expected = narrow(machine, source, length, min(13, length + 10), options)
        if expected:
            same(found[source], expected)
        else:
            assert not any(each.finished for each in found[source])


@reproducible
@given(seed=seeds, rule=rules, shape=shapes)
def test_a_beam_of_one_is_greedy_search(seed: int, rule: Any, shape: Any) -> None:
    machine = DrawnMachine(seed)
    options = BeamOptions(beam=1, max_length=6, **rule, **shape)
    lengths = [2, 1]
    found = greedy(DrawnRows.of(machine, lengths), sources=2, options=options, source_lengths=lengths)
    for source, hypothesis in enumerate(found):
        ids: tuple[int, ...] = ()
        total = 0.0
        while True:
            row = [*machine.row((source, ids))]
            row[1] = -math.inf
            row[UNK_ID] = row[UNK_ID] if options.allow_unk else -math.inf
            row[EOS_ID] = row[EOS_ID] if len(ids) >= options.min_length else -math.inf
            best = EOS_ID if len(ids) == 6 else row.index(max(row))
            if row[best] == -math.inf:
                assert (hypothesis.ids, hypothesis.finished) == (ids, False)
                break
            total += row[best]
            if best == EOS_ID:
                assert (hypothesis.ids, hypothesis.finished) == (ids, True)
                break
            ids = (*ids, best)
        assert hypothesis.log_prob == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_search_finds_what_sampling_at_temperature_zero_finds(seed: int) -> None:
    machine = DrawnMachine(seed, words=40, weights=(1, 2, 3, 4, 5))
    rows = MachineRows(machine, [machine.start(source) for source in range(4)])
    found = greedy(rows, sources=4, options=BeamOptions(beam=1, max_length=20))
    for source, hypothesis in enumerate(found):
        assert list(hypothesis.ids) == sample(machine, machine.start(source), temperature=0, max_tokens=20)


@pytest.mark.slow
@reproducible
@given(seed=seeds, rule=rules, shape=shapes, beam=st.integers(1, 4))
def test_the_result_of_a_source_does_not_depend_on_the_others(seed: int, rule: Any, shape: Any, beam: int) -> None:
    machine = DrawnMachine(seed, weights=(0, 1, 2, 3))
    lengths = [3, 1, 4, 2]
    options = BeamOptions(beam=beam, n_best=beam, max_length=12, max_ratio=0.5, **rule, **shape)
    together = beam_search(DrawnRows.of(machine, lengths), sources=4, options=options, source_lengths=lengths)
    for source, length in enumerate(lengths):
        rows = DrawnRows(machine, [machine.start(source)], lengths)
        (alone,) = beam_search(rows, sources=1, options=options, source_lengths=[length])
        for one, other in zip(alone, together[source], strict=True):
            assert (one.ids, one.log_prob, one.score, one.finished) == (
                other.ids,
                other.log_prob,
                other.score,
                other.finished,
            )
            assert one.attention is not None
            assert other.attention is not None
            assert one.attention.shape == (len(one.ids) + one.finished, length)
            np.testing.assert_array_equal(one.attention, other.attention)


def test_attention_is_that_of_each_event() -> None:
    machine = DrawnMachine(5)
    lengths = [3, 2]
    options = BeamOptions(min_length=2)
    found = beam_search(DrawnRows.of(machine, lengths), sources=2, options=options, source_lengths=lengths)
    for source, (hypothesis,) in enumerate(found):
        assert hypothesis.attention is not None
        assert len(hypothesis.ids) > 1
        for event, weights in enumerate(hypothesis.attention):
            expected = machine.attention((source, hypothesis.ids[:event]), lengths[source])
            assert weights.tolist() == expected


def test_without_lengths_attention_is_as_wide_as_that_of_the_rows() -> None:
    machine = DrawnMachine(5)
    options = BeamOptions(max_length=5)
    found = beam_search(DrawnRows.of(machine, [3, 2]), sources=2, options=options)
    assert all(each.attention is not None and each.attention.shape[1] == 3 for (each,) in found)


class Chain:
    """Rows of single hypotheses by a table: what follows which word, with which probability."""

    vocabulary_ = WORDS

    def __init__(self, table: dict[str, dict[str, float]]) -> None:
        self.table = table
        self.steps = 0

    def start(self) -> int:
        return 1

    def advance(self, state: int, word_id: int) -> int:
        return word_id

    def next_log_probs(self, state: int) -> NDArray[np.float64]:
        self.steps += 1
        row = np.full(len(WORDS), -np.inf)
        for word, probability in self.table[WORDS.word(state)].items():
            row[WORDS.id(word)] = math.log(probability)
        return row


def search(machine: Any, **options: Any) -> list[Hypothesis]:
    rows = MachineRows(machine, [machine.start()])
    (found,) = beam_search(rows, sources=1, options=BeamOptions(**{"max_length": 10, **options}))
    return found


LONGER_WINS = Chain(
    {
        "<s>": {"a": 0.6, "b": 0.4},
        "a": {"</s>": 0.5, "c": 0.5},
        "b": {"</s>": 1.0},
        "c": {"c": 0.9, "</s>": 0.1},
    }
)


def test_scores_by_hand() -> None:
    """``b``: .4 in two events; ``a``: .3 in two; ``a c``: .3 × .1 in three; … with ten words .3 × .9⁸ × .1."""
    (best,) = search(LONGER_WINS, normalization="none")
    assert (best.ids, best.finished) == ((B,), True)
    assert best.log_prob == best.score == pytest.approx(math.log(0.4))
    (best,) = search(LONGER_WINS, normalization="average")
    # (ln .03 + 8 ln .9) / 11 = −.395; ln .4 / 2 = −.458: the longest wins by its length.
    assert best.ids == (A, *[C] * 9)
    assert best.score == pytest.approx((math.log(0.03) + 8 * math.log(0.9)) / 11)
    (best,) = search(LONGER_WINS, normalization="gnmt")
    assert best.ids == (B,)
    assert best.score == pytest.approx(math.log(0.4) / (7 / 6) ** 0.6)
    (best,) = search(LONGER_WINS, normalization="gnmt", alpha=2.0)
    assert best.ids == (A, *[C] * 9)
    assert best.score == pytest.approx((math.log(0.03) + 8 * math.log(0.9)) / (16 / 6) ** 2)


def test_the_search_stops_when_nothing_can_win_and_not_before() -> None:
    """Without normalization, ``a c`` (.3) cannot win over ``b`` (.4); divided by up to 11 it can."""
    LONGER_WINS.steps = 0
    search(LONGER_WINS, normalization="none")
    assert LONGER_WINS.steps == 3  # after <s>, a and b
    LONGER_WINS.steps = 0
    search(LONGER_WINS, normalization="average")
    assert LONGER_WINS.steps == 4  # and c; the words that follow it are those of a remembered state
    found = search(LONGER_WINS, normalization="none", n_best=3)
    assert [each.ids for each in found] == [(B,), (A,), (A, C)]


def test_of_equal_hypotheses_the_lower_ids_and_the_shorter_come_first() -> None:
    even = Chain({mark: {"a": 0.25, "b": 0.25, "c": 0.25, "</s>": 0.25} for mark in ("<s>", "a", "b", "c")})
    found = search(even, beam=9, n_best=5, normalization="none")
    assert [each.ids for each in found] == [(), (A,), (B,), (C,), (A, A)]
    assert search(even, beam=1, min_length=3, max_length=3, normalization="none")[0].ids == (A, A, A)
    assert search(even, beam=2, min_length=1, normalization="none")[0].ids == (A,)


def test_of_equal_scores_lower_ids_are_preferred_to_the_better_beginning() -> None:
    """``b`` begins better than ``a``, .6 to .4, and ends worse, .4 to .6."""
    crossed = Chain({"<s>": {"a": 0.4, "b": 0.6}, "a": {"</s>": 0.6, "c": 0.4}, "b": {"</s>": 0.4}, "c": {"</s>": 1.0}})
    assert search(crossed, normalization="none")[0].ids == (A,)


def test_a_maximal_length_is_kept_and_the_end_counted() -> None:
    loop = Chain({"<s>": {"a": 1.0}, "a": {"a": 0.75, "</s>": 0.25}})
    (best,) = search(loop, max_length=3, normalization="average", min_length=3)
    assert (best.ids, best.finished) == ((A, A, A), True)
    assert best.log_prob == pytest.approx(2 * math.log(0.75) + math.log(0.25))
    assert best.score == pytest.approx(best.log_prob / 4)


def test_where_the_end_is_impossible_unfinished_hypotheses_are_returned() -> None:
    endless = Chain({"<s>": {"a": 0.75, "b": 0.25}, "a": {"a": 1.0}, "b": {"b": 1.0}})
    found = search(endless, max_length=4, beam=2, n_best=2, normalization="average")
    assert [(each.ids, each.finished) for each in found] == [((A,) * 4, False), ((B,) * 4, False)]
    assert found[0].log_prob == pytest.approx(math.log(0.75))
    assert found[0].score == pytest.approx(math.log(0.75) / 4)
    only_unknown = Chain({"<s>": {"a": 1.0}, "a": {"<unk>": 1.0}, "<unk>": {"</s>": 1.0}})
    (best,) = search(only_unknown)
    assert (best.ids, best.finished) == ((A,), False)
    (best,) = search(only_unknown, allow_unk=True)
    assert (best.ids, best.finished) == ((A, UNK_ID), True)
    nothing = Chain({"<s>": {"<unk>": 1.0}})
    (best,) = search(nothing, normalization="average")
    assert (best.ids, best.finished, best.log_prob) == ((), False, 0.0)


def test_limits_follow_the_lengths_of_sources() -> None:
    options = BeamOptions(max_ratio=1.5)
    assert options.length_limits(3, [0, 1, 7]).tolist() == [10, 11, 20]
    assert replace(options, max_length=15).length_limits(3, [0, 1, 7]).tolist() == [10, 11, 15]
    assert replace(options, min_length=12).length_limits(3, [0, 1, 7]).tolist() == [12, 12, 20]
    assert BeamOptions(max_length=4).length_limits(2, None).tolist() == [4, 4]
    assert BeamOptions(max_length=40, max_ratio=None).length_limits(1, [1]).tolist() == [40]


def test_a_long_source_is_searched_in_float32_as_well() -> None:
    machine = DrawnMachine(3, words=5, weights=(1, 2, 3, 50))
    for dtype, within in ((np.float64, 1e-12), (np.float32, 1e-4)):
        options = BeamOptions(beam=3, normalization="average", max_length=60)
        (found,) = beam_search(DrawnRows.of(machine, [2], dtype), sources=1, options=options)
        expected = narrow(machine, 0, 2, 60, options)[0]
        assert found[0].log_prob == pytest.approx(expected.log_prob, abs=within)


def test_no_source_no_result() -> None:
    assert beam_search(MachineRows(LONGER_WINS, []), sources=0, options=BeamOptions(max_length=1)) == []


def test_the_most_probable_sentence_of_a_language_model() -> None:
    model = Bigram(alpha=1e-6).fit(["a b c", "a b", "a b", "d"])
    (best,) = search(model, normalization="none")
    assert [model.vocabulary_.word(id_) for id_ in best.ids] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam must be a whole number ≥ 1, not 0"),
        ({"beam": 2.5}, "beam must be a whole number ≥ 1"),
        ({"beam": True}, "beam must be a whole number ≥ 1"),
        ({"n_best": 6}, "n_best must be at most beam: 6 is above 5"),
        ({"max_length": 0}, "max_length must be a whole number ≥ 1"),
        ({"max_length": 3, "min_length": 4}, "min_length must be at most max_length: 4 is above 3"),
        ({"max_ratio": -1.0}, "max_ratio must be a number ≥ 0"),
        ({"max_ratio": math.nan}, "max_ratio must be a number ≥ 0"),
        ({"min_length": -1}, "min_length must be a whole number ≥ 0"),
        ({"normalization": "length"}, "normalization must be none, gnmt or average, not 'length'"),
        ({"normalization": "average", "alpha": 0.5}, "alpha has no effect with normalization=average"),
        ({"alpha": math.inf}, "alpha must be a number ≥ 0"),
        ({"coverage": -0.1}, "coverage must be a number ≥ 0"),
        ({"allow_unk": 1}, "allow_unk must be true or false, not 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        BeamOptions(**options)


def test_what_does_not_go_together_is_refused() -> None:
    machine = DrawnMachine(1)
    plain = MachineRows(machine, [machine.start(0)])
    looking = DrawnRows.of(machine, [2])
    with pytest.raises(HyperParameterError, match="max_length must be given"):
        beam_search(plain, sources=1)
    with pytest.raises(HyperParameterError, match="coverage has no effect on a model without attention"):
        beam_search(plain, sources=1, options=BeamOptions(coverage=1.0), source_lengths=[2])
    with pytest.raises(HyperParameterError, match="coverage requires source_lengths"):
        beam_search(looking, sources=1, options=BeamOptions(coverage=1.0, max_length=3))
    with pytest.raises(HyperParameterError, match="source_lengths must be 1 whole numbers"):
        beam_search(looking, sources=1, source_lengths=[2, 3])
    with pytest.raises(HyperParameterError, match="source_lengths must be 1 whole numbers"):
        beam_search(looking, sources=1, source_lengths=np.array([2.0]))
    with pytest.raises(HyperParameterError, match="source_lengths must be at most 2"):
        beam_search(looking, sources=1, source_lengths=[3])
    with pytest.raises(HyperParameterError, match="greedy search has a beam of 1, not 5"):
        greedy(plain, sources=1, options=BeamOptions())


@pytest.mark.parametrize("score", [math.nan, math.inf, 0.5])
@pytest.mark.parametrize("word", ["a", "</s>"])
def test_scores_that_are_not_probabilities_are_refused(word: str, score: float) -> None:
    with pytest.raises(NotNormalizedError, match="cannot search"):
        search(Scripted(WORDS, {"b": -1.0, word: score}))


def test_rounding_above_zero_counts_as_zero() -> None:
    (best,) = search(Scripted(WORDS, {"</s>": 1e-7, "a": -20.0}))
    assert (best.ids, best.log_prob) == ((), 0.0)
