"""States of language models as features: they are used, kept or not, and saved with the tagger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit import LSTM, load
from nlmkit.errors import HyperParameterError
from nlmkit.taggers.neural import language_states
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger

pytestmark = pytest.mark.slow

TEXT = [["a", "dog", "barks"], ["a", "cat", "sleeps"], ["the", "cat", "barks"]] * 2
TAGS = [["D", "N", "V"]] * 6

SMALL = {"embedding": 6, "hidden": 6, "epochs": 2, "batch": 4, "characters": "none"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[LSTM, str]:
    """A forward model, and the folder of a backward one."""
    forward, backward = (
        LSTM(embedding=4, hidden=5, layers=1, epochs=1, batch=2, direction=direction).fit(TEXT)
        for direction in ("forward", "backward")
    )
    folder = str(tmp_path_factory.mktemp("lm") / "backward")
    backward.save(folder)
    return forward, folder


def tagger(models: tuple[LSTM | str, ...]) -> BiLSTMTagger:
    return BiLSTMTagger(**SMALL, language_models=models)  # type: ignore[arg-type]


def test_states_are_read_and_saved(models: tuple[LSTM, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tagger(models).fit(TEXT, TAGS)
    assert model.module_.encoder.layers[0].inputs == 6 + 5 + 5
    entries = model.fit_report_["language_models"]
    assert [(entry["direction"], entry["token_coverage"]) for entry in entries] == [("forward", 1.0), ("backward", 1.0)]
    expected = model.predict_marginals(TEXT)
    model.save(tmp_path / "tagger")
    again = load(tmp_path / "tagger")
    assert again.digest == model.digest
    for one, two in zip(again.predict_marginals(TEXT), expected, strict=True):
        np.testing.assert_array_equal(one, two)
    monkeypatch.setattr(language_states, "IN_MEMORY", 0)  # states are calculated for each batch
    anew = tagger(models).fit(TEXT, TAGS)
    for one, two in zip(anew.predict_marginals(TEXT), expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_only_fitted_neural_models_have_states(models: tuple[LSTM, str]) -> None:
    from nlmkit import NGram

    with pytest.raises(HyperParameterError, match="expected a neural one"):
        tagger((NGram().fit(TEXT),)).fit(TEXT, TAGS)
    with pytest.raises(HyperParameterError, match="not fitted"):
        tagger((LSTM(),)).fit(TEXT, TAGS)
