"""Where to begin reading: fit, save, load and score one component of each kind."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from nlmkit import LSA, EncoderDecoder, HMMTagger, NGram, TfidfLogReg, TfidfRidge, load
from nlmkit.core.kinds import KINDS

TRAIN = ["the cat sat on the mat", "the dog sat on a rug", "a cat and a dog ran home"]
TEST = ["the cat ran", "a dog sat on the mat"]
REVIEWS = ["warm and funny", "a fine film", "dull and cold", "a long dull film"]


def test_a_language_model(tmp_path: Path) -> None:
    model = NGram(order=3).fit(TRAIN)
    assert model.perplexity(TEST) < 14  # of 12 words, <unk> and </s>, each of them as probable as the others
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").score(TEST) == model.score(TEST)  # mean natural log-probability per event


def test_a_representation(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    vectors = LSA(dimension=2, min_count=1).fit(TRAIN)
    assert vectors.most_similar("cat", n=1)[0][0] in vectors.vocabulary_
    vectors.save(tmp_path / "vectors")
    words = sorted({word for line in TRAIN for word in line.split()})
    judged = [(one, two, float(len({one, two} & {"cat", "dog", "ran", "sat"}))) for one, two in combinations(words, 2)]
    score = load(tmp_path / "vectors").score(judged)  # Spearman's rank correlation with the judgments
    assert score == vectors.score(judged)
    assert -1 <= score <= 1


def test_a_classifier(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    labels = ["good", "good", "bad", "bad"]
    classifier = TfidfLogReg().fit(REVIEWS, labels)
    assert list(classifier.predict(["funny and fine", "cold and long"])) == ["good", "bad"]
    classifier.save(tmp_path / "classifier")
    assert load(tmp_path / "classifier", TfidfLogReg).score(REVIEWS, labels) == 1  # accuracy


def test_a_regressor(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    stars = [4.0, 5.0, 2.0, 1.0]
    regressor = TfidfRidge().fit(REVIEWS, stars)
    fine, dull = regressor.predict(["funny and fine", "cold and long"])
    assert dull < 3 < fine
    regressor.save(tmp_path / "regressor")
    assert load(tmp_path / "regressor", TfidfRidge).score(REVIEWS, stars) == regressor.score(REVIEWS, stars) > 0  # R²


def test_a_tagger(tmp_path: Path) -> None:
    sentences = [["the", "cat", "sat"], ["Ann", "sat"], ["dogs", "ran"], ["the", "dog", "ran"]] * 4
    tags = [["B-NP", "I-NP", "O"], ["B-NP", "O"], ["B-NP", "O"], ["B-NP", "I-NP", "O"]] * 4
    tagger = HMMTagger().fit(sentences, tags)
    assert tagger.predict([["the", "dog", "sat"]]) == [["B-NP", "I-NP", "O"]]
    (((span, probability), *_),) = tagger.predict_spans([["the", "dog", "sat"]])
    assert span == ("NP", 0, 2)
    assert 0.5 < probability <= 1
    tagger.save(tmp_path / "tagger")
    assert load(tmp_path / "tagger", HMMTagger).score(sentences, tags) == 1  # F1 of spans


@pytest.mark.slow
def test_a_sequence_to_sequence(tmp_path: Path) -> None:
    for module in ("torch", "sacrebleu"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    sources, targets = ["a b", "b a", "a a", "b b"] * 4, ["b a", "a b", "a a", "b b"] * 4
    model = EncoderDecoder(embedding=16, hidden=32, encoder_hidden=16, epochs=60, batch=30, lr=0.02)
    model.fit(sources, targets)
    assert model.predict(["a b", "b a"]) == ["b a", "a b"]
    report = model.report(sources, targets)
    assert report.exact_match == 1
    assert report.perplexity < 1.5
    model.save(tmp_path / "reverser")
    assert load(tmp_path / "reverser", EncoderDecoder).score(sources, targets) == pytest.approx(report.score)


def test_there_is_one_of_each_kind() -> None:
    shown = re.findall(r"^def test_an?_(\w+)\(", Path(__file__).read_text(encoding="utf-8"), re.M)
    assert sorted(shown) == sorted(kind.name.replace("-", "_") for kind in KINDS)
