"""Stability of neighbours: overlaps counted by hand and by sets, properties, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from toys.representations import Sparse, ToyVectors, angles, toy

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations import stability
from nlmkit.representations.stability import neighbour_stability


def random_toy(seed: int, words: int = 30, first: int = 0) -> ToyVectors:
    rows = np.random.default_rng(seed).normal(size=(words, 5))
    return toy({f"w{n}": row for n, row in enumerate(rows, start=first)})


def test_overlap_by_hand() -> None:
    one = toy(angles({"a": 0, "b": 10, "c": 21, "d": 60}))
    other = toy(angles({"d": 61, "c": 2, "b": 91, "a": 0}))
    # With k = 1: a→b and a→c, b→a and b→d, c→b and c→a, d→c and d→b.
    assert neighbour_stability([one, other], k=1).overlap == 0
    # With k = 2: a→bc and a→cd, b→ac and b→dc, c→ba and c→ad, d→cb and d→bc.
    report = neighbour_stability([one, other], k=2)
    assert dict(zip(report.words, report.by_word.tolist(), strict=True)) == {"a": 0.5, "b": 0.5, "c": 0.5, "d": 1.0}
    assert report.overlap == 0.625
    assert report.pairs == ((0, 1, 0.625),)
    assert (report.k, report.shared_words, report.seed) == (2, 4, None)


def test_the_same_vectors_turned_and_scaled_agree_fully() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 5))
    turned = 7 * rows @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    one, other = (toy({f"w{n}": row for n, row in enumerate(each)}) for each in (rows, turned))
    assert neighbour_stability([one, other]).overlap == 1


def test_it_is_the_mean_over_pairs_of_the_contracts_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [random_toy(seed) for seed in range(3)]
    expected = []
    for one, other in itertools.combinations(models, 2):
        sets = [[{word for word, _ in model.most_similar(f"w{n}", 10)} for n in range(30)] for model in (one, other)]
        expected.append(np.mean([len(a & b) / 10 for a, b in zip(*sets, strict=True)]))
    report = neighbour_stability(models)
    assert [overlap for _, _, overlap in report.pairs] == pytest.approx(expected)
    assert [pair[:2] for pair in report.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert report.overlap == pytest.approx(np.mean(expected))
    monkeypatch.setattr(stability, "_ENTRIES", 70)
    assert neighbour_stability(models).by_word.tolist() == report.by_word.tolist()


def test_only_shared_words_count() -> None:
    one, other = random_toy(0), random_toy(1, first=10)
    report = neighbour_stability([one, other], k=5)
    assert (report.shared_words, report.words[0]) == (20, "w10")
    fewer = toy({word: one.vectors([word])[0] for word in reversed(report.words)})
    assert neighbour_stability([one, fewer], k=5).overlap == 1


def test_words_are_drawn_by_the_seed() -> None:
    models = [random_toy(0), random_toy(1)]
    drawn = [neighbour_stability(models, sample=8, seed=seed) for seed in (0, 0, 1)]
    assert drawn[0].words == drawn[1].words != drawn[2].words
    assert len(set(drawn[0].words)) == 8
    assert drawn[0].seed == 0
    everything = neighbour_stability(models, sample=None)
    places = [everything.words.index(word) for word in drawn[0].words]
    assert drawn[0].by_word.tolist() == everything.by_word[places].tolist()
    asked = neighbour_stability(models, words=["w5", "w2"])
    assert asked.words == ("w5", "w2")
    assert asked.by_word.tolist() == everything.by_word[[5, 2]].tolist()


def test_sparse_representations_agree_with_themselves() -> None:
    pytest.importorskip("scipy", reason="one-hot matrices are scipy's")
    vectors = {f"w{n}": row for n, row in enumerate(np.random.default_rng(0).normal(size=(30, 5)))}
    assert neighbour_stability([toy(vectors), Sparse().set_vectors(vectors)]).overlap == 1


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"k": 0}, HyperParameterError, "k must be"),
        ({"sample": True}, HyperParameterError, "sample must be"),
        ({"k": 30}, DataError, "30 words in common, too few for 30"),
        ({"words": ["w1", "nobody"]}, DataError, "'nobody' is not in all"),
        ({"words": []}, DataError, "no words"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        neighbour_stability([random_toy(0), random_toy(1)], **options)


def test_one_representation_has_no_stability() -> None:
    with pytest.raises(HyperParameterError, match="two representations"):
        neighbour_stability([random_toy(0)])
