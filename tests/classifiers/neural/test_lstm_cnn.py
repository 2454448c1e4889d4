"""The classifier with filters over an LSTM's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from layers.test_convolution import by_loops
from toys.classifiers import (
    LABELS,
    TEXTS,
    learns,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit.classifiers.neural.lstm_cnn import LSTMCNN

TINY: dict[str, Any] = {"embedding": 10, "hidden": 6, "maps": 5, "epochs": 25, "batch": 8, "lr": 0.02}


@pytest.fixture(scope="module")
def model() -> LSTMCNN:
    return LSTMCNN(**{**TINY, "epochs": 8}).fit(TEXTS, LABELS)


@pytest.mark.slow
def test_it_learns_a_tiny_set() -> None:
    learns(LSTMCNN(**TINY))


def test_outputs_beyond_the_end_are_zero_and_filters_see_the_rest(model: LSTMCNN) -> None:
    documents, _ = model.documents_of(model.encode(["a fine film", "", TEXTS[0]]))
    batch = documents.batch(np.arange(3))
    module, encoder = model.module_, model.module_.encoder
    with torch.no_grad():
        vectors = module.words(batch.ids, module.generator)
        outputs = encoder.encoder(vectors, batch.lengths, module.generator)  # type: ignore[operator]
        features = encoder(module.words, batch, module.generator)
    assert not outputs[0, 3:].any()
    assert not outputs[1].any()
    for row, length in enumerate(batch.lengths.tolist()):
        expected = by_loops(encoder.filters, outputs[row, :length].double().numpy())  # type: ignore[arg-type]
        np.testing.assert_allclose(features[row], expected, atol=1e-5)


def test_equal_seeds_give_equal_bytes() -> None:
    seeds_decide(lambda seed: LSTMCNN(**{**TINY, "epochs": 2, "seed": seed}).fit(TEXTS, LABELS))


def test_padding_and_batch_size_change_nothing(model: LSTMCNN) -> None:
    padding_and_batches_change_nothing(model)


def test_a_saved_classifier_loads_equal(model: LSTMCNN, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(model, tmp_path)


def test_highlights_are_of_the_words(model: LSTMCNN) -> None:
    found = model.highlights("a fine film")
    assert [word for word, _ in found] == ["a", "fine", "film"]
    assert any(value for _, value in found)
