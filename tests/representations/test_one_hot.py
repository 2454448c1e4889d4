"""One-hot vectors: nothing is stored, and everything is computed as if it were."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nlmkit.core.storage import describe, load
from nlmkit.errors import DataError, ExportError, HyperParameterError, NlmkitError, SavedModelError
from nlmkit.representations.one_hot import OneHot
from nlmkit.saving.state import FittedState

TEXT = [["the", "cat", "and", "the", "dog"], [], ["a", "cat"]]


def test_the_matrix_is_the_identity() -> None:
    fitted = OneHot().fit(TEXT)
    assert fitted.vocabulary_.words == ("<unk>", "<s>", "</s>", "the", "cat", "and", "dog", "a")
    assert fitted.vocabulary_.counts.tolist() == [0, 0, 3, 2, 2, 1, 1, 1]
    assert fitted.dimension == 8
    assert fitted.matrix.dtype == np.float32
    np.testing.assert_array_equal(fitted.matrix.toarray(), np.eye(8))
    np.testing.assert_array_equal(fitted.vectors(["dog", "the", "<unk>"]), np.eye(8)[[6, 3, 0]])
    assert fitted.fit_report_ == {"words": 5, "tokens": 7}


def test_limits_of_the_vocabulary() -> None:
    assert OneHot(min_count=2).fit(TEXT).vocabulary_.words[3:] == ("the", "cat")
    assert OneHot(vocabulary_size=1).fit(TEXT).vocabulary_.words[3:] == ("the",)


def test_every_word_is_as_far_from_every_other() -> None:
    fitted = OneHot().fit(TEXT)
    assert fitted.similarity("cat", "dog") == 0
    assert fitted.similarity("cat", "cat") == 1
    assert fitted.similarity("cat", "dog", "euclidean") == pytest.approx(1 / (1 + 2**0.5))
    assert fitted.most_similar("cat", 9) == [("the", 0.0), ("and", 0.0), ("dog", 0.0), ("a", 0.0)]
    euclidean = fitted.most_similar("cat", 9, measure="euclidean")
    assert [word for word, _ in euclidean] == ["the", "and", "dog", "a"]
    assert {value for _, value in euclidean} == {1 / (1 + 2**0.5)}
    assert [word for word, _ in fitted.analogy("cat", "dog", "the", 2)] == ["and", "a"]
    assert fitted.analogy("cat", "dog", "the", 1, method="3cosmul")[0][1] == pytest.approx(0.25 / 0.501)


def test_a_large_vocabulary_is_never_squared(tmp_path: Path) -> None:
    fitted = OneHot().fit([[f"w{index}" for index in range(50_000)]])
    tracemalloc.start()
    try:
        assert fitted.similarity("w1", "w2") == 0
        assert len(fitted.most_similar("w5")) == 10
        fitted.save(tmp_path / "m")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20  # squared, it would be 10 GB
    finally:
        tracemalloc.stop()
    assert describe(tmp_path / "m")["bytes"] < 1 << 20
    with pytest.raises(DataError, match=r"never stored: 50000 would take 10000600000 bytes; use ids"):
        fitted.vectors(fitted.vocabulary_.words[3:])


def test_saved_and_loaded(tmp_path: Path) -> None:
    fitted = OneHot(min_count=2).fit(TEXT)
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again, OneHot)
    assert (again.dimension, again.digest, again.fit_report_) == (5, fitted.digest, fitted.fit_report_)
    with pytest.raises(SavedModelError, match="fit_report is missing from its metadata"):
        again.restore(FittedState({}, {}))


def test_what_would_square_the_vocabulary_is_refused(tmp_path: Path) -> None:
    fitted = OneHot().fit(TEXT)
    with pytest.raises(ExportError, match="never stored: save the model, or learn a dense"):
        fitted.export(tmp_path / "v.vec")
    with pytest.raises(ExportError, match="one-hot vectors are as long as the vocabulary and are never stored"):
        fitted.to_keyed_vectors()
    with pytest.raises(NlmkitError, match="one-hot vectors are as long as the vocabulary and are never stored"):
        fitted.normalized("unit")
    assert not list(tmp_path.iterdir())


def test_wrong_input_is_refused() -> None:
    with pytest.raises(DataError, match="the training text has no words"):
        OneHot().fit([[]])
    with pytest.raises(DataError, match="min_count=9 removes all words"):
        OneHot(min_count=9).fit(TEXT)
    with pytest.raises(HyperParameterError, match="one-hot does not use validation text: omit it"):
        OneHot().fit(TEXT, valid=TEXT)


def test_without_scipy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = OneHot().fit(TEXT)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(NlmkitError, match=r"pip install 'nlmkit\[representations\]'"):
        fitted.vectors(["cat"])
    assert fitted.align(fitted.vocabulary_).known.all()  # which a consumer needs alone
