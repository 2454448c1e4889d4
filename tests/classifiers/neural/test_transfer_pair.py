"""Classifiers that start from a backward language model, or from a forward and a backward one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import LABELS, TEXTS, padding_and_batches_change_nothing, saved_and_loaded_is_the_same

from nlmkit import LSTM, Corpus, HyperParameterError, RunOptions, SavedModelError, TextPipeline
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.documents.neural.encoders import PooledRecurrentEncoder
from nlmkit.documents.neural.transfer import after_sentence_end
from nlmkit.layers.recurrent_encoder import reversed_rows
from nlmkit.saving.state import FittedState

pytestmark = pytest.mark.slow

PIPELINE = TextPipeline(tokenizer="word", lowercase=True)
TINY: dict[str, Any] = {"epochs": 2, "batch": 8, "lr": 0.01}


def fitted(text: list[str], **options: Any) -> LSTM:
    given: dict[str, Any] = {"hidden": 8, "embedding": 6, "layers": 2, "epochs": 1, "batch": 4, **options}
    return LSTM(**given).fit(Corpus.read(text, PIPELINE))


@pytest.fixture(scope="module")
def forward() -> LSTM:
    return fitted([*TEXTS[:12], "the weather was grim ."])


@pytest.fixture(scope="module")
def backward() -> LSTM:
    return fitted([*TEXTS[:12], "the sea was rough ."], direction="backward", seed=7)


@pytest.fixture(scope="module")
def pair(forward: LSTM, backward: LSTM) -> LSTMClassifier:
    return LSTMClassifier(**TINY, start_from=(forward, backward), unfreeze="none", pooling="last").fit(TEXTS, LABELS)


def features(model: LSTMClassifier, text: str) -> np.ndarray[Any, Any]:
    documents, _ = model.documents_of(model.encode([text]))
    with torch.inference_mode():
        return model.module_.features(documents.batch(np.zeros(1, np.int64)))[0].numpy()


def end_of(lm: LSTM, text: str) -> np.ndarray[Any, Any]:
    """The hidden state before the end of the text, which a backward model, too, predicts last."""
    return np.asarray(next(iter(lm.hidden_states([text])))[-1])


def test_a_backward_model_is_read_backward(backward: LSTM, tmp_path: Path) -> None:
    model = LSTMClassifier(**TINY, start_from=backward, unfreeze="none", pooling="last").fit(TEXTS, LABELS)
    text = "a lovely qqq film"
    np.testing.assert_allclose(features(model, text), end_of(backward, text), atol=1e-6)
    saved_and_loaded_is_the_same(model, tmp_path)
    state = model.fitted_state()
    with pytest.raises(SavedModelError, match="reads_backward is wrong"):
        model.restore(FittedState(state.arrays, {**state.metadata, "reads_backward": 1}))


def test_both_of_a_pair_read_as_they_did(forward: LSTM, backward: LSTM, pair: LSTMClassifier) -> None:
    text = "a lovely qqq film"
    wanted = np.concatenate([end_of(forward, text), end_of(backward, text)])
    np.testing.assert_allclose(features(pair, text), wanted, atol=1e-6)
    np.testing.assert_allclose(
        features(pair, ""), np.concatenate([end_of(forward, ""), end_of(backward, "")]), atol=1e-6
    )


def test_words_of_both_are_known(forward: LSTM, backward: LSTM, pair: LSTMClassifier) -> None:
    words = pair.vocabulary_.words
    assert words[: len(forward.vocabulary_)] == forward.vocabulary_.words
    assert {"weather", "sea"} <= set(words)
    matrix = pair.module_.words.tuned
    assert matrix is not None
    ours, theirs = matrix.detach()[words.index("sea")], backward.module_.word_vectors()
    assert torch.equal(ours[:6], forward.module_.word_vectors()[0])
    assert torch.equal(ours[6:], theirs[backward.vocabulary_.words.index("sea")])


def test_padding_and_batches_change_nothing(pair: LSTMClassifier) -> None:
    padding_and_batches_change_nothing(pair)


def test_it_is_saved_with_both(pair: LSTMClassifier, tmp_path: Path) -> None:
    saved_and_loaded_is_the_same(pair, tmp_path)


def test_folders_in_any_order(forward: LSTM, backward: LSTM, pair: LSTMClassifier, tmp_path: Path) -> None:
    forward.save(tmp_path / "f")
    backward.save(tmp_path / "b")
    folders = (str(tmp_path / "b"), str(tmp_path / "f"))
    other = LSTMClassifier(**TINY, start_from=folders, unfreeze="none", pooling="last").fit(TEXTS, LABELS)
    assert np.array_equal(other.predict_proba(TEXTS), pair.predict_proba(TEXTS))


def test_layers_of_both_are_one_part(forward: LSTM, backward: LSTM) -> None:
    options = {**TINY, "epochs": 2, "valid_share": 0.0, "pooling": "concat"}
    model = LSTMClassifier(**options, start_from=(forward, backward), unfreeze="gradual").fit(TEXTS, LABELS)
    module = model.module_
    assert [name for name, _ in module.parts()] == ["words", "layer 1", "layer 2", "output"]
    encoder = module.encoder
    assert isinstance(encoder, PooledRecurrentEncoder)
    assert encoder.twin is not None
    assert encoder.width == 2 * 3 * 8
    for lm, stack in ((forward, encoder.encoder), (backward, encoder.twin)):
        old, new = lm.module_.body.state_dict(), stack.state_dict()
        moved = {name for name, weights in old.items() if not torch.equal(weights, new[name])}
        assert {name.split(".")[1] for name in moved} == {"1"}


def test_both_are_tuned(forward: LSTM, backward: LSTM) -> None:
    model = LSTMClassifier(**TINY, start_from=(forward, backward), lm_epochs=1, unfreeze="none").fit(TEXTS, LABELS)
    report = model.fit_report_["language_model"]
    assert [*report] == ["forward", "backward"]
    assert report["backward"]["digest"] == backward.digest
    assert all(each["tuned"]["epochs"] == 1 for each in report.values())


def test_of_a_budget_each_gets_a_quarter(forward: LSTM, backward: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    fit = LSTM.fit

    def noted(self: LSTM, *data: Any, run: RunOptions, **more: Any) -> LSTM:
        seen.append((self.direction, run.budget_seconds))
        return fit(self, *data, **more)

    monkeypatch.setattr(LSTM, "fit", noted)
    model = LSTMClassifier(**TINY, start_from=(forward, backward), lm_epochs=1)
    model.fit(TEXTS, LABELS, run=RunOptions(budget_seconds=8.0))
    assert seen == [("forward", 2.0), ("backward", 2.0)]


def test_the_preset_is_ulmfit(forward: LSTM, backward: LSTM) -> None:
    given = {**TINY, "preset": "ulmfit", "lm_epochs": 1}
    model = LSTMClassifier(**given, start_from=(forward, backward)).fit(TEXTS, LABELS)
    assert (model.layer_rate, model.unfreeze, model.pooling, model.dense) == (2.6, "gradual", "concat", 50)
    assert model.fit_report_["language_model"]["forward"]["tuned"]["epochs"] == 1
    with pytest.raises(HyperParameterError, match="preset=ulmfit tunes a language model: set start_from"):
        LSTMClassifier(preset="ulmfit").fit(TEXTS, LABELS)


def test_other_lists_are_refused(forward: LSTM, backward: LSTM) -> None:
    wide = fitted(TEXTS[:6], hidden=9, direction="backward")
    for given, message in (
        ((forward,), "has 1 language models"),
        ((forward, backward, forward), "has 3 language models"),
        ((forward, forward), "both language models in start_from read forward"),
        ((backward, backward), "both language models in start_from read backward"),
        ((forward, wide), r"differ in size: units \[8, 8\] and \[9, 9\]"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            LSTMClassifier(**TINY, start_from=given).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="bidirectional=False: a language model"):
        LSTMClassifier(**TINY, start_from=(forward, backward), bidirectional=False).fit(TEXTS, LABELS)


def test_reversal() -> None:
    rows = torch.tensor([[1, 2, 3, 0], [5, 0, 0, 0], [0, 0, 0, 0]]).unsqueeze(2).float()
    lengths = torch.tensor([3, 1, 0])
    assert reversed_rows(rows, lengths)[:, :, 0].tolist() == [[3, 2, 1, 0], [5, 0, 0, 0], [0, 0, 0, 0]]
    assert reversed_rows(rows, lengths, kept=1)[:, :, 0].tolist() == [[1, 3, 2, 0], [5, 0, 0, 0], [0, 0, 0, 0]]
    documents = after_sentence_end(np.array([5, 6, 7, 8]), np.array([0, 3, 3, 4]), backward=True)
    assert documents.ids.tolist() == [2, 7, 6, 5, 2, 2, 8]
