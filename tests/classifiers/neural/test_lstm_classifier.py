"""The LSTM classifier: poolings, both directions, padding, sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.classifiers import (
    LABELS,
    TEXTS,
    learns,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit import HyperParameterError, SavedModelError
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.saving.state import FittedState

TINY: dict[str, Any] = {"embedding": 10, "hidden": 8, "epochs": 25, "batch": 8, "lr": 0.02}


@pytest.fixture(scope="module")
def stacked() -> LSTMClassifier:
    return LSTMClassifier(**{**TINY, "epochs": 10}, layers=2, pooling="concat", dense=6).fit(TEXTS, LABELS)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_it_learns_a_tiny_set(pooling: str) -> None:
    learns(LSTMClassifier(**TINY, pooling=pooling))


def test_one_direction() -> None:
    found = LSTMClassifier(**{**TINY, "epochs": 2}, bidirectional=False).fit(TEXTS, LABELS)
    assert found.fit_report_["parameters_by_part"]["layer 1"] == 4 * (8 * (10 + 8) + 8)
    assert found.module_.encoder.width == 8
    texts = [*TEXTS[:3], "", "fine"]
    alone = np.concatenate([found.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(found.predict_proba(texts), alone, rtol=0, atol=1e-5)


def test_equal_seeds_give_equal_bytes() -> None:
    options = {**TINY, "epochs": 2, "layers": 2, "dropout_hidden": 0.3, "weight_drop": 0.2, "dropout_word": 0.1}
    seeds_decide(lambda seed: LSTMClassifier(**options, seed=seed).fit(TEXTS, LABELS))


def test_padding_and_batch_size_change_nothing(stacked: LSTMClassifier) -> None:
    padding_and_batches_change_nothing(stacked)


def test_a_saved_classifier_loads_equal(stacked: LSTMClassifier, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(stacked, tmp_path)


def test_parts_from_below(stacked: LSTMClassifier) -> None:
    assert list(stacked.fit_report_["parameters_by_part"]) == ["words", "layer 1", "layer 2", "dense", "output"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unfreeze": "none"}, "unfreeze=none has no effect: it needs start_from"),
        ({"lm_epochs": 1}, "lm_epochs=1 has no effect"),
        ({"dropout_hidden": 0.2}, "dropout_hidden=0.2 has no effect"),
    ],
)
def test_contradictions_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        LSTMClassifier(**TINY, **options).fit(TEXTS, LABELS)


def test_sizes_that_contradict_the_arrays_are_refused(stacked: LSTMClassifier) -> None:
    state = stacked.fitted_state()
    copy = LSTMClassifier(**TINY, layers=2)
    copy.vocabulary_, copy.pipeline_ = stacked.vocabulary_, stacked.pipeline_
    with pytest.raises(SavedModelError, match="sizes of its layers"):
        copy.restore(FittedState(state.arrays, {**state.metadata, "units": [10**9]}))
