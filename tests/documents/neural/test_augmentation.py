"""Altered copies of texts: what each operation does, and that seeds decide."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit import HyperParameterError
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.documents.neural.augmentation import Augmenter, deletion, swap
from nlmkit.representations.vectors import Vectors

WORDS = st.lists(st.sampled_from("abcdefg"), max_size=12)
RATES = st.floats(0.01, 1.0)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors().fit({"good": [1.0, 0.0], "fine": [0.9, 0.1], "bad": [-1.0, 0.0], "film": [0.0, 1.0]})


@given(WORDS, RATES, st.integers(0, 99))
def test_swapping_keeps_the_words(words: list[str], rate: float, seed: int) -> None:
    before = list(words)
    found = swap(words, rate, np.random.default_rng(seed))
    assert Counter(found) == Counter(words)
    assert words == before


@given(WORDS, RATES, st.integers(0, 99))
def test_deletion_keeps_order_and_a_word(words: list[str], rate: float, seed: int) -> None:
    found = deletion(words, rate, np.random.default_rng(seed))
    rest = iter(words)
    assert all(word in rest for word in found)
    assert bool(found) == bool(words)


def test_deletion_drops_about_the_rate() -> None:
    found = deletion(["w"] * 10000, 0.3, np.random.default_rng(0))
    assert len(found) == pytest.approx(7000, abs=200)


def test_swaps_are_as_many_as_the_rate_says() -> None:
    words = [str(number) for number in range(1000)]
    moved = sum(a != b for a, b in zip(words, swap(words, 0.1, np.random.default_rng(0)), strict=True))
    assert 170 < moved <= 200  # a hundred pairs, some of which overlap


def test_replacement_puts_near_words_in(vectors: Vectors) -> None:
    altered = Augmenter(rate=0.1, operations=["replacement"], vectors=vectors, seed=1)
    text = ["a", "good", "film", "good"]
    for _ in range(20):
        found = altered(text)
        assert len(found) == 4
        assert found[0] == "a"  # has no vector
        changed = {old for old, new in zip(text, found, strict=True) if old != new}
        assert len(changed) == 1
        if changed == {"good"}:
            assert found[1] == found[3]
            assert found[1] in altered.synonyms("good")
    assert altered.synonyms("good")[0] == "fine"
    assert altered.synonyms("qqq") == []
    assert altered(["qqq"]) == ["qqq"]


def test_insertion_adds_a_near_word(vectors: Vectors) -> None:
    altered = Augmenter(rate=0.5, operations=["insertion"], vectors=vectors, seed=1)
    found = altered(["a", "good", "b", "c"])
    assert len(found) == 6
    added = Counter(found) - Counter(["a", "good", "b", "c"])
    assert set(added) <= {"fine", "bad", "film", "good"}
    assert altered([]) == []
    assert altered(["qqq"]) == ["qqq"]


def test_a_seed_decides_everything(vectors: Vectors) -> None:
    def copies(seed: int) -> list[list[str]]:
        altered = Augmenter(
            rate=0.3, operations=["swap", "deletion", "insertion", "replacement"], vectors=vectors, seed=seed
        )
        return [altered(["a", "good", "film", "is", "fine"]) for _ in range(10)]

    assert copies(1) == copies(1)
    assert copies(1) != copies(2)


def test_without_vectors_only_two_operations_are_left() -> None:
    assert Augmenter(rate=0.1, operations=["swap", "insertion", "deletion"]).operations == ("swap", "deletion")


@pytest.mark.parametrize(
    ("operations", "message"),
    [(["swop"], "did you mean swap"), ([], "none is given"), (["insertion"], "insertion need vectors")],
)
def test_operations_that_cannot_be(operations: list[str], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        Augmenter(rate=0.1, operations=operations)


TEXTS = ["a good film", "a bad film", "good", "bad", "so good !", "so bad !"] * 3
LABELS = ["+", "-"] * 9


def test_copies_are_trained_on_and_never_held_out() -> None:
    model = CNN(embedding=6, maps=4, epochs=2, batch=8, augment=3, augment_rate=0.5, valid_share=0.34)
    report = model.fit(TEXTS, LABELS).fit_report_
    held_out = report["held_out"]["texts"]
    assert held_out == 6
    assert report["steps"] == 2 * -(-12 * 4 // 8)
    plain = CNN(embedding=6, maps=4, epochs=2, batch=8, valid_share=0.34).fit(TEXTS, LABELS)
    assert report["words"] > plain.fit_report_["words"]


def test_synonyms_join_the_vocabulary(vectors: Vectors) -> None:
    options = {"embedding": 6, "maps": 4, "epochs": 1, "augment": 4, "augment_rate": 1.0}
    model = CNN(**options, augment_vectors=vectors, augment_operations=("replacement",)).fit(TEXTS, LABELS)
    assert "fine" in model.vocabulary_
    with pytest.raises(HyperParameterError, match=r"augment_vectors=.* has no effect"):
        CNN(augment_vectors=vectors).fit(TEXTS, LABELS)
