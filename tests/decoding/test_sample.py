"""Sampling: the arguments' meaning on distributions that are known exactly."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.decoding import DrawnMachine
from toys.language_models import Bigram, Scripted

from nlmkit.decoding.sample import generate, sample
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError
from nlmkit.text import Corpus, TextPipeline, Vocabulary

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=60)

WORDS = Vocabulary(["a", "b", "c", "d"])
SCORES = {"<unk>": 0.1, "</s>": 0.05, "a": 0.3, "b": 0.3, "c": 0.2, "d": 0.05}


def scripted(probabilities: dict[str, float]) -> Scripted:
    return Scripted(WORDS, {word: math.log(value) for word, value in probabilities.items()})


def shares(model: Scripted, draws: int = 3000, **arguments: Any) -> dict[str, float]:
    """How often each word comes first; the empty string stands for ``</s>``."""
    counts: Counter[str] = Counter()
    for seed in range(draws):
        words = model.generate(max_tokens=1, seed=seed, **arguments)
        counts[words[0] if words else ""] += 1
    return {word: count / draws for word, count in counts.items()}


def test_the_same_seed_gives_the_same_words_and_another_seed_others() -> None:
    model = scripted(SCORES)
    first = model.generate(max_tokens=40, seed=3)
    assert model.generate(max_tokens=40, seed=3) == first
    assert len({tuple(model.generate(max_tokens=40, seed=seed)) for seed in range(20)}) > 15


def test_draws_follow_the_distribution_without_unk() -> None:
    found = shares(scripted(SCORES))
    assert "<unk>" not in found
    for word, probability in SCORES.items():
        if word != "<unk>":
            assert found["" if word == "</s>" else word] == pytest.approx(probability / 0.9, abs=0.025)


def test_unk_is_drawn_when_allowed() -> None:
    found = shares(scripted(SCORES), allow_unk=True)
    assert found["<unk>"] == pytest.approx(0.1, abs=0.02)
    assert found["a"] == pytest.approx(0.3, abs=0.025)


def test_temperature_sharpens_and_flattens() -> None:
    model = scripted({"a": 0.8, "b": 0.2})
    assert shares(model, temperature=0.5)["b"] == pytest.approx(0.04 / 0.68, abs=0.015)
    assert shares(model, temperature=2)["b"] == pytest.approx(1 / 3, abs=0.025)
    assert shares(model, temperature=1e300)["b"] == pytest.approx(0.5, abs=0.03)
    assert shares(model, draws=50, temperature=1e-300) == {"a": 1.0}
    assert shares(model, draws=50, temperature=5e-324) == {"a": 1.0}


def test_temperature_zero_takes_the_best_word_and_of_equals_the_lowest_id() -> None:
    model = scripted(SCORES)
    assert all(model.generate(max_tokens=3, temperature=0, seed=seed) == ["a"] * 3 for seed in range(5))
    assert scripted({"<unk>": 0.9, "d": 0.1}).generate(max_tokens=2, temperature=0) == ["d", "d"]
    assert scripted({"<unk>": 0.9, "d": 0.1}).generate(max_tokens=1, temperature=0, allow_unk=True) == ["<unk>"]
    assert scripted({"</s>": 0.9, "d": 0.1}).generate(temperature=0) == []


def test_top_k_keeps_the_most_probable_words() -> None:
    model = scripted(SCORES)
    assert set(shares(model, 300, top_k=1)) == {"a"}  # b is as probable and has a higher id
    found = shares(model, top_k=3)
    assert set(found) == {"a", "b", "c"}
    assert found["c"] == pytest.approx(0.2 / 0.8, abs=0.025)
    assert set(shares(model, 1000, top_k=10**30)) == {"a", "b", "c", "d", ""}


def test_of_equally_probable_words_top_k_keeps_those_of_lowest_id() -> None:
    words = [f"w{number:03}" for number in range(1000)]
    model = Scripted(Vocabulary(words), {word: -float(number % 7) for number, word in enumerate(words)})
    assert set(shares(model, 300, top_k=5)) == set(words[:35:7])


def test_top_p_keeps_the_fewest_words_that_reach_it() -> None:
    model = scripted({"a": 0.5, "b": 0.25, "c": 0.125, "d": 0.125})
    assert set(shares(model, 300, top_p=0.5)) == {"a"}
    assert set(shares(model, 300, top_p=0.50001)) == {"a", "b"}
    assert set(shares(model, 300, top_p=0.75)) == {"a", "b"}
    assert set(shares(model, 300, top_p=0.8)) == {"a", "b", "c"}
    assert set(shares(model, 300, top_p=1)) == {"a", "b", "c", "d"}
    assert set(shares(model, 300, top_p=Fraction(1, 2))) == {"a"}
    assert set(shares(model, 50, top_p=1e-300)) == {"a"}
    found = shares(model, top_p=0.75)
    assert found["b"] == pytest.approx(1 / 3, abs=0.025)


def test_top_p_is_of_what_temperature_and_top_k_leave() -> None:
    model = scripted({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1})
    # Of the two that top_k leaves, a alone has 4/7 of the probability.
    assert set(shares(model, 300, top_k=2, top_p=0.55)) == {"a"}
    assert set(shares(model, 300, top_k=2, top_p=0.6)) == {"a", "b"}
    # Squared, a has 0.16 of 0.30.
    assert set(shares(model, 300, temperature=0.5, top_p=0.53)) == {"a"}


def test_words_of_probability_zero_and_the_sentence_start_are_never_drawn() -> None:
    model = Scripted(WORDS, {"a": math.log(0.5), "d": math.log(0.5), "<s>": 0.0})
    assert set(shares(model, 500)) == {"a", "d"}
    assert set(shares(model, 500, top_p=1.0)) == {"a", "d"}
    assert set(shares(model, 500, top_k=6)) == {"a", "d"}


def test_scores_need_not_be_normalised() -> None:
    model = Scripted(WORDS, {"a": 1000.0, "b": 1000.0 + math.log(3)})
    assert shares(model)["b"] == pytest.approx(0.75, abs=0.025)


def test_generation_stops_at_the_sentence_end_or_at_max_tokens() -> None:
    chain = Bigram(alpha=1e-9).fit(["a b c"])
    assert chain.generate(seed=1) == ["a", "b", "c"]
    assert chain.generate(max_tokens=2) == ["a", "b"]
    assert chain.generate(max_tokens=0) == []
    assert len(scripted({"a": 1.0}).generate()) == 50


def test_the_prompt_is_read_as_the_model_reads_text_and_not_returned() -> None:
    chain = Bigram(alpha=1e-9).fit(Corpus.read(["a b c", "d c"], TextPipeline(lowercase=True)))
    assert chain.generate(prompt="A  B") == ["c"]
    assert chain.generate(prompt="d") == ["c"]
    assert chain.generate(prompt="a b c") == []
    assert generate(chain, prompt="") == chain.generate()
    spaced = Bigram(alpha=1e-9).fit(Corpus.read(["ab c"], TextPipeline(tokenizer="char")))
    assert spaced.generate(prompt="ab") == ["▁", "c"]


def test_an_unknown_prompt_word_is_read_as_unk() -> None:
    model = Bigram(alpha=1e-9, vocabulary_file=None, min_count=2).fit(["a rare b", "a odd b"])
    assert model.generate(prompt="a never-seen", seed=4) == ["b"]


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("max_tokens", -1, "max_tokens must be a whole number ≥ 0, not -1"),
        ("max_tokens", 2.0, "max_tokens must be a whole number ≥ 0, not 2.0"),
        ("max_tokens", True, "max_tokens must be a whole number ≥ 0, not True"),
        ("seed", -1, "seed must be a whole number ≥ 0, not -1"),
        ("seed", None, "seed must be a whole number ≥ 0, not None"),
        ("top_k", 0, "top_k must be a whole number ≥ 1, not 0"),
        ("top_k", 1.5, "top_k must be a whole number ≥ 1, not 1.5"),
        ("top_p", 0, "top_p must be a number > 0 and ≤ 1, not 0"),
        ("top_p", 1.1, "top_p must be a number > 0 and ≤ 1, not 1.1"),
        ("top_p", math.nan, "top_p must be a number > 0 and ≤ 1, not nan"),
        ("top_p", "0.5", "top_p must be a number > 0 and ≤ 1, not '0.5'"),
        ("temperature", -0.5, "temperature must be a number ≥ 0, not -0.5"),
        ("temperature", math.inf, "temperature must be a number ≥ 0, not inf"),
        ("temperature", math.nan, "temperature must be a number ≥ 0, not nan"),
        ("temperature", 10**400, "temperature must be a number ≥ 0, not 1000"),
        ("temperature", False, "temperature must be a number ≥ 0, not False"),
        ("prompt", "a\nb", r"prompt must be one line of text, not 'a\nb'"),
        ("prompt", ["a"], "prompt must be one line of text, not ['a']"),
        ("allow_unk", 1, "allow_unk must be true or false, not 1"),
    ],
)
def test_wrong_arguments_are_refused(argument: str, value: Any, message: str) -> None:
    with pytest.raises(HyperParameterError) as caught:
        scripted(SCORES).generate(**{argument: value})
    assert str(caught.value).startswith(message)


def test_numpy_numbers_are_arguments_too() -> None:
    model = scripted(SCORES)
    plain = model.generate(max_tokens=5, seed=2, top_k=3, temperature=0.5)
    assert plain == model.generate(
        max_tokens=np.int64(5), seed=np.uint8(2), top_k=np.int32(3), temperature=np.float32(0.5)
    )


def test_sentence_marks_in_the_prompt_are_refused() -> None:
    with pytest.raises(DataError, match="</s>"):
        scripted(SCORES).generate(prompt="a </s>")


def test_nothing_to_draw_from_is_a_clear_error() -> None:
    with pytest.raises(NotNormalizedError, match=r"cannot sample: every next word has probability zero$"):
        Scripted(WORDS, {}).generate()
    with pytest.raises(NotNormalizedError, match=": only <unk> is possible, set allow_unk"):
        scripted({"<unk>": 1.0}).generate()
    for wrong in (math.nan, math.inf):
        with pytest.raises(NotNormalizedError, match="next-word scores are NaN or infinite"):
            Scripted(WORDS, {"a": -1.0, "b": wrong}).generate()


def test_the_models_row_is_not_written_to() -> None:
    model = Bigram().fit(["a b", "b a"])
    before = model.table_.copy()
    model.table_.flags.writeable = False
    model.generate(seed=5)
    np.testing.assert_array_equal(model.table_, before)


def test_an_unfitted_model_generates_nothing() -> None:
    with pytest.raises(NotFittedError):
        Bigram().generate()


@reproducible
@given(
    st.lists(st.floats(-700, 700) | st.just(-math.inf), min_size=4, max_size=4),
    st.floats(0, 10),
    st.none() | st.integers(1, 8),
    st.none() | st.floats(0, 1, exclude_min=True),
    st.integers(0, 2**64),
)
def test_only_possible_words_come_out(
    scores: list[float], temperature: float, top_k: int | None, top_p: float | None, seed: int
) -> None:
    model = Scripted(WORDS, dict(zip("abcd", scores, strict=True)) | {"<unk>": 900.0, "<s>": 900.0})
    if max(scores) == -math.inf:
        with pytest.raises(NotNormalizedError):
            model.generate(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        return
    words = model.generate(max_tokens=5, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    assert len(words) == 5
    possible = {word for word, score in zip("abcd", scores, strict=True) if score > -math.inf}
    ranked = sorted(possible, key=lambda word: (-scores["abcd".index(word)], word))
    assert set(words) <= set(ranked[:top_k] if temperature else ranked[:1])


def test_generation_needs_only_the_state_machine() -> None:
    class Bare(Scripted):
        log_probs = distributions = None

    assert Bare(WORDS, {"a": 0.0}).generate(max_tokens=1) == ["a"]


def test_sampling_begins_at_any_state() -> None:
    chain = Bigram(alpha=1e-9).fit(["a b c", "d c"])
    state = chain.advance(chain.start(), chain.vocabulary_.id("a"))
    assert [chain.vocabulary_.word(id_) for id_ in sample(chain, state)] == chain.generate(prompt="a") == ["b", "c"]


def test_sampling_given_a_condition_follows_its_distribution() -> None:
    machine = DrawnMachine(1, weights=(1, 2, 4))
    for condition in (0, 1):
        start = machine.start(condition)
        counts = Counter((*sample(machine, start, max_tokens=1, seed=seed), 2)[0] for seed in range(2000))
        weights = {id_: math.exp(value) for id_, value in enumerate(machine.row(start)) if id_ >= 2}
        for id_, weight in weights.items():
            assert counts[id_] / 2000 == pytest.approx(weight / sum(weights.values()), abs=0.035)


def test_sampling_from_a_state_refuses_what_generation_refuses() -> None:
    machine = DrawnMachine(1)
    with pytest.raises(HyperParameterError, match="max_tokens must be a whole number ≥ 0"):
        sample(machine, machine.start(0), max_tokens=-1)
