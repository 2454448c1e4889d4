"""Very long texts: batches with a bound, the same gradients in parts, ``max_length``."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys.classifiers import LABELS, TEXTS

from nlmkit import load
from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.classifiers.neural.han import HAN
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.classifiers.neural.lstm_cnn import LSTMCNN
from nlmkit.documents.neural import batching, task
from nlmkit.documents.neural.batching import PART_WORDS, Batch, Documents, parts_of_batch
from nlmkit.documents.neural.module import TextModule
from nlmkit.training.gradient import GradientStepper

CLASSIFIERS = (CNN, LSTMClassifier, LSTMCNN, HAN)
SMALL: dict[str, Any] = {"embedding": 4, "batch": 50, "epochs": 1, "valid_share": 0.0, "unknown_rate": 0.0}
SIZES: dict[type, dict[str, Any]] = {
    CNN: {"maps": 2},
    LSTMClassifier: {"hidden": 3},
    LSTMCNN: {"hidden": 3, "maps": 2},
    HAN: {"hidden": 3, "attention": 3},
}
NO_MASKS = {"dropout": 0.0, "dropout_input": 0.0, "clip_norm": None}
NO_OWN_MASKS: dict[type, dict[str, Any]] = {
    CNN: {"dropout_word": 0.0},
    LSTMClassifier: {},
    LSTMCNN: {"dropout_output": 0.0},
    HAN: {"dropout_sentence": 0.0},
}


def of_lengths(lengths: list[int]) -> Documents:
    return Documents.whole(np.full(sum(lengths), 5), np.append(0, np.cumsum(lengths)))


# ------------------------------------------------------------------------------------------------------------ parts


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 60), st.integers(1, 300))
def test_parts_hold_every_document_of_the_batch_once_and_few_words(lengths: list[int], part: int, whole: int) -> None:
    documents = of_lengths(lengths)
    chosen = np.arange(len(lengths))[::-1]
    parts = parts_of_batch(documents, chosen, whole=whole, part=part)
    assert sorted(np.concatenate(parts).tolist()) == sorted(chosen.tolist())
    if documents.padded(chosen) <= whole:
        assert [each.tolist() for each in parts] == [chosen.tolist()]
    else:
        assert all(len(each) == 1 or documents.padded(each) <= part for each in parts)


def test_many_sentences_count_as_padding_too() -> None:
    sentences = [30_000, *[1] * 49]  # of one word each
    documents = Documents(np.full(sum(sentences), 5), np.arange(sum(sentences) + 1), np.append(0, np.cumsum(sentences)))
    chosen = np.arange(50)
    assert documents.padded(chosen) == sum(sentences)
    assert documents.cells(chosen) == sum(sentences) + 50 * 30_000
    parts = parts_of_batch(documents, chosen)
    assert sorted(map(len, parts)) == [1, 49]


@pytest.mark.slow
@pytest.mark.parametrize("cls", CLASSIFIERS)
@pytest.mark.parametrize("mark", [" ", " . "])
def test_one_long_text_pads_no_other(cls: type[NeuralClassifier], mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither words nor, in ``han``, sentences are padded to a text of 6,000 words, in training or prediction."""
    seen: list[int] = []
    forward = TextModule.forward

    def watched(self: TextModule, batch: Batch) -> torch.Tensor:
        padded = sum(rows.ids.numel() for rows in batch.groups)
        seen.append(padded + len(batch.sentences) * int(batch.sentences.max()))
        return forward(self, batch)

    monkeypatch.setattr(TextModule, "forward", watched)
    texts, labels = [*TEXTS, mark.join(["word"] * 3_000) + mark], [*LABELS, "good"]
    monkeypatch.setattr(task, "parts_of_batch", functools.partial(parts_of_batch, whole=20_000, part=4_096))
    classifier = cls(**SMALL, **SIZES[cls]).fit(texts, labels)
    assert max(seen) <= 2 * 6_000
    seen.clear()
    classifier.predict(texts)
    assert max(seen) <= 2 * 8_192


def test_a_wide_network_reads_fewer_words_at_once() -> None:
    """The bound is one of memory: 1.6 GB, whatever the network, and never less than an ordinary batch of sentences."""
    documents = of_lengths([2_700] * 50)
    chosen = np.arange(50)
    assert len(parts_of_batch(documents, chosen, floats=2_800)) == 1
    for floats, most in ((5_296, 32_768), (40_000, 10_000), (10**9, 8_192)):
        parts = parts_of_batch(documents, chosen, floats=floats)
        assert sorted(np.concatenate(parts).tolist()) == chosen.tolist()
        assert max(map(documents.cells, parts)) == most // 2_700 * 2_700
    assert len(parts_of_batch(of_lengths([160] * 50), chosen, floats=10**9)) == 1


def test_the_memory_of_a_network_counts_its_vectors_and_units(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def watched(documents: Documents, chosen: Any, *, floats: int) -> Any:
        given.append(floats)
        return parts_of_batch(documents, chosen, floats=floats)

    monkeypatch.setattr(task, "parts_of_batch", watched)
    CNN(**SMALL, maps=2).fit(TEXTS, LABELS)
    assert set(given) == {4 * 4}
    given.clear()
    LSTMClassifier(**SMALL, hidden=3, layers=2).fit(TEXTS, LABELS)
    assert set(given) == {4 * 4 + 16 * 2 * 2 * 3}


def test_ordinary_batches_are_read_at_once() -> None:
    """The batches of every benchmark are one part, of filters 50 of IMDb's longest reviews, too: their bytes stay."""
    documents = of_lengths([2_711] * 50)
    assert len(parts_of_batch(documents, np.arange(50))) == 1
    of_an_lstm = 4 * 300 + 16 * 2 * 128
    assert len(parts_of_batch(of_lengths([1_400] * 50), np.arange(50), floats=of_an_lstm)) == 1
    longer = of_lengths([32_000, *[10] * 49])
    assert [len(part) for part in parts_of_batch(longer, np.arange(50))] == [49, 1]
    assert batching.WHOLE_WORDS >= 50 * 2_711
    assert PART_WORDS == 32_768


@pytest.mark.slow
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_the_gradients_of_parts_are_those_of_the_batch(
    cls: type[NeuralClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[np.ndarray[Any, Any]]] = []
    losses: list[float] = []
    add = GradientStepper._add_gradients

    def kept(self: Any, data: Any) -> Any:
        loss, carry = add(self, data)
        losses.append(float(loss))
        found.append([weight.grad.to_dense().numpy().copy() for weight in self.task.parameters()])
        return loss, carry

    monkeypatch.setattr(GradientStepper, "_add_gradients", kept)
    options = {**SMALL, **SIZES[cls], **NO_MASKS, **NO_OWN_MASKS[cls]}
    texts = [*TEXTS, "a long . " * 40 + "fine film"]
    for whole in (10**6, 1):
        parts = functools.partial(parts_of_batch, whole=whole, part=64)
        monkeypatch.setattr(task, "parts_of_batch", parts)
        cls(**options).fit(texts, [*LABELS, "bad"])
    at_once, in_parts = found
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    for whole_gradient, summed in zip(at_once, in_parts, strict=True):
        np.testing.assert_allclose(summed, whole_gradient, rtol=0, atol=1e-6)


# ---------------------------------------------------------------------------------------------------- max_length


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_only_the_first_tokens_are_read(
    cls: type[NeuralClassifier], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands behind ``max_length`` tokens changes nothing, and a note says how many texts were cut."""
    longer = [text + " qqq . zzz" for text in TEXTS]
    options = {**SMALL, **SIZES[cls], "max_length": 6}
    classifier = cls(**options).fit(longer, LABELS, valid=(longer[:3], LABELS[:3]))
    notes = classifier.fit_report_["notes"]
    assert "36 of 36 training texts are longer than max_length=6 tokens and were truncated" in notes
    assert "3 of 3 validation texts are longer than max_length=6 tokens and were truncated" in notes
    assert "qqq" not in classifier.vocabulary_
    classifier.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    assert loaded.max_length == 6
    assert loaded.digest == classifier.digest
    caplog.clear()  # of the notes of the fit
    with caplog.at_level(logging.WARNING, logger="nlmkit"):
        found = loaded.predict_proba(["a fine film , i say", "a fine film , i say qqq zzz"])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-6)
    assert caplog.messages == ["1 of 2 texts are longer than max_length=6 tokens and were truncated"]
    if hasattr(loaded, "highlights"):
        read = [word for word, _ in loaded.highlights("a fine film , i say qqq")]
        assert read == ["a", "fine", "film", ",", "i", "say"]


def test_the_default_length_leaves_saved_models_as_they_were(tmp_path: Path) -> None:
    """An added hyper-parameter at its default is in no manifest, so digests stay, and a model without it loads."""
    classifier = CNN(**SMALL, maps=2).fit(TEXTS, LABELS)
    classifier.save(tmp_path / "model")
    assert "max_length" not in (tmp_path / "model" / "manifest.json").read_text("utf-8")
    loaded: Any = load(tmp_path / "model")
    assert loaded.max_length == classifier.max_length == 32_768
    assert "max_length" in classifier.params_as_json()
    all_of_it = CNN(**SMALL, maps=2, max_length=None).fit(TEXTS, LABELS)
    assert all_of_it.digest != classifier.digest
    assert all_of_it.fit_report_["notes"] == classifier.fit_report_["notes"]
