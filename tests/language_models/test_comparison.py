"""Ranking, refusals, bootstrap and randomization, against figures worked out in other ways."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.language_models import Bigram, Uniform

from nlmkit.errors import DataError
from nlmkit.language_models import significance as module
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.comparison import Comparison, Refused, Scored, compare, score
from nlmkit.language_models.ngram.model import NGram
from nlmkit.text import Corpus, TextPipeline

TRAIN = ["a b a c", "b a", "", "c a a b", "b b"]
TEST = ["b a c", "", "a z b", "c c a", "b", "a a"] * 3


def scored(model: LanguageModel, name: str = "model", text: Any = TEST, context: Any = "sentence") -> Scored:
    result = score(name, model, model.encode(text), context=context)
    assert isinstance(result, Scored)
    return result


def made_up(name: str, log_probs: Sequence[float], events: Sequence[int] | None = None, **facts: Any) -> Scored:
    """What a model would have made of a text with these sentences."""
    lengths = np.array([2] * len(log_probs) if events is None else events, np.int64)
    values = np.array(log_probs, np.float64)
    total, count = float(values.sum()), int(lengths.sum())
    base = scored(Bigram().fit(TRAIN)).report
    report = dataclasses.replace(
        base,
        perplexity=math.exp(-total / count) if total > -math.inf else math.inf,
        log_prob=total,
        events=count,
        **facts,
    )
    return Scored(model=name, report=report, log_probs=values, events=lengths)


def names(comparison: Comparison) -> list[str]:
    return [row.model for row in comparison.ranked]


# ------------------------------------------------------------------------------------------------ scoring


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_text_is_scored_once_and_by_sentence(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Bigram(alpha=0.3).fit(TRAIN)
    expected = model.report(TEST, context=context)
    calls = []
    monkeypatch.setattr(Bigram, "log_probs", lambda *a, **k: calls.append(1) or LanguageModel.log_probs(*a, **k))
    found = scored(model, context=context)
    assert calls == [1]
    assert found.report == expected
    assert found.events.tolist() == [len(line.split()) + 1 for line in TEST]
    assert found.log_probs.sum() == pytest.approx(expected.log_prob, rel=1e-14)
    if context == "sentence":
        alone = [model.log_probs([line]).sum() for line in TEST]
        np.testing.assert_allclose(found.log_probs, alone, rtol=1e-14)


def test_a_scorer_that_is_no_distribution_is_refused_with_the_reason() -> None:
    model = NGram(smoothing="stupid-backoff").fit(TRAIN)
    found = score("sb", model, model.encode(TEST))
    assert isinstance(found, Refused)
    assert "are not probabilities" in found.reasons[0]
    assert found.report is None


def test_a_model_whose_probabilities_are_damaged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Bigram().fit(TRAIN)
    model.table_ = model.table_ + 3
    found = score("damaged", model, model.encode(TEST))
    assert isinstance(found, Refused)
    assert "which is positive" in found.reasons[0]


def test_an_empty_text_cannot_be_compared() -> None:
    model = Bigram().fit(TRAIN)
    with pytest.raises(DataError, match="the text has no sentences"):
        score("m", model, model.encode([]))


# ------------------------------------------------------------------------------------------------ who is ranked


def test_comparable_models_are_ranked_by_perplexity() -> None:
    models = [Uniform().fit(TRAIN), Bigram(alpha=0.2).fit(TRAIN), NGram(order=2).fit(TRAIN)]
    found = compare([scored(model, name) for name, model in zip("ubn", models, strict=True)])
    perplexities = {name: model.perplexity(TEST) for name, model in zip("ubn", models, strict=True)}
    assert names(found) == sorted(perplexities, key=perplexities.__getitem__)
    assert [row.rank for row in found.ranked] == [1, 2, 3]
    assert [(d.better, d.worse) for d in found.differences] == [*itertools.pairwise(names(found))]
    for difference in found.differences:
        expected = perplexities[difference.worse] / perplexities[difference.better]
        assert difference.ratio == pytest.approx(expected, rel=1e-12)
    assert found.refused == ()


def test_others_are_refused_with_their_reasons() -> None:
    usual = Bigram().fit(TRAIN)
    smaller = Bigram(vocabulary_size=2).fit(TRAIN)
    letters = Bigram().fit(Corpus.read(TRAIN, TextPipeline(tokenizer="char")))
    refused = Refused(model="sb", reasons=("no perplexity",))
    inputs = [
        refused,
        scored(letters, "letters"),
        scored(usual, "a"),
        scored(Uniform().fit(TRAIN), "b"),
        scored(smaller, "s"),
    ]
    found = compare(inputs)
    assert sorted(names(found)) == ["a", "b"]
    assert [row.model for row in found.refused] == ["sb", "letters", "s"]
    reasons = {row.model: row.reasons for row in found.refused}
    assert reasons["sb"] == ("no perplexity",)
    assert [reason.split(" (")[0] for reason in reasons["letters"]] == [
        "they cover different events",
        "they have different vocabularies",
    ]
    assert [reason.split(" (")[0] for reason in reasons["s"]] == ["they have different vocabularies"]
    assert found.refused[2].report == smaller.report(TEST)


def test_of_equally_large_sets_the_first_named_is_ranked() -> None:
    one, two = scored(Bigram().fit(TRAIN), "one"), scored(Bigram(min_count=3).fit(TRAIN), "two")
    assert names(compare([one, two])) == ["one"]
    assert names(compare([two, one])) == ["two"]
    assert sorted(names(compare([two, one, scored(Uniform().fit(TRAIN), "three")]))) == ["one", "three"]


def test_nothing_to_rank() -> None:
    found = compare([Refused(model="sb", reasons=("no perplexity",))])
    assert (found.ranked, found.differences, found.differing, found.notes) == ((), (), (), ())
    assert len(found.refused) == 1


def test_what_differs_between_ranked_models_is_named() -> None:
    base = Bigram(alpha=0.2).fit(TRAIN)
    cache = Cache(model=base, weight=0.1, decay=0.9).fit()
    sentence, stream = scored(base, "b"), scored(base, "s", context="stream")
    assert compare([sentence, sentence]).differing == ()
    assert compare([sentence, sentence]).notes == ()
    found = compare([sentence, stream])
    assert found.differing == ("context",)
    assert [note.split()[0] for note in found.notes] == ["intervals"]
    found = compare([sentence, scored(cache, "c"), made_up("t", [-1.0] * 18, unknown_rule="trained")])
    assert set(found.differing) >= {"adapted"}
    assert [note.split()[0] for note in found.notes] == ["models", "intervals"]
    assert compare(
        [sentence, dataclasses.replace(sentence, report=dataclasses.replace(sentence.report, unknown_rule="x"))]
    ).differing == ("unknown_rule",)


def test_equal_perplexities_share_a_rank_in_the_given_order() -> None:
    model = Bigram().fit(TRAIN)
    found = compare([scored(model, "z"), scored(Uniform().fit(TRAIN), "u"), scored(model, "a")])
    ranks = {row.model: row.rank for row in found.ranked}
    assert ranks["z"] == ranks["a"]
    assert names(found).index("z") < names(found).index("a")
    tied = next(d for d in found.differences if {d.better, d.worse} == {"z", "a"})
    assert (tied.ratio, tied.p_value, tied.interval) == (1.0, 1.0, (1.0, 1.0))
    assert (tied.wins, tied.losses, tied.ties) == (0, 0, len(TEST))


# ------------------------------------------------------------------------------------------------ significance


@given(
    st.lists(
        st.floats(0.001, 3) | st.floats(-3, -0.001) | st.sampled_from([0.0, 0.1, -0.2, 0.3]), min_size=1, max_size=9
    )
)
def test_the_p_value_is_that_of_all_assignments_of_signs(differences: list[float]) -> None:
    signs = np.array([*itertools.product([-1, 1], repeat=len(differences))])
    sums = np.abs(signs @ np.array(differences))
    exact = (sums >= abs(math.fsum(differences)) - 1e-9).mean()
    found = module._randomization(np.array(differences), 4000, 0)
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 4000) + 1e-3)


def test_the_p_value_is_small_for_a_clear_difference_and_large_for_none() -> None:
    random = np.random.default_rng(0)
    base = random.normal(-9, 2, 300)
    noise = base + random.normal(0, 0.3, 300)
    better = base + random.normal(0.2, 0.3, 300)
    clear = compare([made_up("a", base), made_up("b", better)], samples=999)
    assert clear.differences[0].better == "b"
    assert clear.differences[0].p_value == 1 / 1000
    low, high = clear.differences[0].interval or (0, 0)
    assert 1 < low < (clear.differences[0].ratio or 0) < high
    unclear = compare([made_up("a", base), made_up("b", noise - (noise - base).mean())], samples=999)
    assert (unclear.differences[0].p_value or 0) > 0.5
    low, high = unclear.differences[0].interval or (0, 0)
    assert low < 1 < high


def test_the_interval_is_that_of_the_normal_approximation_where_it_holds() -> None:
    random = np.random.default_rng(1)
    lengths = random.integers(2, 30, 2000)
    values = -random.gamma(3, 1.5, 2000) * lengths / 2
    row = compare([made_up("a", values, lengths)], samples=2000).ranked[0]
    mean = values.sum() / lengths.sum()
    deviation = np.sqrt(((values - mean * lengths) ** 2).sum()) / lengths.sum()  # of a ratio (delta method)
    assert row.interval is not None
    np.testing.assert_allclose(row.interval, np.exp(-mean + np.array([-1.96, 1.96]) * deviation), rtol=0.01)
    assert row.interval[0] < row.report.perplexity < row.interval[1]


def test_the_bootstrap_is_paired() -> None:
    random = np.random.default_rng(2)
    base = -random.gamma(2, 5, 400)
    found = compare([made_up("a", base), made_up("b", base - 0.1)], samples=500)
    ratio, (low, high) = found.differences[0].ratio, found.differences[0].interval or (0, 0)
    assert ratio == pytest.approx(math.exp(0.05))
    assert low == pytest.approx(ratio, rel=1e-9)
    assert high == pytest.approx(ratio, rel=1e-9)
    spread = found.ranked[0].interval or (0, 0)
    assert spread[1] / spread[0] > 1.2


def test_wins_are_counted_by_sentence() -> None:
    found = compare([made_up("a", [-1, -2, -3, -4]), made_up("b", [-1, -3, -2, -9])], samples=10)
    difference = found.differences[0]
    assert (difference.better, difference.wins, difference.losses, difference.ties) == ("a", 2, 1, 1)


def test_results_depend_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    inputs = [made_up(name, random.normal(-5, 1, 50)) for name in "abc"]
    found = compare(inputs, samples=300, seed=5)
    assert compare(inputs, samples=300, seed=5) == found
    monkeypatch.setattr(module, "_ENTRIES", 120)
    assert compare(inputs, samples=300, seed=5) == found  # in smaller portions
    assert compare(inputs, samples=300, seed=6) != found
    interval = {row.model: row.interval for row in found.ranked}
    alone = compare(inputs[:1], samples=300, seed=5).ranked[0]
    assert alone.interval == interval["a"]


def test_without_samples_there_are_no_intervals() -> None:
    found = compare([made_up("a", [-1, -2]), made_up("b", [-2, -2])], samples=0)
    assert all(row.interval is None for row in found.ranked)
    assert (found.differences[0].interval, found.differences[0].p_value) == (None, None)
    assert found.differences[0].ratio == pytest.approx(math.exp(1 / 4))


def test_a_text_of_one_sentence_has_no_intervals() -> None:
    found = compare([made_up("a", [-1]), made_up("b", [-2])], samples=100)
    assert found.ranked[0].interval is None
    assert found.differences[0].interval is None
    assert found.differences[0].p_value == 1.0


def test_infinite_perplexities_come_last_and_are_explained() -> None:
    inputs = [made_up("x", [-1, -math.inf, -2]), made_up("a", [-1, -2, -3]), made_up("y", [-math.inf, -1, -1])]
    found = compare(inputs, samples=200)
    assert names(found) == ["a", "x", "y"]
    assert [row.rank for row in found.ranked] == [1, 2, 2]
    for difference in found.differences:
        assert (difference.ratio, difference.p_value, difference.interval) == (None, None, None)
    assert (found.differences[0].wins, found.differences[0].losses, found.differences[0].ties) == (1, 1, 1)
    assert found.ranked[1].interval is not None
    assert found.ranked[1].interval[1] == math.inf
    assert any(
        "an infinite perplexity means that an event of the text has probability zero" in note for note in found.notes
    )


def test_the_dictionary_has_everything() -> None:
    found = compare([scored(Bigram().fit(TRAIN), "a"), scored(Bigram(min_count=3).fit(TRAIN), "b")], samples=50, seed=3)
    values = found.to_dict()
    json.dumps(values, allow_nan=False)
    assert values["ranked"][0] | {"rank": 1, "interval": found.ranked[0].interval} == values["ranked"][0]
    assert values["ranked"][0]["signature"] == found.ranked[0].report.signature
    assert values["refused"][0]["report"]["model"] == "b"
    assert (values["samples"], values["seed"], values["confidence"]) == (50, 3, 0.95)
