"""The most probable sentences of language models."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from toys.language_models import Bigram, Scripted

from nlmkit import NGram
from nlmkit.errors import DataError, HyperParameterError, NotFittedError
from nlmkit.text import EOS_ID, Vocabulary

TEXT = ["a b c", "a b", "a b", "b c c", "c"]


def probability(model: Any, words: tuple[str, ...], state: Any) -> float:
    total = 0.0
    for word_id in (*map(model.vocabulary_.id, words), EOS_ID):
        total += float(model.next_log_probs(state)[word_id])
        state = model.advance(state, word_id)
    return total


@pytest.mark.parametrize("model", [Bigram(alpha=0.1).fit(TEXT), NGram(order=3).fit(TEXT)])
@pytest.mark.parametrize("prompt", ["", "b"])
def test_the_most_probable_of_all_sentences_are_found(model: Any, prompt: str) -> None:
    state = model.start()
    for word in prompt.split():
        state = model.advance(state, model.vocabulary_.id(word))
    every = [words for count in range(5) for words in itertools.product("abc", repeat=count)]
    ranked = sorted(((probability(model, words, state), words) for words in every), reverse=True)
    found = model.most_probable(4, beam=100, max_tokens=4, prompt=prompt)
    assert [each.log_prob for each in found] == pytest.approx([value for value, _ in ranked[:4]], abs=1e-5)
    assert [probability(model, tuple(each.words), state) for each in found] == pytest.approx(
        [each.log_prob for each in found], abs=1e-5
    )
    assert all(each.finished for each in found)


def test_a_backward_model_continues_to_the_left() -> None:
    class Backward(Bigram):
        reads_backward = True

    model = Backward(alpha=1e-6).fit(["c b a", "c b a", "d"])  # read from the left here, by the toy
    (best,) = model.most_probable(prompt="b c")
    assert best.words == ["a"]


def test_unk_and_unfinished_sentences() -> None:
    words = Vocabulary(["a"])
    endless = Scripted(words, {"a": math.log(0.25), "<unk>": math.log(0.75)})
    (best,) = endless.most_probable(beam=1, max_tokens=3)
    assert (best.words, best.finished) == (["a", "a", "a"], False)
    (best,) = endless.most_probable(beam=1, max_tokens=3, allow_unk=True)
    assert best.words == ["<unk>"] * 3


def test_wrong_arguments() -> None:
    model = Bigram().fit(TEXT)
    with pytest.raises(HyperParameterError, match="n must be a whole number ≥ 1"):
        model.most_probable(0)
    with pytest.raises(HyperParameterError, match="n_best must be at most beam"):
        model.most_probable(6)
    with pytest.raises(HyperParameterError, match="max_tokens must be a whole number ≥ 1"):
        model.most_probable(max_tokens=0)
    with pytest.raises(HyperParameterError, match="prompt must be one line"):
        model.most_probable(prompt="a\nb")
    with pytest.raises(DataError, match="the prompt: the token <s>"):
        model.most_probable(prompt="<s>")
    with pytest.raises(NotFittedError):
        Bigram().most_probable()
