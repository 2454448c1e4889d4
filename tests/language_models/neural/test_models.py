"""The four neural language models with their options: what each promises whatever it is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlmkit import Corpus, HyperParameterError, LanguageModel, load
from nlmkit.language_models.base import Context
from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.saving.hashing import arrays_sha256

pytestmark = pytest.mark.slow

CONTEXTS: tuple[Context, ...] = ("sentence", "stream")
TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 4
TEST = ["a dog sings", "", "the zebra sees the cat", "the " * 30 + "dog", "bird", "the cat sees the dog"]

TINY = {"hidden": 8, "embedding": 6, "epochs": 2, "batch": 4, "lr": 0.02}
VARIANTS: list[tuple[type[NeuralLanguageModel], dict[str, Any]]] = [
    (LSTM, {}),
    (LSTM, {"layers": 2, "layer_norm": True, "tied": False, "dropout_hidden": 0.2}),
    (LSTM, {"layers": 2, "projection": "last-layer", "weight_drop": 0.3, "ar": 1.0, "tar": 1.0}),
    (LSTM, {"softmax": "adaptive", "softmax_head": 4}),
    (LSTM, {"softmax": "sampled", "softmax_samples": 5}),
    (LSTM, {"vocabulary_size": 5, "zoneout": 0.1}),
    (GRU, {}),
    (GRU, {"layers": 2, "softmax": "class-factored", "dropout_recurrent": 0.2}),
    (RNNLM, {}),
    (RNNLM, {"tied": False, "softmax": "class-factored", "softmax_classes": 3, "layer_norm": True}),
    (NNLM, {"order": 3}),
    (NNLM, {"order": 2, "direct": True}),
    (NNLM, {"order": 4, "direct": True, "tied": False, "softmax": "adaptive", "softmax_head": 4}),
]
NAMES = [f"{cls.name}-{'-'.join(map(str, options.values())) or 'default'}" for cls, options in VARIANTS]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=VARIANTS, ids=NAMES)
def lm(request: pytest.FixtureRequest) -> NeuralLanguageModel:
    cls, options = request.param
    return cls(**{**TINY, **options}).fit(TRAIN, valid=["the dog sings", "a cat"])


def walked(lm: LanguageModel, text: list[str], context: Context) -> np.ndarray:
    """Log-probabilities by the state machine alone."""
    corpus, found, state = lm.encode(text), [], lm.start()
    for number in range(corpus.sentences):
        if context == "sentence":
            state = lm.start()
        begin, end = corpus.event_offsets[number : number + 2]
        for word_id in corpus.event_ids(lm.vocabulary_)[begin:end].tolist():
            found.append(lm.next_log_probs(state)[word_id])
            state = lm.advance(state, word_id)
    return np.array(found)


@pytest.mark.parametrize("context", CONTEXTS)
def test_batches_are_the_state_machine(lm: NeuralLanguageModel, context: Context) -> None:
    found = lm.log_probs(TEST, context=context)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, walked(lm, TEST, context), rtol=0, atol=1e-5)


@pytest.mark.parametrize("context", CONTEXTS)
def test_distributions_sum_to_one_and_hold_the_scores(lm: NeuralLanguageModel, context: Context) -> None:
    rows = np.concatenate(list(lm.distributions(TEST, context=context)))
    assert rows.shape == (lm.encode(TEST).events, len(lm.vocabulary_))
    assert (rows[:, 1] == -np.inf).all()
    assert np.isfinite(np.delete(rows, 1, axis=1)).all()
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=0, atol=1e-5)
    ids = lm.encode(TEST).event_ids(lm.vocabulary_)
    np.testing.assert_allclose(rows[np.arange(len(ids)), ids], lm.log_probs(TEST, context=context), rtol=0, atol=1e-5)


def test_batch_size_and_padding_change_nothing(lm: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = lm.log_probs(TEST)
    for padded_tokens, window in ((1, 1), (7, 3), (40, 8)):
        monkeypatch.setattr(scoring, "PADDED_TOKENS", padded_tokens)
        monkeypatch.setattr(scoring, "WINDOW", window)
        np.testing.assert_allclose(lm.log_probs(TEST), expected, rtol=0, atol=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr(scoring, "WINDOW", 5)
    in_windows = lm.log_probs(TEST, context="stream")
    monkeypatch.undo()
    np.testing.assert_allclose(in_windows, lm.log_probs(TEST, context="stream"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("context", CONTEXTS)
def test_later_words_change_no_earlier_score(lm: NeuralLanguageModel, context: Context) -> None:
    begin = ["a dog sings", "the cat"]
    expected = lm.log_probs([*begin, "bird"], context=context)[:6]
    for ending in (["dog dog dog dog", "sings"], ["the bird sees the cat and sings " * 5]):
        found = lm.log_probs([begin[0], f"{begin[1]} {ending[0]}", *ending[1:]], context=context)[:6]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert lm.log_probs(["a cat"], context=context)[0] != lm.log_probs(["the cat"], context=context)[0]


def test_a_stream_carries_on_where_a_sentence_begins_anew(lm: NeuralLanguageModel) -> None:
    sentence = lm.log_probs(["the dog sings", "bird sings"])
    stream = lm.log_probs(["the dog sings", "bird sings"], context="stream")
    np.testing.assert_allclose(stream[:4], sentence[:4], rtol=0, atol=1e-5)
    np.testing.assert_allclose(sentence[4:], lm.log_probs(["bird sings"]), rtol=0, atol=1e-5)
    # By the state machine: the second sentence follows the state that has read the first one's end.
    state = lm.start()
    for word in ("the", "dog", "sings", "</s>"):
        state = lm.advance(state, lm.vocabulary_.id(word))
    assert stream[4] == pytest.approx(lm.next_log_probs(state)[lm.vocabulary_.id("bird")], abs=1e-5)
    if getattr(lm, "order", 3) > 2:  # a bigram has forgotten the sentence before
        assert state != lm.start()
        assert abs(stream[4:] - sentence[4:]).max() > 1e-5
    else:
        assert state == lm.start()


def test_a_text_begins_with_the_zero_state_reading_the_end_mark(lm: NeuralLanguageModel) -> None:
    with torch.no_grad():
        output = lm.module_(torch.tensor([[2]]), lm.module_.initial_state(1))
        expected = lm.module_.output.all_log_probs(output.features[0]).numpy()[0]
    np.testing.assert_allclose(lm.next_log_probs(lm.start()), expected, rtol=0, atol=1e-6)
    for tensor, zero in zip(lm.module_.initial_state(1), lm.start().tensors, strict=True):
        assert tensor.shape == zero.shape
        assert lm.name == "nnlm" or not tensor.any()


def test_saved_and_loaded_it_is_the_same_to_the_last_bit(lm: NeuralLanguageModel, tmp_path: Path) -> None:
    lm.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert isinstance(loaded, type(lm))
    assert loaded.get_params() == lm.get_params()
    for context in CONTEXTS:
        assert np.array_equal(loaded.log_probs(TEST, context=context), lm.log_probs(TEST, context=context))
    assert arrays_sha256(loaded.fitted_state().arrays) == arrays_sha256(lm.fitted_state().arrays)
    assert loaded.digest == lm.digest
    assert loaded.start() == lm.start()
    loaded.save(tmp_path / "again")
    payloads = [sorted(path.name for path in (tmp_path / name).glob("*.safetensors")) for name in ("model", "again")]
    assert payloads[0] == payloads[1]


def test_the_same_seed_gives_the_same_bytes_and_another_others(lm: NeuralLanguageModel) -> None:
    def fitted(**changed: Any) -> NeuralLanguageModel:
        return type(lm)(**{**lm.get_params(), **changed}).fit(TRAIN, valid=["the dog sings", "a cat"])

    again, other = fitted(), fitted(seed=2)
    assert arrays_sha256(again.fitted_state().arrays) == arrays_sha256(lm.fitted_state().arrays)
    assert again.digest == lm.digest
    assert arrays_sha256(other.fitted_state().arrays) != arrays_sha256(lm.fitted_state().arrays)


def test_unusual_texts_are_scored(lm: NeuralLanguageModel) -> None:
    for context in CONTEXTS:
        assert lm.log_probs([], context=context).shape == (0,)
        assert np.isfinite(lm.log_probs(["zebra", "", "okapi zebra <unk>", ""], context=context)).all()
    assert math.isnan(lm.score([]))
    report = lm.report(["okapi sings the cat", ""])
    assert (report.events, report.oov) == (6, 2 if lm.vocabulary_size else 1)
    assert f"unk:{lm.unknown_rule}" in report.signature


def test_hidden_states_are_those_of_the_states(lm: NeuralLanguageModel) -> None:
    for context in CONTEXTS:
        chunks = list(lm.hidden_states(TEST, context=context))
        assert [len(chunk) for chunk in chunks] == np.diff(lm.encode(TEST).event_offsets).tolist()
        state = lm.start()
        np.testing.assert_allclose(chunks[0][0], state.hidden, atol=1e-6)
        for word in ("a", "dog", "sings"):
            state = lm.advance(state, lm.vocabulary_.id(word))
        np.testing.assert_allclose(chunks[0][3], state.hidden, atol=1e-6)
        assert chunks[0].dtype == np.float32


def test_it_generates_words_of_the_vocabulary(lm: NeuralLanguageModel) -> None:
    words = lm.generate(max_tokens=12, seed=3, prompt="the cat")
    assert words == lm.generate(max_tokens=12, seed=3, prompt="the cat")
    assert set(words) <= set(lm.vocabulary_.words[3:])


def test_training_teaches(lm: NeuralLanguageModel) -> None:
    learned = type(lm)(**{**lm.get_params(), "epochs": 15}).fit(TRAIN, valid=TRAIN)
    assert learned.perplexity(TRAIN) < lm.perplexity(TRAIN) < len(lm.vocabulary_)


# ---------------------------------------------------------------------------------------------- parameter counts

V = Corpus.read(TRAIN)
WORDS = len(V.types) + 3  # <unk>, <s> and </s> too
OUTPUT = WORDS - 1  # all but <s>


@pytest.mark.parametrize(
    ("cls", "options", "expected"),
    [
        (LSTM, {"hidden": 128, "embedding": 256}, {"lstm 1": 197_120, "projection": 128 * 256 + 256}),
        (LSTM, {"layers": 2, "hidden": 6}, {"lstm 1": 4 * (6 * 12 + 6), "lstm 2": 4 * (6 * 12 + 6), "output": OUTPUT}),
        (LSTM, {"layers": 2, "projection": "last-layer"}, {"lstm 1": 4 * (8 * 14 + 8), "lstm 2": 4 * (6 * 14 + 6)}),
        (GRU, {"hidden": 128, "embedding": 256}, {"gru 1": 197_120 * 3 // 4, "words": 256 * WORDS}),
        (RNNLM, {"hidden": 128, "embedding": 256}, {"rnn 1": 197_120 // 4}),
        (RNNLM, {"tied": False}, {"words": 6 * WORDS, "rnn 1": 8 * 14 + 8, "output": 8 * OUTPUT + OUTPUT}),
        (NNLM, {"order": 4, "tied": False}, {"words": 6 * WORDS, "output": 8 * OUTPUT + OUTPUT}),
        (NNLM, {"order": 4, "tied": False, "direct": True}, {"output": (8 + 3 * 6) * OUTPUT + OUTPUT}),
        (NNLM, {"order": 4, "hidden": 6, "direct": True}, {"direct": 3 * 6 * 6, "output": OUTPUT}),
    ],
)
def test_parameters_are_counted_layer_by_layer(
    cls: type[NeuralLanguageModel], options: dict[str, Any], expected: dict[str, int]
) -> None:
    lm = cls(**{**TINY, "epochs": 1, "batch": 20, **options}).fit(TRAIN)
    counts = lm.fit_report_["parameters_by_layer"]
    assert counts | expected == counts
    assert sum(counts.values()) == lm.fit_report_["parameters"] == sum(p.numel() for p in lm.module_.parameters())
    table = lm.summary().splitlines()
    assert table[0] == cls.summary()
    assert [line.split()[-1] for line in table[2:]] == [
        f"{count:,}" for count in (*counts.values(), sum(counts.values()))
    ]


# ------------------------------------------------------------------------------------------- nonsense is refused


@pytest.mark.parametrize(
    ("cls", "options", "reason"),
    [
        (LSTM, {"projection": "none"}, "tied"),
        (LSTM, {"softmax": "adaptive", "softmax_head": 4, "label_smoothing": 0.1}, "label_smoothing"),
        (LSTM, {"softmax": "adaptive"}, "softmax_head=2000"),
        (LSTM, {"softmax": "class-factored", "softmax_classes": 900}, "softmax_classes=900"),
        (LSTM, {"schedule": "plateau"}, "schedule=plateau"),
        (LSTM, {"averaging": "nt-asgd"}, "averaging=nt-asgd"),
        (LSTM, {"patience": 3}, "patience=3"),
        (GRU, {"vocabulary_file": "words.txt", "min_count": 2}, "vocabulary_file"),
        (NNLM, {"projection": "last-layer"}, "projection"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    cls: type[NeuralLanguageModel], options: dict[str, Any], reason: str
) -> None:
    lm = cls(**{**TINY, **options})
    with pytest.raises(HyperParameterError, match=reason):
        lm.fit(TRAIN)
    assert not lm.is_fitted


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (LSTM, {"order": 3}),
        (GRU, {"forget_bias": 1.0}),
        (RNNLM, {"direct": True}),
        (NNLM, {"weight_drop": 0.5}),
        (NNLM, {"layers": 2}),
        (LSTM, {"hidden": 0}),
        (LSTM, {"dropout_input": 1.0}),
        (LSTM, {"layers": True}),
        (NNLM, {"order": 1}),
        (LSTM, {"optimizer": "adamv"}),
        (LSTM, {"start_from": 3}),
    ],
)
def test_options_that_a_model_does_not_have_are_refused(
    cls: type[NeuralLanguageModel], options: dict[str, Any]
) -> None:
    with pytest.raises(HyperParameterError):
        cls(**options)
