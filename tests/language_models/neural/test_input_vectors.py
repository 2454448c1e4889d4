"""Representations as the input layer of neural language models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlmkit import HyperParameterError, load
from nlmkit.errors import DataError
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.language_models.ngram.model import NGram
from nlmkit.representations.lsa.model import LSA
from nlmkit.representations.one_hot import OneHot
from nlmkit.representations.vectors import Vectors

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "the bird sees the cat"] * 3
VALID = ["a cat sings"]
TINY: dict[str, Any] = {"hidden": 6, "epochs": 2, "batch": 4, "lr": 0.02}
MODELS = (LSTM, GRU, RNNLM, NNLM)
KNOWN = {
    "the": [0.1, 0.2, 0.3],
    "cat": [-0.1, 0.4, 0.0],
    "dog": [0.2, -0.3, 0.1],
    "sees": [0.0, 0.1, -0.2],
    "elk": [0.5, 0.5, 0.5],
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors().fit({word: np.array(values, np.float32) for word, values in KNOWN.items()})


def read(lm: NeuralLanguageModel, word: str) -> Any:
    return lm.module_.word_vectors()[lm.vocabulary_.id(word)].numpy()


@pytest.mark.parametrize("cls", MODELS)
def test_frozen_vectors_stay_and_the_output_has_weights_of_its_own(
    cls: type[NeuralLanguageModel], vectors: Vectors
) -> None:
    lm = cls(**TINY, representation=vectors, tune="frozen").fit(TRAIN)
    for word in ("the", "cat", "dog", "sees"):
        np.testing.assert_array_equal(read(lm, word), np.array(KNOWN[word], np.float32))
    assert lm.module_.words.weight.shape[1] == 3
    assert not any(weight is lm.module_.words.weight for weight in lm.module_.output.parameters())
    assert np.exp(lm.next_log_probs(lm.start())).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("cls", MODELS)
def test_fine_tuned_vectors_start_there_and_move(cls: type[NeuralLanguageModel], vectors: Vectors) -> None:
    still = cls(**{**TINY, "lr": 1e-12}, representation=vectors).fit(TRAIN)
    moved = cls(**TINY, representation=vectors).fit(TRAIN)
    for word in ("the", "cat"):
        np.testing.assert_allclose(read(still, word), KNOWN[word], atol=1e-7)
        assert np.abs(read(moved, word) - KNOWN[word]).max() > 1e-3


def test_without_projection_the_width_of_the_vectors_counts(vectors: Vectors) -> None:
    frozen = LSTM(**TINY, representation=vectors, tune="frozen", projection="none").fit(TRAIN)
    assert frozen.module_.projection is None
    tied = LSTM(**{**TINY, "hidden": 3}, representation=vectors, projection="none").fit(TRAIN)
    assert tied.module_.words.weight.shape[1] == 3
    with pytest.raises(HyperParameterError, match="hidden=6 and vectors of width 3 require a projection"):
        LSTM(**TINY, representation=vectors, projection="none").fit(TRAIN)


def test_coverage_is_reported_by_type_and_token(vectors: Vectors) -> None:
    report = LSTM(**TINY, representation=vectors, oov="zero").fit(TRAIN).fit_report_["input"]
    assert (report["representation"], report["digest"], report["tune"]) == ("vectors", vectors.digest, "fine-tune")
    types = {word for line in TRAIN for word in line.split()}
    tokens = [word for line in TRAIN for word in line.split()]
    assert report["type_coverage"] == pytest.approx(len(types & set(KNOWN)) / len(types))
    assert report["token_coverage"] == pytest.approx(sum(word in KNOWN for word in tokens) / len(tokens))
    json.dumps(report)


@pytest.fixture
def elsewhere() -> Vectors:
    """Vectors of words that the text does not have."""
    return Vectors().fit({word: [1.0, float(number), 0.5] for number, word in enumerate(("x", "y", "THE"))})


@pytest.mark.parametrize("cls", MODELS)
def test_frozen_vectors_of_none_of_the_words_are_refused(cls: type[NeuralLanguageModel], elsewhere: Vectors) -> None:
    words = len({word for line in TRAIN for word in line.split()})
    problem = f"covers none of the {words} words of the training text, and tune=frozen trains none: see whether"
    with pytest.raises(DataError, match=problem):
        cls(**TINY, representation=elsewhere, tune="frozen").fit(TRAIN)


def coverage(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The notes on the representation, of all that a fit notes."""
    return [message for message in caplog.messages if message.startswith("the representation")]


def test_poor_coverage_is_noted(
    elsewhere: Vectors, vectors: Vectors, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    LSTM(**TINY, representation=elsewhere).fit(TRAIN)
    (message,) = coverage(caplog)
    assert message.startswith("the representation covers only 0% of the training words: ")
    caplog.clear()
    LSTM(**TINY, representation=vectors, tune="frozen").fit(TRAIN)
    assert coverage(caplog) == []
    monkeypatch.setattr("nlmkit.representations.alignment.POOR_COVERAGE", 0.99)
    LSTM(**TINY, representation=vectors, tune="frozen").fit(TRAIN)
    assert len(coverage(caplog)) == 1


def test_words_that_differ_by_case_are_told(vectors: Vectors, caplog: pytest.LogCaptureFixture) -> None:
    loud = ["THE CAT SEES THE DOG", "THE DOG SEES A CAT"] * 4
    LSTM(**TINY, representation=vectors).fit(loud)
    (message,) = coverage(caplog)
    assert message.endswith(
        "covers only 0% of the training words: it covers 90% of them in lower case, so add --lowercase"
    )
    with pytest.raises(DataError, match="90% of them in lower case, so add --lowercase, or set tune=fine-tune"):
        LSTM(**TINY, representation=vectors, tune="frozen").fit(loud)


def test_words_that_lack_a_vector_follow_the_rule(vectors: Vectors) -> None:
    zero = LSTM(**TINY, representation=vectors, tune="frozen", oov="zero").fit(TRAIN)
    np.testing.assert_array_equal(read(zero, "bird"), 0)
    uniform = [LSTM(**TINY, seed=s, representation=vectors, tune="frozen").fit(TRAIN) for s in (1, 1, 2)]
    birds = [read(lm, "bird") for lm in uniform]
    np.testing.assert_array_equal(birds[0], birds[1])
    assert np.abs(birds[0] - birds[2]).max() > 0
    with pytest.raises(DataError, match=r"bird|sings|a"):
        LSTM(**TINY, representation=vectors, oov="error").fit(TRAIN)


def test_normalization_is_applied_before(vectors: Vectors) -> None:
    lm = LSTM(**TINY, representation=vectors, tune="frozen", normalization="unit").fit(TRAIN)
    wanted = np.array(KNOWN["cat"], np.float32) / np.linalg.norm(KNOWN["cat"])
    np.testing.assert_allclose(read(lm, "cat"), wanted, rtol=1e-6)


def test_one_hot_is_a_free_embedding() -> None:
    free = LSTM(**TINY, embedding=5).fit(TRAIN)
    lm = LSTM(**TINY, embedding=5, representation=OneHot().fit(TRAIN)).fit(TRAIN)
    assert lm.module_.words.weight.shape[1] == 5
    np.testing.assert_array_equal(lm.log_probs(VALID), free.log_probs(VALID))
    with pytest.raises(HyperParameterError, match="one-hot as input is an embedding that must be trained"):
        LSTM(**TINY, representation=OneHot().fit(TRAIN), tune="frozen").fit(TRAIN)
    with pytest.raises(HyperParameterError, match="oov=zero has no effect"):
        LSTM(**TINY, representation=OneHot().fit(TRAIN), oov="zero").fit(TRAIN)


@pytest.mark.parametrize("tune", ["frozen", "fine-tune"])
@pytest.mark.parametrize("given", ["component", "folder"])
def test_saved_and_moved_it_is_the_same(given: str, tune: str, vectors: Vectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "vectors")
    chosen: Any = vectors if given == "component" else str(tmp_path / "vectors")
    lm = LSTM(**TINY, representation=chosen, tune=tune).fit(TRAIN, valid=VALID)
    lm.save(tmp_path / "lm")
    for file in (tmp_path / "vectors").iterdir():
        file.unlink()
    (tmp_path / "lm").rename(tmp_path / "moved")
    again = load(tmp_path / "moved")
    assert isinstance(again, LSTM)
    assert again.digest == lm.digest
    np.testing.assert_array_equal(again.log_probs(VALID), lm.log_probs(VALID))
    if given == "component":
        assert isinstance(again.representation, Vectors)
        np.testing.assert_array_equal(again.representation.matrix, vectors.matrix)


def test_training_goes_on_from_a_model_with_given_vectors(vectors: Vectors) -> None:
    first = LSTM(**TINY, representation=vectors).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="start_from was fitted with embedding=3: set the same"):
        LSTM(**TINY, start_from=first).fit(TRAIN)
    second = LSTM(**TINY, embedding=3, start_from=first).fit([*TRAIN, "the gnu sings"])
    assert "gnu" in second.vocabulary_
    frozen = LSTM(**TINY, representation=vectors, tune="frozen").fit(TRAIN)
    LSTM(**TINY, embedding=3, tied=False, start_from=frozen).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="do not set representation"):
        LSTM(**TINY, start_from=first, representation=vectors).fit(TRAIN)


def test_what_is_no_fitted_representation_of_the_width_is_refused(vectors: Vectors, tmp_path: Path) -> None:
    NGram(order=2).fit(TRAIN).save(tmp_path / "ngram")
    with pytest.raises(HyperParameterError, match=r"is a language-model \(ngram\); expected a representation"):
        LSTM(**TINY, representation=str(tmp_path / "ngram")).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="this vectors is not fitted and does not learn from text"):
        LSTM(**TINY, representation=Vectors()).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="embedding=7, but the representation's vectors have 3"):
        LSTM(**TINY, embedding=7, representation=vectors).fit(TRAIN)
    LSTM(**TINY, embedding=3, representation=vectors).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="tune=frozen has no effect"):
        LSTM(**TINY, tune="frozen").fit(TRAIN)


@pytest.mark.parametrize("tune", ["frozen", "fine-tune"])
def test_a_representation_that_is_not_fitted_is_fitted_on_the_training_text(tune: str, tmp_path: Path) -> None:
    unfitted = LSA(dimension=3, min_count=1)
    lm = LSTM(**TINY, representation=unfitted, tune=tune).fit(TRAIN, valid=VALID)
    assert not unfitted.is_fitted
    by_hand = LSTM(**TINY, representation=LSA(dimension=3, min_count=1).fit(TRAIN), tune=tune).fit(TRAIN, valid=VALID)
    assert np.array_equal(lm.log_probs(VALID), by_hand.log_probs(VALID))
    assert lm.fit_report_["input"] == by_hand.fit_report_["input"]
    lm.save(tmp_path / "lm")
    loaded = load(tmp_path / "lm")
    assert np.array_equal(loaded.log_probs(VALID), lm.log_probs(VALID))  # type: ignore[attr-defined]
    assert loaded.digest == lm.digest
    assert not loaded.representation.is_fitted  # type: ignore[attr-defined]


def test_softmax_auto_follows_the_size_of_the_vocabulary() -> None:
    from nlmkit.layers.softmax import AdaptiveSoftmax, FullSoftmax

    sizes: dict[str, Any] = {**TINY, "embedding": 4}
    full = LSTM(**sizes).fit(TRAIN)
    assert isinstance(full.module_.output, FullSoftmax)
    adaptive = LSTM(**sizes, softmax_head=3).fit(TRAIN)
    assert isinstance(adaptive.module_.output, AdaptiveSoftmax)
    smoothed = LSTM(**sizes, softmax_head=3, label_smoothing=0.1).fit(TRAIN)
    assert isinstance(smoothed.module_.output, FullSoftmax)
    named = LSTM(**sizes, softmax="full").fit(TRAIN)
    np.testing.assert_array_equal(named.log_probs(VALID), full.log_probs(VALID))
    assert isinstance(LSTM(**sizes, softmax="full", start_from=full).fit(TRAIN).module_.output, FullSoftmax)
    first = LSTM(**sizes, softmax_head=5).fit(TRAIN)
    assert isinstance(first.module_.output, FullSoftmax)
    with pytest.raises(HyperParameterError, match="set softmax=full"):
        LSTM(**sizes, softmax_head=5, start_from=first).fit([*TRAIN, "the gnu sings"])
    LSTM(**sizes, softmax="full", start_from=first).fit([*TRAIN, "the gnu sings"])
