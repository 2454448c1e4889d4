"""The methods of ``nltk.lm`` on a language model, against its own figures."""

from __future__ import annotations

import math

import pytest

from nlmkit import DataError, HyperParameterError, NGram, NltkStyle
from nlmkit.errors import NotFittedError, NotNormalizedError
from nlmkit.text import Corpus

LINES = ["the cat sat", "the dog sat on the mat", "a cat ran"]
LM = NGram(order=2, smoothing="witten-bell").fit(LINES)


def test_scores_are_those_of_the_model() -> None:
    lm = NltkStyle(LM)
    log_probs = LM.log_probs(Corpus.read(["the cat ran"])).tolist()
    words = ["the", "cat", "ran", "</s>"]
    for place, (word, expected) in enumerate(zip(words, log_probs, strict=True)):
        assert lm.logscore(word, words[:place]) == pytest.approx(expected / math.log(2))
        assert lm.score(word, ["<s>", "<s>", *words[:place]]) == pytest.approx(math.exp(expected))
    assert lm.score("the") == lm.score("the", [])
    assert lm.score("zebra", ["the"]) == lm.score("<unk>", ["the"]) > 0
    assert sum(lm.score(word, ["the"]) for word in lm.vocab.words if word != "<s>") == pytest.approx(1)
    ngrams = [words[: place + 1] for place in range(4)]
    assert lm.perplexity(ngrams) == pytest.approx(LM.perplexity(["the cat ran"]))
    assert lm.entropy(ngrams) == pytest.approx(math.log2(LM.perplexity(["the cat ran"])))


def test_words_are_generated() -> None:
    lm = NltkStyle(LM)
    words = lm.generate(5, text_seed=["<s>", "the"], random_seed=3)
    assert isinstance(words, list)
    assert len(words) <= 5
    assert words == lm.generate(5, text_seed=["the"], random_seed=3)
    assert isinstance(lm.generate(), str)


def test_words_of_a_context_are_not_tokenized_again() -> None:
    lm = NltkStyle(
        NGram(order=2, smoothing="witten-bell").fit([["New York", "sleeps"]] * 50 + [["York", "wakes"]] * 50)
    )
    words = [lm.generate(1, text_seed=["New York"], random_seed=seed) for seed in range(20)]
    assert words.count("sleeps") > 15


def test_what_it_cannot_do_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = NltkStyle(LM)
    with pytest.raises(DataError, match="no n-grams"):
        lm.perplexity([])
    with pytest.raises(DataError, match="an n-gram is empty"):
        lm.entropy([[]])
    with pytest.raises(NotFittedError):
        NltkStyle(NGram(order=1))
    with pytest.raises(NotNormalizedError):
        NltkStyle(NGram(order=1, smoothing="stupid-backoff").fit(LINES))
    monkeypatch.setattr(NGram, "reads_backward", True)
    with pytest.raises(HyperParameterError, match="ngram reads backward"):
        NltkStyle(LM)
