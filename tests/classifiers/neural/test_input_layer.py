"""Word vectors of a classifier: random or a representation's, frozen or tuned, and what they cover."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from toys.classifiers import LABELS, TEXTS

from nlmkit import DataError, HyperParameterError, RunOptions, load
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.layers.word_input import Rows, WordInput
from nlmkit.representations.one_hot import OneHot
from nlmkit.representations.vectors import Vectors

pytestmark = pytest.mark.slow

TINY: dict[str, Any] = {"maps": 5, "epochs": 6, "batch": 8, "lr": 0.02, "dropout_input": 0.0, "dropout_word": 0.0}
WORDS = ("fine", "dull", "a", "film", "day", "splendid", "dreary")
DIMENSION = 7


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Two of its words are not in the texts: they lie where ``fine`` and ``dull`` do."""
    source = np.random.default_rng(0)
    rows = {word: source.standard_normal(DIMENSION) for word in WORDS}
    return Vectors().fit({**rows, "splendid": rows["fine"], "dreary": rows["dull"]})


def rows_of(model: CNN, matrix: torch.Tensor | None, words: tuple[str, ...]) -> NDArray[np.float32]:
    assert matrix is not None
    return np.asarray(matrix.detach().numpy()[model.vocabulary_.ids(words)])


def test_frozen_stays_frozen(vectors: Vectors) -> None:
    model = CNN(**TINY, representation=vectors, tune="frozen").fit(TEXTS, LABELS)
    words = model.module_.words
    assert words.tuned is None
    known = WORDS[:5]
    assert np.array_equal(rows_of(model, words.frozen, known), vectors.vectors(known))
    assert "words" not in model.fit_report_["parameters_by_part"]
    assert model.fit_report_["parameters_by_part"]["words (frozen)"] == len(model.vocabulary_) * DIMENSION


@pytest.mark.parametrize("cls", [CNN, LSTMClassifier])
def test_frozen_vectors_of_none_of_the_words_are_refused(cls: Any) -> None:
    elsewhere = Vectors().fit({"x": [1.0, 2.0], "y": [2.0, 1.0]})
    small = {"epochs": 1, "batch": 8, "valid_share": 0.0, "representation": elsewhere}
    with pytest.raises(DataError, match=r"covers none of the \d+ words of the training text, and tune=frozen"):
        cls(**small, tune="frozen").fit(TEXTS, LABELS)
    for tune in ("fine-tune", *(["multichannel"] if cls is CNN else [])):
        notes = cls(**small, tune=tune).fit(TEXTS, LABELS).fit_report_["notes"]
        assert any("covers only 0% of the training words" in note for note in notes)


def test_fine_tuned_ones_move(vectors: Vectors) -> None:
    model = CNN(**TINY, representation=vectors).fit(TEXTS, LABELS)
    words = model.module_.words
    assert words.frozen is None
    moved = np.abs(rows_of(model, words.tuned, WORDS[:5]) - vectors.vectors(WORDS[:5])).max(axis=1)
    assert (moved > 1e-4).all()
    assert (moved < 2).all()  # they began there


def test_multichannel_has_one_copy_of_each_kind(vectors: Vectors) -> None:
    model = CNN(**TINY, representation=vectors, tune="multichannel").fit(TEXTS, LABELS)
    words = model.module_.words
    assert words.width == 2 * DIMENSION
    assert np.array_equal(rows_of(model, words.frozen, WORDS[:5]), vectors.vectors(WORDS[:5]))
    assert (np.abs(rows_of(model, words.tuned, WORDS[:5]) - vectors.vectors(WORDS[:5])).max(axis=1) > 1e-4).all()
    assert model.module_.encoder.filters.filters[0].shape[1] == 2 * DIMENSION  # type: ignore[union-attr]


def test_coverage_is_reported(vectors: Vectors) -> None:
    report = CNN(**{**TINY, "epochs": 1}, representation=vectors, valid_share=0.0).fit(TEXTS, LABELS).fit_report_
    found = report["input"]
    types = {word for text in TEXTS for word in text.split()}
    tokens = [word for text in TEXTS for word in text.split()]
    assert (found["representation"], found["digest"], found["tune"]) == ("vectors", vectors.digest, "fine-tune")
    assert found["type_coverage"] == pytest.approx(5 / len(types))
    assert found["token_coverage"] == pytest.approx(sum(word in WORDS for word in tokens) / len(tokens))
    assert any("covers only 24% of the training words" in note for note in report["notes"])


@pytest.mark.parametrize("tune", ["frozen", "multichannel"])
def test_words_that_only_the_representation_has_are_read_by_it(vectors: Vectors, tune: str) -> None:
    model = CNN(**TINY, representation=vectors, tune=tune).fit(TEXTS, LABELS)
    assert "splendid" not in model.vocabulary_
    seen, unseen, unknown = model.predict_proba(["a fine film", "a splendid film", "a qqq film"])
    if tune == "frozen":
        np.testing.assert_allclose(unseen, seen, atol=1e-6)
    assert not np.allclose(unseen, unknown)


def test_a_vocabulary_limit_holds_for_them_too(vectors: Vectors) -> None:
    model = CNN(**TINY, representation=vectors, min_count=2).fit(TEXTS, LABELS)
    unseen, unknown = model.predict_proba(["a splendid film", "a qqq film"])
    np.testing.assert_allclose(unseen, unknown, rtol=0, atol=1e-6)


@pytest.mark.parametrize("given", ["component", "folder", "unfitted"])
def test_a_saved_classifier_can_be_moved(vectors: Vectors, tmp_path: Path, given: str) -> None:
    vectors.save(tmp_path / "vectors")
    from nlmkit.representations.lsa.model import LSA

    representation: Any = {
        "component": vectors,
        "folder": str(tmp_path / "vectors"),
        "unfitted": LSA(dimension=4),
    }[given]
    model = CNN(**TINY, representation=representation, tune="frozen").fit(TEXTS, LABELS)
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "vectors")
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    texts = ["a splendid film", "a dreary day", *TEXTS[:3], ""]
    assert loaded.digest == model.digest
    assert np.array_equal(loaded.predict_proba(texts), model.predict_proba(texts))  # type: ignore[attr-defined]
    if given == "unfitted":
        assert not representation.is_fitted
        assert model.module_.words.width == 4


def test_one_hot_is_a_free_embedding() -> None:
    one_hot = OneHot().fit(["a fine film"])
    model = CNN(**TINY, representation=one_hot, embedding=9).fit(TEXTS, LABELS)
    words = model.module_.words
    assert words.tuned is not None
    assert words.tuned.shape == (len(model.vocabulary_), 9)
    plain = CNN(**TINY, embedding=9).fit(TEXTS, LABELS)
    assert np.array_equal(model.predict_proba(TEXTS), plain.predict_proba(TEXTS))
    for tune in ("frozen", "multichannel"):
        with pytest.raises(HyperParameterError, match=f"tune={tune}: one-hot vectors cannot be frozen"):
            CNN(**TINY, representation=one_hot, tune=tune).fit(TEXTS, LABELS)


def test_random_vectors_begin_in_their_range() -> None:
    model = CNN(**{**TINY, "lr": 1e-9}, embedding=50, embedding_range=0.1).fit(TEXTS, LABELS)
    matrix = model.module_.words.tuned
    assert matrix is not None
    assert 0.09 < float(matrix.detach().abs().max()) < 0.1001


def test_padding_is_never_trained() -> None:
    for model in (CNN(**TINY, embedding=6), LSTMClassifier(epochs=4, hidden=5, embedding=6, weight_decay=0.1)):
        matrix = model.fit(TEXTS, LABELS).module_.words.tuned
        assert matrix is not None
        assert not matrix[1].any()


def test_unknown_words_are_learnt_from_once_seen_ones() -> None:
    texts = [*TEXTS, *(f"zz{number} oh" for number in range(20))]
    labels = [*LABELS, *["good"] * 20]
    learnt, not_learnt = (
        CNN(**{**TINY, "epochs": 15}, embedding=8, unknown_rate=rate, valid_share=0.0).fit(texts, labels)
        for rate in (0.7, 0.0)
    )
    before, after = (model.predict_proba(["yy1"])[0, 1] for model in (not_learnt, learnt))
    assert after > before


def test_folders_that_hold_something_else(tmp_path: Path) -> None:
    CNN(**TINY, embedding=6).fit(TEXTS, LABELS).save(tmp_path / "cnn")
    with pytest.raises(HyperParameterError, match=r"is a classifier \(cnn\); expected a representation"):
        CNN(**TINY, representation=str(tmp_path / "cnn")).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="this vectors is not fitted"):
        CNN(**TINY, representation=Vectors()).fit(TEXTS, LABELS)


def test_dropout_on_the_input_is_off_when_scoring() -> None:
    source = torch.Generator().manual_seed(0)
    words = WordInput(torch.randn(6, 4, generator=source), dropout=0.5, dropout_word=0.5)
    ids = torch.tensor([[3, 4, 5, 1]])
    assert words.tuned is not None
    words.eval()
    assert torch.equal(words(ids, source), words.tuned[ids])
    words.train()
    dropped = words(ids, source)
    assert (dropped == 0).sum() > 4
    assert not dropped[0, 3].any()


def test_a_row_has_the_same_mask_in_any_group() -> None:
    words = WordInput(torch.rand(6, 4) + 1, torch.rand(6, 4) + 1, dropout=0.5)
    ids = torch.tensor([[3, 4, 1], [5, 1, 1], [2, 3, 4], [2, 1, 1]])
    together = words(ids, torch.Generator().manual_seed(3))
    groups = [Rows(ids[1::2, :1], torch.tensor([1, 3])), Rows(ids[::2], torch.tensor([0, 2]))]
    short, long = words.of_groups(groups, torch.Generator().manual_seed(3))
    assert torch.equal(short, together[1::2, :1])
    assert torch.equal(long, together[::2])
    assert 0 < (together[:, 0] == 0).sum() < 32


def test_the_fit_reports_its_stages(vectors: Vectors) -> None:
    class Stages:
        def __init__(self) -> None:
            self.names: list[str] = []
            self.done = 0.0

        def start(self, description: str, total: float | None = None) -> None:
            self.names.append(description)
            self.total = total
            self.done = 0.0

        def advance(self, amount: float) -> None:
            self.done += amount

    stages = Stages()
    CNN(**TINY, embedding=4, augment=1).fit(TEXTS, LABELS, run=RunOptions(progress=stages))
    assert stages.names == ["reading text", "augmentation", "training"]
    assert stages.done == stages.total
