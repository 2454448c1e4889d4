"""The encoder-decoder: one model in all its paths, its options, its errors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import LSTM, EncoderDecoder, OneHot, load
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, SavedModelError
from nlmkit.seq2seq.machine import log_probs
from nlmkit.seq2seq.neural.batching import EncodedPairs
from nlmkit.seq2seq.neural.scoring import log_probs_of

RUN = RunOptions(progress=None, device="cpu")
SOURCES = ["a b c", "c b", "b", "a a b c a", "c c", "b a"] * 3
TARGETS = [" ".join(reversed(source.split())).upper() for source in SOURCES]
SMALL: dict[str, Any] = {
    "target_tokenizer": "space",
    "embedding": 6,
    "hidden": 8,
    "encoder_hidden": 4,
    "epochs": 2,
    "batch": 20,
    "lr": 0.02,
}
FORMS: dict[str, dict[str, Any]] = {
    "default": {},
    "dot": {"attention_type": "luong-dot"},
    "concat": {"attention_type": "luong-concat", "attention_units": 5},
    "bahdanau": {"attention_type": "bahdanau", "attention_units": 5},
    "none": {"attention_type": "none"},
    "input feeding": {"input_feeding": True, "layers": 2},
    "dot, input feeding": {
        "attention_type": "luong-dot",
        "input_feeding": True,
        "bidirectional": False,
        "encoder_hidden": 8,
    },
    "gru": {"encoder": "gru", "decoder": "gru", "encoder_layers": 2, "dropout_encoder": 0.1, "layers": 2},
    "gru, bahdanau": {"decoder": "gru", "attention_type": "bahdanau", "attention_units": 5, "layers": 2},
    "untied": {"tied": "none", "locked": False},
}


def fitted(**options: Any) -> EncoderDecoder:
    return EncoderDecoder(**{**SMALL, **options}).fit(SOURCES, TARGETS, run=RUN)


@pytest.fixture(scope="module", params=FORMS)
def model(request: pytest.FixtureRequest) -> EncoderDecoder:
    return fitted(**FORMS[request.param])


def test_the_fast_path_equals_the_state_machine(model: EncoderDecoder) -> None:
    pairs = model.encode_pairs(SOURCES[:6], TARGETS[:6])
    assert model.log_probs_of(pairs) == pytest.approx(log_probs(model, pairs), abs=1e-5)


def test_probabilities_sum_to_one_and_never_begin_a_sentence(model: EncoderDecoder) -> None:
    state = model.start(model.conditions(["a b c"])[0])
    for word_id in (5, 3, 0):
        found = model.next_log_probs(state)
        assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
        assert found[1] == -np.inf
        state = model.advance(state, word_id)


def test_padding_order_and_batch_change_nothing(model: EncoderDecoder) -> None:
    pairs = EncodedPairs.of(model.encode_pairs(SOURCES[:6], TARGETS[:6]))
    expected = log_probs_of(model.module_, pairs)
    assert log_probs_of(model.module_, pairs, places=1) == pytest.approx(expected, abs=1e-5)
    backward = model.log_probs(SOURCES[5::-1], TARGETS[5::-1])
    ends = np.cumsum(pairs.lengths[::-1])
    turned = np.concatenate(np.split(backward, ends[:-1])[::-1])
    assert turned == pytest.approx(expected, abs=1e-5)


def test_rows_equal_the_state_machine(model: EncoderDecoder) -> None:
    conditions = model.conditions(["a b c a", "b", "c a"])
    rows = model.rows(conditions)
    rows = rows.take(np.array([0, 0, 1, 2]), np.array([4, 5, 4, 0]))
    rows = rows.take(np.array([3, 1]), np.array([3, 4]))
    for row, (source, words) in enumerate([(2, (0, 3)), (0, (5, 4))]):
        state = model.start(conditions[source])
        for word_id in words:
            state = model.advance(state, word_id)
        expected = model.next_log_probs(state)
        assert rows.log_probs()[row].astype(float) == pytest.approx(expected, abs=1e-5)
        attention = rows.attention()
        assert (attention is None) == (not model.has_attention)
        if attention is not None:
            assert state.attention is not None
            length = len(conditions[source]) + 1
            assert attention[row, :length] == pytest.approx(state.attention, abs=1e-6)
            assert (attention[row, length:] == 0).all()


def test_attention_has_a_column_per_token_and_one_for_the_end(model: EncoderDecoder) -> None:
    if not model.has_attention:
        with pytest.raises(HyperParameterError, match="has no attention"):
            model.attention(SOURCES[:2], TARGETS[:2])
        return
    found = model.attention(SOURCES[:4], TARGETS[:4])
    assert [weights.shape for weights in found] == [(4, 4), (3, 3), (2, 2), (6, 6)]
    assert all(weights.sum(axis=1) == pytest.approx(1, abs=1e-5) for weights in found)


def test_a_saved_model_predicts_the_same(model: EncoderDecoder, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.digest == model.digest
    assert np.array_equal(again.log_probs(SOURCES, TARGETS), model.log_probs(SOURCES, TARGETS))


def test_states_are_values() -> None:
    import pickle

    model = fitted()
    condition = model.conditions(["a b"])[0]
    state = model.advance(model.start(condition), 4)
    again = pickle.loads(pickle.dumps(state))
    assert again == state
    assert hash(again) == hash(state)
    assert model.advance(again, 5) == model.advance(state, 5)
    assert state != model.start(condition)
    with pytest.raises(AttributeError, match="immutable"):
        state.features = None


# ------------------------------------------------------------------------------------------------------------ training


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert fitted().digest == fitted().digest
    assert fitted().digest != fitted(seed=2).digest


def test_the_best_weights_on_held_out_pairs_are_kept() -> None:
    model = EncoderDecoder(**{**SMALL, "epochs": 3}).fit(SOURCES, TARGETS, valid=(SOURCES[:6], TARGETS[:6]), run=RUN)
    history = [entry["perplexity"] for entry in model.fit_report_["history"]]
    assert len(history) >= 3
    assert model.fit_report_["validation_perplexity"] == pytest.approx(min(history))
    assert model.perplexity(SOURCES[:6], TARGETS[:6]) == pytest.approx(min(history), rel=1e-5)


def test_patience_needs_held_out_pairs() -> None:
    with pytest.raises(HyperParameterError, match="held-out pairs"):
        fitted(patience=1)


def test_a_batch_in_parts_has_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"dropout_input": 0.0, "dropout_output": 0.0, "dropout_source": 0.0, "epochs": 1, "batch": 1000}
    whole = fitted(**plain).log_probs(SOURCES, TARGETS)
    monkeypatch.setattr("nlmkit.seq2seq.neural.task._WHOLE_PLACES", 20)
    assert fitted(**plain).log_probs(SOURCES, TARGETS) == pytest.approx(whole, abs=1e-4)


# ------------------------------------------------------------------------------------------------------------- vectors


def test_a_joint_vocabulary_shares_all_vectors() -> None:
    model = fitted(joint=True)
    assert model.module_.source_words is None
    assert model.module_.output.tied
    assert "words of both sides" in model.fit_report_["parameters_by_part"]
    assert fitted(joint=True, tied="output").module_.source_words is not None


def test_vectors_of_representations_are_the_input_layers(tmp_path: Path) -> None:
    from nlmkit import LSA

    corpus = [text.split() for text in (*SOURCES, *TARGETS)]
    vectors = LSA(dimension=3).fit(corpus)
    model = fitted(source_representation=vectors, source_tune="frozen", target_representation=vectors)
    assert model.module_.source_words is not None
    kept = model.module_.source_words
    assert model.source_vocabulary_ is not None
    place = model.source_vocabulary_.id("a")
    assert np.allclose(kept.weight[kept.rank[place]].detach().numpy(), vectors.vectors(["a"])[0], atol=1e-6)
    assert not kept.weight.requires_grad
    assert model.module_.words.width == 3
    assert model.fit_report_["source_input"]["representation"] == "lsa"
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").digest == model.digest
    frozen = fitted(target_representation=vectors, target_tune="frozen")
    assert not frozen.module_.output.tied


def test_one_hot_vectors_are_a_trained_embedding() -> None:
    model = fitted(source_representation=OneHot())
    assert model.widths_ == (6, 6)


# ------------------------------------------------------------------------------------------- start from language model


def language_model(**options: Any) -> LSTM:
    values = {"embedding": 6, "hidden": 8, "epochs": 2, "batch": 4, "lr": 0.02, **options}
    return LSTM(**values).fit([text.split() for text in TARGETS], run=RUN)


def unchanged(**options: Any) -> EncoderDecoder:
    """A model that has hardly been trained."""
    return fitted(lr=1e-12, epochs=1, averaging="none", **options)


@pytest.mark.parametrize("form", ["default", "bahdanau", "input feeding, one layer", "untied", "same width"])
def test_a_decoder_begins_as_the_language_model(form: str) -> None:
    options: dict[str, Any] = {**FORMS, "input feeding, one layer": {"input_feeding": True}}.get(form, {"embedding": 8})
    sizes = {"tied": False, "projection": "linear"} if options.get("tied") == "none" else {}
    lm = language_model(embedding=options.get("embedding", 6), **sizes)
    model = unchanged(decoder_language_model=lm, **options)
    expected = lm.log_probs([text.split() for text in TARGETS])
    assert model.log_probs(SOURCES, TARGETS) == pytest.approx(expected, abs=1e-4)
    facts = model.fit_report_["decoder_language_model"]
    assert facts == {"component": "lstm", "digest": lm.digest, "known_words": 6, "words": 6}


def test_words_that_the_language_model_lacks_share_its_unknown_word(tmp_path: Path) -> None:
    lm = LSTM(embedding=6, hidden=8, epochs=2, batch=4).fit([["A", "B"], ["B", "A"]] * 4, run=RUN)
    lm.save(tmp_path / "lm")
    model = unchanged(decoder_language_model=str(tmp_path / "lm"))
    found = np.exp(model.next_log_probs(model.start(model.conditions(["a"])[0])))
    expected = np.exp(lm.next_log_probs(lm.start()))
    known, lacking = model.vocabulary_.id("A"), model.vocabulary_.id("C")
    assert found[known] == pytest.approx(expected[lm.vocabulary_.id("A")], abs=1e-6)
    assert found[lacking] == pytest.approx(expected[0] / 2, abs=1e-6)
    assert found[0] == pytest.approx(expected[0] / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("lm", "options", "message"),
    [
        ({"hidden": 9}, {}, "has hidden=9, but the decoder hidden=8: set the same values"),
        ({"tied": False}, {}, "has tied=False, but the decoder tied=True"),
        ({}, {"layers": 2}, "has layers=1, but the decoder layers=2"),
        ({}, {"decoder": "gru"}, "is of type lstm: expected a fitted gru"),
        ({"tied": False}, {"tied": "none"}, "has projection=auto, which a decoder lacks"),
        ({"zoneout": 0.1}, {}, "has zoneout=0.1, which a decoder lacks"),
        ({"direction": "backward"}, {}, "has direction=backward, which a decoder lacks"),
        ({"softmax": "class-factored"}, {}, "has softmax=class-factored, which a decoder lacks"),
        ({}, {"lowercase": True}, "reads text with lowercase=False: set the same"),
        ({}, {"target_representation": OneHot()}, "do not set target_representation"),
    ],
)
def test_a_language_model_that_does_not_fit_is_refused(
    lm: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(HyperParameterError, match=message):
        fitted(decoder_language_model=language_model(**lm), **options)


def test_an_unfitted_language_model_is_refused() -> None:
    with pytest.raises(HyperParameterError, match="not fitted"):
        fitted(decoder_language_model=LSTM())
    with pytest.raises(SavedModelError):
        fitted(decoder_language_model="no-such-folder")


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_type": "luong-dot", "hidden": 10}, "encoder outputs of width 8 with hidden=10"),
        ({"tied": "all"}, "set joint=true"),
        ({"tied": "all", "joint": True, "source_representation": OneHot()}, "target_representation alone"),
        ({"input_feeding": True, "attention_type": "bahdanau", "attention_units": 5}, "input_feeding"),
        ({"attention_units": 5}, "attention_units"),
        ({"dropout_hidden": 0.5}, "dropout_hidden"),
        ({"source_tune": "frozen"}, "source_tune"),
    ],
)
def test_options_without_effect_or_in_conflict_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        fitted(**options)


def test_an_unfitted_model_says_so() -> None:
    with pytest.raises(NotFittedError):
        EncoderDecoder().predict(["a"])
    with pytest.raises(NotFittedError):
        EncoderDecoder().rows([])


def test_vectors_are_refused() -> None:
    with pytest.raises(DataError, match="takes texts"):
        EncoderDecoder(**SMALL).fit(np.zeros((2, 3), np.float32), ["a", "b"], run=RUN)


def test_a_very_long_source_is_read(model: EncoderDecoder) -> None:
    words = " ".join("abc"[number % 3] for number in range(3000))
    assert np.isfinite(model.log_probs([words, "a"], ["A", "A"])).all()


def test_damaged_widths_are_refused(model: EncoderDecoder) -> None:
    state = model.fitted_state()
    for widths in (None, [6], [6, "x"], [10**9, 6]):
        broken = dataclasses.replace(state, metadata={**state.metadata, "widths": widths})
        again = EncoderDecoder(**SMALL)
        again.vocabulary_, again.pipeline_ = model.vocabulary_, model.pipeline_
        with pytest.raises(SavedModelError):
            again.restore(broken)
