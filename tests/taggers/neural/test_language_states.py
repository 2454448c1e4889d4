"""States of language models as features: they are used, kept or not, and saved with the tagger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit import LSTM, Corpus, TextPipeline, load
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.neural.states import token_states
from nlmkit.taggers.neural import language_states
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tokenization import Tokenization

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


def tagger(models: tuple[LanguageModel | str, ...]) -> BiLSTMTagger:
    return BiLSTMTagger(**SMALL, language_models=models)  # type: ignore[arg-type]


def test_states_are_read_and_saved(models: tuple[LSTM, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tagger(models).fit(TEXT, TAGS)
    assert model.module_.encoder.layers[0].inputs == 6 + 5 + 5
    entries = model.fit_report_["language_models"]
    assert [(entry["direction"], entry["token_coverage"]) for entry in entries] == [("forward", 1.0), ("backward", 1.0)]
    expected = model.predict_marginals(TEXT)
    model.save(tmp_path / "tagger")
    again = load(tmp_path / "tagger")
    assert isinstance(again, BiLSTMTagger)
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


def characters(lines: list[str]) -> LSTM:
    text = Corpus.read(lines, TextPipeline(tokenizer="char"))
    return LSTM(embedding=4, hidden=5, epochs=1, batch=2).fit(text)


def test_models_of_characters_read_words_spelled_out() -> None:
    lm = characters([" ".join(sentence) for sentence in TEXT])
    model = tagger((lm,)).fit(TEXT, TAGS)
    entry = model.fit_report_["language_models"][0]
    assert entry["character_coverage"] == 1.0
    assert "token_coverage" not in entry
    found = model.sentences_of(TaggedSentences(TEXT)).states(np.array([1]))  # type: ignore[misc]
    np.testing.assert_allclose(found, token_states(lm, TEXT[1:2], spaces=True), rtol=0, atol=1e-5)
    poor = tagger((characters(["xyz"]),)).fit(TEXT, TAGS)
    assert any("knows only 0% of the training characters" in note for note in poor.fit_report_["notes"])


def test_columns_of_characters_are_read_without_spaces() -> None:
    lm = characters(["北京 大学", "大学生"])
    sentences = [["北", "京"], ["大", "学", "生"]] * 2
    model = tagger((lm,)).fit(sentences, [["B", "E"], ["B", "M", "E"]] * 2)
    found = model.sentences_of(TaggedSentences(sentences)).states(np.array([1]))  # type: ignore[misc]
    np.testing.assert_allclose(found, token_states(lm, sentences[1:2], spaces=False), rtol=0, atol=1e-5)


def test_models_of_other_tokens_are_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = characters(["a"])
    monkeypatch.setattr(LSTM, "tokenization_", Tokenization("model(bilstm-tagger 1a2b3c4d5e6f7a8b)"))
    with pytest.raises(HyperParameterError, match=r"language_models: a model has the tokenizer model\("):
        tagger((lm,)).fit(TEXT, TAGS)
