"""The recipe for a budget as a pure function: bounds, monotony, explicit values, and its cost model."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.language_models.neural.costs import (
    Sizes,
    Speed,
    active_weights,
    adaptive_rows,
    memory,
    modelled_seconds,
    output_rows,
    parameters,
    step_seconds,
)
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.recipe import (
    CHOSEN,
    FAMILIES,
    NARROWEST,
    SAMPLING,
    WIDEST,
    WORDS_PER_WEIGHT,
    Family,
    dropout_rate,
    learning_rate,
    recipe,
    wanted_words,
)
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.layers.softmax.adaptive import adaptive_cutoffs

FAST = Speed(products=2.6e11, moves=2.4e9)
PTB: dict[str, Any] = {"events": 929_589, "vocabulary": 10_001}
MODELS = {"lstm": LSTM, "gru": GRU, "rnnlm": RNNLM, "nnlm": NNLM}

speeds = st.builds(Speed, products=st.floats(1e9, 1e14), moves=st.floats(1e8, 1e12))
budgets = st.floats(0.1, 1e6)
texts = st.integers(1, 10**9)
vocabularies = st.integers(3, 3_000_000)
families = st.sampled_from(list(FAMILIES.values()))


@given(speeds, texts, vocabularies, budgets, families)
@settings(max_examples=150, deadline=None)
def test_every_choice_is_one_that_the_component_accepts(
    speed: Speed, events: int, vocabulary: int, seconds: float, family: Family
) -> None:
    found = recipe(speed, events, vocabulary, seconds, {}, family=family)
    left_out = {"dropout_hidden"} | (set() if found.values["softmax"] == "sampled" else set(SAMPLING))
    assert set(found.values) == set(CHOSEN) - left_out
    declared = LSTM.hyper_parameters()
    for name, value in found.values.items():
        assert declared[name].check(value) == value
    assert NARROWEST <= found.values["hidden"] <= min(WIDEST, family.widest)
    assert found.values["embedding"] <= found.values["hidden"]
    assert 1 <= found.values["batch"] <= max(events, 1)
    assert math.isfinite(found.epochs)


@given(speeds, texts, vocabularies, st.lists(budgets, min_size=2, max_size=5), families)
@settings(max_examples=100, deadline=None)
def test_more_time_never_gives_a_narrower_network(
    speed: Speed, events: int, vocabulary: int, seconds: list[float], family: Family
) -> None:
    widths = [recipe(speed, events, vocabulary, each, {}, family=family).values["hidden"] for each in sorted(seconds)]
    assert widths == sorted(widths)


def test_a_faster_machine_gets_a_wider_network_with_more_dropout() -> None:
    slow, fast, faster = (recipe(Speed(each, 2e9), **PTB, seconds=1200, explicit={}) for each in (1e11, 3e11, 1e12))
    assert slow.values["hidden"] < fast.values["hidden"] < faster.values["hidden"]
    assert slow.values["dropout_output"] < fast.values["dropout_output"] < faster.values["dropout_output"]
    assert slow.values["lr"] > fast.values["lr"] > faster.values["lr"]


def test_twenty_minutes_for_the_penn_treebank() -> None:
    """The known good point of a machine of this speed: 800 units, dropout .5, 9.6 epochs."""
    found = recipe(FAST, **PTB, seconds=1200, explicit={})
    assert 640 <= found.values["hidden"] <= 1024
    assert 0.35 <= found.values["dropout_input"] == found.values["dropout_output"] <= 0.55
    assert 6 <= found.epochs <= 12
    assert {name: found.values[name] for name in ("softmax", *SAMPLING)} == {"softmax": "sampled", **SAMPLING}
    assert found.bound == ""


def test_a_long_text_is_read_less_than_once_without_dropout() -> None:
    found = recipe(FAST, 26_000_000, 170_000, 1200, {}, rows=8_000)
    assert found.epochs < 1
    assert found.values["dropout_input"] == found.values["dropout_output"] == 0
    assert found.values["embedding"] < found.values["hidden"] / 2  # its vectors cost more than its cells
    assert found.values["hidden"] >= 256


def test_two_minutes_get_a_narrow_network_and_few_passes() -> None:
    found = recipe(FAST, **PTB, seconds=120, explicit={})
    assert 160 <= found.values["hidden"] <= 384
    assert 2.5 <= found.epochs <= 6
    assert found.values["dropout_output"] < 0.2


@pytest.mark.parametrize("seconds", [0.1, 1.0, 60.0, 36_000.0])
def test_tiny_texts_get_networks_of_their_size(seconds: float) -> None:
    """A hundred sentences."""
    found = recipe(FAST, 1_000, 400, seconds, {})
    assert found.values["hidden"] <= 96
    assert found.values["batch"] <= 1_000 // 70
    assert recipe(FAST, 1, 3, seconds, {}).values["batch"] == 1


def test_explicit_values_are_left_out_and_the_rest_is_chosen_around_them() -> None:
    wide = recipe(FAST, **PTB, seconds=1200, explicit={"hidden": 1500})
    free = recipe(FAST, **PTB, seconds=1200, explicit={})
    assert "hidden" not in wide.values
    assert wide.sizes.hidden == 1500
    assert wide.values["embedding"] > free.values["embedding"]
    assert wide.epochs < free.epochs
    assert wide.values["lr"] < free.values["lr"]
    deep = recipe(FAST, **PTB, seconds=1200, explicit={"layers": 3, "batch": 20})
    assert deep.values["hidden"] < free.values["hidden"]
    assert deep.values["dropout_hidden"] == deep.values["dropout_output"]
    assert "batch" not in deep.values
    assert "lr" not in recipe(FAST, **PTB, seconds=1200, explicit={"optimizer": "sgd"}).values
    assert "lr" in recipe(FAST, **PTB, seconds=1200, explicit={"optimizer": "adamw"}).values


def test_nothing_is_chosen_where_everything_is_given() -> None:
    everything = LSTM().get_params()
    assert recipe(FAST, **PTB, seconds=60, explicit=everything).values == {}


def test_the_softmax_follows_the_vocabulary() -> None:
    def chosen(vocabulary: int, **explicit: Any) -> Any:
        found = recipe(FAST, 10**6, vocabulary, 1200, explicit)
        assert ("full_after" in found.values) == (found.values.get("softmax") == "sampled")
        return found.values.get("softmax", found.sizes.softmax)

    assert [chosen(words) for words in (4_000, 4_001, 20_000, 20_001)] == ["full", "sampled", "sampled", "adaptive"]
    assert chosen(10_000, softmax="adaptive") == "adaptive"
    assert chosen(10_000, softmax_head=8_000) == "full"


def test_widths_that_must_agree_do() -> None:
    found = recipe(FAST, **PTB, seconds=1200, explicit={"projection": "none"})
    assert found.values["embedding"] == found.values["hidden"]


def test_little_memory_bounds_the_width() -> None:
    free = recipe(FAST, 26_000_000, 2_000_000, 36_000, {}, rows=5_000, memory_bytes=1e15)
    small = recipe(FAST, 26_000_000, 2_000_000, 36_000, {}, rows=5_000, memory_bytes=8e8)
    assert small.values["hidden"] < free.values["hidden"]
    assert small.bound == "memory"
    assert memory(small.sizes) <= 8e8
    # Below the narrowest network there is nothing to choose.
    assert recipe(FAST, 26_000_000, 2_000_000, 36_000, {}, memory_bytes=1.0).values["hidden"] == NARROWEST


def test_the_bound_says_what_limits_the_width() -> None:
    assert recipe(FAST, 1_000, 400, 3600, {}).bound == "text"
    assert recipe(FAST, **PTB, seconds=1e7, explicit={}).bound == "width"
    assert recipe(FAST, **PTB, seconds=1e7, explicit={"hidden": 100}).bound == ""


@given(st.floats(1e2, 1e9), st.integers(1, 10**9))
def test_words_grow_with_weights_and_with_the_text(weights: float, events: int) -> None:
    assert wanted_words(weights * 1.1, events) >= wanted_words(weights, events)
    assert wanted_words(weights, events * 2) >= wanted_words(weights, events) * (1 - 1e-9)
    assert wanted_words(weights, events) <= WORDS_PER_WEIGHT * weights * (1 + 1e-9)


@given(st.floats(1e2, 1e9), st.integers(1, 10**9), st.floats(0.0, 1e4))
def test_dropout_grows_with_weights_and_passes(weights: float, events: int, epochs: float) -> None:
    rate = dropout_rate(weights, events, epochs)
    assert 0 <= rate <= 0.65
    assert rate <= dropout_rate(2 * weights, events, epochs)
    assert rate <= dropout_rate(weights, events, 2 * epochs)
    assert rate >= dropout_rate(weights, 2 * events, epochs)


def test_the_rate_falls_with_the_width_and_with_the_steps() -> None:
    lstm = FAMILIES["lstm"]
    assert learning_rate(512, 4000, lstm) == 0.004
    assert learning_rate(2048, 4000, lstm) == 0.002
    assert learning_rate(512, 1000, lstm) == 0.0065
    assert learning_rate(512, 0, lstm) == 0.0072
    assert learning_rate(512, 1e9, lstm) == 0.0028
    assert learning_rate(1, 1, lstm) == 0.016
    assert learning_rate(512, 0, FAMILIES["rnnlm"]) == 0.002


# ------------------------------------------------------------------------------------------------- the costs


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("values", [{}, {"tied": False}, {"hidden": 24}, {"softmax": "full"}])
def test_parameters_are_those_of_the_network(name: str, values: dict[str, Any]) -> None:
    component = MODELS[name](**{"hidden": 48, "embedding": 24, "softmax_head": 20, **values})
    counts = np.arange(100, 0, -1)
    module = component.build_module(counts, torch.Generator().manual_seed(1))
    sizes = Sizes.of(component.get_params(), cell=FAMILIES[name].cell, vocabulary=len(counts))
    matrices = sum(weight.numel() for weight in module.parameters() if weight.ndim > 1)
    if component.tied or component.softmax == "full":  # the tails of an untied adaptive softmax are narrower
        assert parameters(sizes) == pytest.approx(matrices, rel=0.02)


def test_layers_and_orders_count() -> None:
    one = Sizes.of(LSTM(hidden=64, embedding=32).get_params(), cell=4, vocabulary=100)
    two = one._replace(layers=2)
    assert active_weights(two) - active_weights(one) == 4 * 64 * (64 + 64)
    assert modelled_seconds(two, FAST) > modelled_seconds(one, FAST)
    five = Sizes.of(NNLM(hidden=64, embedding=32).get_params(), cell=0, vocabulary=100)
    assert active_weights(five) == 4 * 32 * 64 + 64 * 32 + 100 * 32


def test_rows_of_the_output_layers() -> None:
    sizes = Sizes.of(LSTM().get_params(), cell=4, vocabulary=1_000)
    assert output_rows(sizes) == 1_000  # auto: full
    assert output_rows(sizes._replace(softmax="sampled", head=512)) == 512
    assert output_rows(sizes._replace(softmax="sampled", head=500, full_after=0.7)) == pytest.approx(650)
    assert output_rows(sizes._replace(softmax="class-factored", vocabulary=10_000, head=1)) == 200
    assert Sizes.of(LSTM(softmax="sampled", softmax_samples=7).get_params(), cell=4, vocabulary=1_000).head == 7
    assert output_rows(sizes._replace(softmax="adaptive", vocabulary=50_000, rows=77.0)) == 77


def test_clusters_are_those_of_the_adaptive_softmax() -> None:
    cutoffs = adaptive_cutoffs(70_000, 500).tolist()
    ranges = []

    def share(begin: int, end: int) -> float:
        ranges.append((begin, end))
        return 0.0

    assert adaptive_rows(70_000, 500, share) == 500 + 3
    assert ranges == list(itertools.pairwise(cutoffs[1:]))


def test_measured_steps_correct_the_model() -> None:
    sizes = Sizes.of(LSTM().get_params(), cell=4, vocabulary=10_000)
    wide = sizes._replace(hidden=1024, embedding=512)
    slow = FAST.with_step(sizes, 2 * modelled_seconds(sizes, FAST))
    assert step_seconds(sizes, slow) == pytest.approx(2 * modelled_seconds(sizes, FAST))
    assert step_seconds(wide, slow) == pytest.approx(2 * modelled_seconds(wide, FAST))
    both = slow.with_step(wide, 4 * modelled_seconds(wide, FAST))
    between = sizes._replace(hidden=700, embedding=350)
    assert 2 < step_seconds(between, both) / modelled_seconds(between, FAST) < 4
    assert step_seconds(sizes._replace(hidden=64), both) == pytest.approx(
        2 * modelled_seconds(sizes._replace(hidden=64), FAST)
    )
    again = both.with_step(wide, 3 * modelled_seconds(wide, FAST))
    assert again.ratio(math.inf) == pytest.approx(3)
    assert len(again.steps) == 2


def test_a_standing_clock_breaks_nothing() -> None:
    sizes = Sizes.of(LSTM().get_params(), cell=4, vocabulary=10_000)
    assert step_seconds(sizes, FAST.with_step(sizes, 0.0)) > 0
