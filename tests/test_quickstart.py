"""Where to begin reading: fit, save, load and score one component of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit import LSA, NGram, TfidfLogReg, TfidfRidge, load

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


def test_a_regressor(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    texts, stars = ["warm and funny", "a fine film", "dull and cold", "a long dull film"], [5, 4, 1, 2]
    regressor = TfidfRidge(alpha=0.1).fit(texts, stars)
    funny, cold = regressor.predict(["funny and fine", "cold and long"])
    assert funny > 3 > cold
    assert regressor.score(texts, stars) > 0.9
    regressor.save(tmp_path / "regressor")
    assert load(tmp_path / "regressor").score(texts, stars) == regressor.score(texts, stars)
