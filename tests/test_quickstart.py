"""Where to begin reading: fit, save, load and score one component of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit import LSA, NGram, TfidfLogReg, load

TRAIN = ["the cat sat on the mat", "the dog sat", "a cat and a dog ran"]
TEST = ["the cat ran", "a dog sat on the mat"]


def test_a_language_model(tmp_path: Path) -> None:
    model = NGram(order=3).fit(TRAIN)
    assert (
        model.perplexity(TEST) < 30
    )  # of 10 words, <unk> and </s>, chosen blindly: 12; a text seen once is not enough
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").score(TEST) == model.score(TEST)


def test_a_representation(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    vectors = LSA(dimension=2, min_count=1).fit(TRAIN)
    assert vectors.most_similar("cat", n=1)[0][0] in vectors.vocabulary_
    vectors.save(tmp_path / "vectors")
    assert load(tmp_path / "vectors").digest == vectors.digest


def test_a_classifier(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    texts, labels = (
        ["warm and funny", "a fine film", "dull and cold", "a long dull film"],
        ["good", "good", "bad", "bad"],
    )
    classifier = TfidfLogReg().fit(texts, labels)
    assert list(classifier.predict(["funny and fine", "cold and long"])) == ["good", "bad"]
    classifier.save(tmp_path / "classifier")
    loaded = load(tmp_path / "classifier")
    assert loaded.digest == classifier.digest
