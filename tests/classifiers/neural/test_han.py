"""The hierarchical attention network: where sentences end, attention that sums to one, padding."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys.classifiers import (
    LABELS,
    ODD,
    TEXTS,
    learns,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit import Corpus, TextPipeline
from nlmkit.classifiers.neural.han import HAN
from nlmkit.documents.neural import batching
from nlmkit.documents.neural.scoring import log_probabilities
from nlmkit.documents.neural.sentences import sentence_bounds

TINY: dict[str, Any] = {"embedding": 10, "hidden": 6, "attention": 5, "epochs": 25, "batch": 8, "lr": 0.02}


@pytest.fixture(scope="module")
def han() -> HAN:
    return HAN(**{**TINY, "epochs": 15}).fit(TEXTS, LABELS)


def split(text: str, tokenizer: str = "word") -> list[str]:
    """The sentences of a text."""
    corpus = Corpus.read([text], TextPipeline(tokenizer=tokenizer))
    sentences, documents = sentence_bounds(corpus, characters=tokenizer == "char")
    assert documents.tolist() == [0, len(sentences) - 1]
    words = corpus.sentence(0)
    joint = "" if tokenizer == "char" else " "
    return [joint.join(words[begin:end]) for begin, end in itertools.pairwise(sentences)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rains. Stay in!", ["It rains .", "Stay in !"]),
        ("Why?! No idea... None", ["Why ? !", "No idea . . .", "None"]),
        ('He said "go." Then he went.', ['He said " go . "', "Then he went ."]),
        ("Mr. Smith of the U.S. left.", ["Mr . Smith of the U . S . left ."]),
        ("It costs 3.5 dollars. Fine.", ["It costs 3.5 dollars .", "Fine ."]),
        ("味道很好。送得慢！下次不来了", ["味 道 很 好 。", "送 得 慢 ！", "下 次 不 来 了"]),
        ("他说：“好吃！”我不信。", ["他 说 ： “ 好 吃 ！ ”", "我 不 信 。"]),
        ("no mark at all", ["no mark at all"]),
        ("...", [". . ."]),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


def test_where_sentences_end_when_characters_are_tokens() -> None:
    assert split("味道很好。送得慢！不来", "char") == ["味道很好。", "送得慢！", "不来"]
    assert split("花了3.5元。ok. no", "char") == ["花了3.5元。", "ok.", "▁no"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ('Left. "Hello," he said.', ["Left .", '" Hello , " he said .']),
        ('"Go!" He left. "Why?" Then "no." End.', ['" Go ! "', "He left .", '" Why ? "', 'Then " no . "', "End ."]),
        ('他走了。"你好。"她说', ["他 走 了 。", '" 你 好 。 "', "她 说"]),
        ('("Go." He did.) "So."', ['( " Go . "', "He did . )", '" So . "']),
        ("Left. 'Hello,' he said.", ["Left .", "' Hello , ' he said ."]),
        ("He said 'go.' The dogs' home.", ["He said ' go . '", "The dogs ' home ."]),
        # Unbalanced.
        ('Left. "Hello', ["Left .", '" Hello']),
        ('He left."', ['He left . "']),
        ("He left.'", ["He left . '"]),
        ('go." He left. "No." Yes.', ["go .", '" He left . "', "No .", '" Yes .']),
    ],
)
def test_straight_quotation_marks_open_and_close_in_turn(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences
    assert " ".join(sentences).split() == Corpus.read([text], TextPipeline(tokenizer="word")).sentence(0)


def test_straight_quotation_marks_between_characters() -> None:
    assert split('他走了。"你好。"她说', "char") == ["他走了。", '"你好。"', "她说"]
    assert split('ok."no." ok. "no."', "char") == ["ok.", '"no."', "▁ok.", '▁"no."']


def test_straight_quotation_marks_are_counted_by_document() -> None:
    corpus = Corpus.read(["", '" yes', "", 'no . " yes', '" yes . " no'], TextPipeline())
    sentences, documents = sentence_bounds(corpus, characters=False)
    assert sentences.tolist() == [0, 2, 4, 6, 10, 11]
    assert documents.tolist() == [0, 0, 1, 1, 3, 5]


@given(st.lists(st.text("ab .!。…\"'”)", max_size=40), max_size=5), st.sampled_from(["word", "char", "space"]))
def test_sentences_are_parts_of_their_documents(texts: list[str], tokenizer: str) -> None:
    corpus = Corpus.read(texts, TextPipeline(tokenizer=tokenizer))
    sentences, documents = sentence_bounds(corpus, characters=tokenizer == "char")
    assert (np.diff(sentences) > 0).all()
    assert sentences[documents].tolist() == corpus.offsets.tolist()


def test_documents_do_not_run_into_one_another() -> None:
    corpus = Corpus.read(["", "a .", "! b", "", '" c . d', ""], TextPipeline())
    sentences, documents = sentence_bounds(corpus, characters=False)
    assert sentences.tolist() == [0, 2, 3, 4, 8]  # "c ." is an initial
    assert np.diff(sentences[documents]).tolist() == [0, 2, 2, 0, 4, 0]
    assert documents[0] == documents[1] == 0


@pytest.mark.slow
def test_it_learns_a_tiny_set() -> None:
    learns(HAN(**TINY))


@pytest.mark.slow
def test_attention_sums_to_one(han: HAN) -> None:
    text = "a fine film . what ? it was lovely , i say !"
    sentences, words = han.attention_weights(text)
    assert han.sentences(text) == [part.split() for part in ("a fine film .", "what ?", "it was lovely , i say !")]
    assert sentences.sum() == pytest.approx(1, abs=1e-6)
    begin = 0
    for sentence in han.sentences(text):
        assert words[begin : begin + len(sentence)].sum() == pytest.approx(1, abs=1e-6)
        begin += len(sentence)
    found = han.highlights(text)
    assert [word for word, _ in found] == text.split()
    assert sum(weight for _, weight in found) == pytest.approx(1, abs=1e-6)
    assert han.highlights("") == []


@pytest.mark.slow
def test_nothing_but_empty_documents(han: HAN) -> None:
    found = han.predict_proba(["", ""])
    assert np.array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], han.predict_proba(["", ODD[5]])[0], atol=1e-5)


LONG = [*[" ".join(["a fine film ."] * 20)] * 10, "dull " * 300, f"a poor day . {'meal ' * 50}"]
"""Two documents have a sentence far longer than all others, and one of those a short one, too."""


def test_one_long_sentence_does_not_pad_all_others(han: HAN) -> None:
    documents, _ = han.documents_of(han.encode(LONG))
    module, sizes = han.module_, []
    words = module.encoder.words
    with words.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[:2])):  # type: ignore[operator]
        module(documents.batch(np.arange(len(LONG))))
    assert sorted(sizes) == [(2, 300), (201, 4)]  # the few long ones are together: 50 steps more cost more


def test_scoring_keeps_to_its_words_whatever_the_sentences(han: HAN) -> None:
    documents, _ = han.documents_of(han.encode(LONG))
    sizes: list[int] = []

    def begin(*_: object) -> None:
        sizes.append(0)

    def add(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        sizes[-1] += inputs[0].shape[:2].numel()

    with (
        han.module_.register_forward_pre_hook(begin),
        han.module_.encoder.words.register_forward_pre_hook(add),  # type: ignore[operator]
    ):
        log_probabilities(han.module_, documents, words=500)
    assert max(sizes) <= 500
    assert sum(sizes) < 1.5 * int(documents.lengths.sum())


def test_groups_of_sentences_change_nothing(han: HAN, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, _ = han.documents_of(han.encode([*LONG, "", *ODD]))
    batch = documents.batch(np.arange(len(documents)))
    monkeypatch.setattr(batching, "similar_lengths", lambda lengths: [np.arange(len(lengths))])
    whole = documents.batch(np.arange(len(documents)))
    assert len(batch.groups) > len(whole.groups) == 1
    module = han.module_
    gradients = []
    module.train()  # the masks are the same, too
    try:
        for one in (batch, whole):
            module.generator.manual_seed(5)
            logits = module(one)
            gradients.append([logits.detach(), *torch.autograd.grad(logits.square().sum(), list(module.parameters()))])
    finally:
        module.eval()
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_attention_in_groups_of_sentences(han: HAN, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join([*["a fine film ."] * 20, "dull " * 100 + ".", *["what a day !"] * 20])
    found = han.attention_weights(text)
    assert len(han.batch_of_one(text)[1].groups) == 2
    monkeypatch.setattr(batching, "similar_lengths", lambda lengths: [np.arange(len(lengths))])
    assert len(han.batch_of_one(text)[1].groups) == 1
    for weights, expected in zip(found, han.attention_weights(text), strict=True):
        np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_equal_seeds_give_equal_bytes() -> None:
    seeds_decide(lambda seed: HAN(**{**TINY, "epochs": 2, "seed": seed}).fit(TEXTS, LABELS))


def test_padding_and_batch_size_change_nothing(han: HAN) -> None:
    padding_and_batches_change_nothing(han)


def test_a_saved_classifier_loads_equal(han: HAN, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(han, tmp_path)
