"""The vector-decoder as a component: what it learns, scores, saves and refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlmkit import LSTM, Corpus, OneHot, ParallelTexts, TextPipeline, VectorDecoder, load
from nlmkit.errors import DataError, HyperParameterError, SavedModelError

VECTORS = np.eye(3, dtype=np.float32)
TEXTS = ["a red one", "two", "all of the three"]
CONDITIONS = ("initial", "every-step", "sc-gate")
SMALL = {
    "embedding": 12,
    "hidden": 16,
    "epochs": 50,
    "batch": 30,
    "lr": 0.02,
    "dropout_input": 0.0,
    "dropout_output": 0.0,
    "averaging": "none",
}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fitted(**values):
    return VectorDecoder(**{**SMALL, **values}).fit(np.tile(VECTORS, (5, 1)), TEXTS * 5)


@pytest.fixture(scope="module", params=CONDITIONS)
def model(request):
    return fitted(condition=request.param, vector_scaling="standardize" if request.param == "initial" else "none")


def test_writes_what_each_vector_means(model):
    assert model.predict(VECTORS[[2, 0, 1]]) == [TEXTS[2], TEXTS[0], TEXTS[1]]
    assert model.predict(VECTORS.tolist()) == TEXTS
    assert model.perplexity(VECTORS, TEXTS) < 2 < 4 < model.perplexity(VECTORS[[1, 2, 0]], TEXTS)


def test_the_state_machine_agrees_with_the_batch(model):
    pairs = model.encode_pairs(VECTORS, TEXTS)
    wanted = []
    for condition, events in zip(pairs.conditions(), pairs.events(), strict=True):
        state = model.start(condition)
        for event in events:
            log_probs = model.next_log_probs(state)
            assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-5)
            assert log_probs[1] == -np.inf
            wanted.append(log_probs[event])
            state = model.advance(state, int(event)) if event != 2 else state
    np.testing.assert_allclose(model.log_probs(VECTORS, TEXTS), wanted, atol=1e-5)
    alone = [model.log_probs(VECTORS[n : n + 1], TEXTS[n : n + 1]) for n in range(3)]
    np.testing.assert_allclose(np.concatenate(alone), wanted, atol=1e-5)


def test_saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.log_probs(VECTORS, TEXTS), model.log_probs(VECTORS, TEXTS))
    assert again.dimension_ == 3
    assert again.digest == model.digest


def test_candidates_are_reranked(model):
    """The longest of 6 candidates instead of the most probable one."""
    best = model.n_best(VECTORS, 6)
    longest = model.predict(VECTORS, candidates=6, rerank=lambda _, found: -len(found.tokens))
    for text, found in zip(longest, best, strict=True):
        most = max(len(each.tokens) for each in found)
        assert text == next(each.text for each in found if len(each.tokens) == most)
    places = []
    model.n_best(VECTORS, 2, candidates=3, rerank=lambda place, found: places.append(place) or 0)
    assert sorted(set(places)) == [0, 1, 2]


@pytest.mark.parametrize("condition", ["initial", "every-step"])
def test_gru_two_layers_and_a_projection(condition):
    found = fitted(condition=condition, decoder="gru", layers=2, vector_projection=8, dropout_hidden=0.1, epochs=80)
    assert found.predict(VECTORS) == TEXTS
    assert next(iter(found.fit_report_["parameters_by_part"])) == "projection"


def test_the_same_seed_gives_the_same_weights():
    one, two = (fitted(condition="sc-gate", epochs=2, dropout_vector=0.3, dropout_input=0.3) for _ in range(2))
    assert one.digest == two.digest
    assert one.digest != fitted(condition="sc-gate", epochs=2, dropout_vector=0.3, dropout_input=0.3, seed=2).digest


def test_the_loss_of_the_gate_makes_it_read():
    """With a weight on what is left, less of the vector is left at the end."""
    left = []
    for unread in (0.0, 1.0):
        found = fitted(condition="sc-gate", unread=unread, eta=0.0)
        states = [found.start(vector) for vector in VECTORS]
        for number, text in enumerate(TEXTS):
            for word in text.split():
                states[number] = found.advance(states[number], found.vocabulary_.id(word))
        left.append(np.mean([np.linalg.norm(state.tensors[2]) for state in states]))
    assert left[1] < 0.5 * left[0]


@pytest.mark.parametrize("condition", ["initial", "every-step"])
def test_starts_from_a_language_model(condition):
    """Before training, the decoder is the language model, whatever the vector."""
    lm = LSTM(embedding=12, hidden=16, layers=1, epochs=3, softmax="full", tied=True)
    lm.fit(Corpus.read(TEXTS * 4, TextPipeline(tokenizer="word")))
    found = fitted(condition=condition, decoder_language_model=lm, epochs=1)
    module = found.build_module(found.widths_, torch.Generator())
    found.start_from_language_model(module, lm)
    found.module_ = module
    wanted = lm.log_probs(Corpus.read(TEXTS, lm.pipeline_))
    np.testing.assert_allclose(found.log_probs(VECTORS, TEXTS), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"condition": "sc-gate", "decoder": "gru"}, "decoder=gru"),
        ({"eta": 0.1}, "eta=0.1"),
        ({"unread": 1.0}, "unread=1"),
        ({"condition": "sc-gate", "eta": 0.0, "xi": 10.0}, "xi=10"),
        ({"condition": "sc-gate", "decoder_language_model": "somewhere"}, "has no layer with a gate"),
    ],
)
def test_options_without_effect_are_refused(values, message):
    with pytest.raises(HyperParameterError, match=message):
        fitted(**values)


def test_vectors_too_long_for_the_loss_of_the_gate():
    with pytest.raises(HyperParameterError, match="length 100, and eta·xi\\^length would overflow: set vector_scaling"):
        VectorDecoder(**SMALL, condition="sc-gate").fit(VECTORS * 100, TEXTS)
    VectorDecoder(**{**SMALL, "epochs": 1}, condition="sc-gate", vector_scaling="unit").fit(VECTORS * 100, TEXTS)


def test_unusable_vectors_are_refused(model):
    with pytest.raises(DataError, match="4 dimensions, expected 3"):
        model.predict(np.zeros((2, 4), np.float32))
    spoilt = VECTORS.copy()
    spoilt[1, 2] = np.nan
    with pytest.raises(DataError, match="2"):
        model.predict(spoilt)
    with pytest.raises(DataError, match="2"):
        VectorDecoder(**SMALL).fit(spoilt, TEXTS)
    with pytest.raises(DataError, match=r"3.*2|2.*3"):
        VectorDecoder(**SMALL).fit(VECTORS, TEXTS[:2])
    with pytest.raises(DataError, match=r"no pairs|no vectors|empty"):
        VectorDecoder(**SMALL).fit(np.zeros((0, 3), np.float32), [])
    with pytest.raises(DataError, match="not one vector"):
        model.predict(VECTORS[0])
    with pytest.raises(DataError, match="vectors"):
        model.predict(TEXTS)
    with pytest.raises(DataError, match="vectors"):
        VectorDecoder(**SMALL).fit(TEXTS, TEXTS)


def test_no_rows_give_no_texts(model):
    assert model.predict(np.zeros((0, 3), np.float32)) == []


def test_a_constant_component_and_a_vector_far_away():
    """A component that training never changed has no effect beyond its difference; texts stay finite."""
    vectors = np.c_[np.tile(VECTORS, (5, 1)), np.full(15, 7.0)].astype(np.float32)
    found = VectorDecoder(**SMALL, vector_scaling="standardize").fit(vectors, TEXTS * 5)
    assert found.predict(vectors[:3]) == TEXTS
    assert np.isfinite(found.log_probs(vectors[:1] * 1e30, TEXTS[:1])).all()


def test_a_damaged_scale_is_refused(tmp_path):
    found = fitted(vector_scaling="standardize", epochs=1)
    with torch.no_grad():
        found.module_.inputs.scale[1] = 0
    found.save(tmp_path / "model")
    with pytest.raises(SavedModelError, match="standard deviation"):
        load(tmp_path / "model")


def test_reads_vectors_of_words(tmp_path):
    """Words that a fitted representation looks up."""
    words = OneHot().fit([["x", "y", "z"]])
    (tmp_path / "words.tsv").write_text("x\ta red one\ny\ttwo\nz\tall of the three\nw\tnothing\n", encoding="utf-8")
    pairs = ParallelTexts.read_vectors(tmp_path / "words.tsv", representation=words)
    assert len(pairs) == 3
    found = VectorDecoder(**{**SMALL, "epochs": 80}).fit(pairs)
    assert found.predict(pairs) == TEXTS
