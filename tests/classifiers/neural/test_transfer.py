"""Classifiers that start from a language model: what they take over, what is trained when, and at which rate."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import (
    LABELS,
    TEXTS,
    padding_and_batches_change_nothing,
    saved_and_loaded_is_the_same,
    seeds_decide,
)

from nlmkit import LSTM, Corpus, HyperParameterError, NGram, NlmkitError, RunOptions, TextPipeline, load
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.documents.neural import transfer
from nlmkit.documents.neural.module import train_only
from nlmkit.documents.neural.transfer import after_sentence_end, first_vectors, grown_vocabulary
from nlmkit.representations.vectors import Vectors
from nlmkit.text import Vocabulary
from nlmkit.training import divergence
from nlmkit.training.interruption import Terminated
from nlmkit.training.optimization import layered_groups

pytestmark = pytest.mark.slow

PIPELINE = TextPipeline(tokenizer="word", lowercase=True)
TINY: dict[str, Any] = {"epochs": 4, "batch": 8, "lr": 0.01}


@pytest.fixture(scope="module")
def lm() -> LSTM:
    text = [*TEXTS[:12], "the weather was grim ."]
    return LSTM(hidden=8, embedding=6, layers=2, epochs=2, batch=4).fit(Corpus.read(text, PIPELINE))


def states(model: LSTMClassifier) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.module_.state_dict().items()}


def test_nothing_but_the_last_layer_is_trained(lm: LSTM) -> None:
    model = LSTMClassifier(**TINY, start_from=lm, unfreeze="none", pooling="last").fit(TEXTS, LABELS)
    theirs = lm.module_.body.state_dict()
    for name, tensor in states(model).items():
        if name.startswith("encoder.encoder.layers"):
            assert torch.equal(tensor, theirs[name.removeprefix("encoder.encoder.")])
    matrix = model.module_.words.tuned
    assert matrix is not None
    old = lm.module_.word_vectors()
    assert torch.equal(matrix.detach()[2 : len(old)], old[2:])
    assert torch.equal(matrix.detach()[len(old) :], old[0].expand(len(matrix) - len(old), -1))
    assert not matrix[1].any()  # <s>, which no language model reads
    assert model.module_.bias.detach().any()


def test_it_reads_as_the_language_model_does(lm: LSTM) -> None:
    model = LSTMClassifier(**TINY, start_from=lm, unfreeze="none", pooling="last").fit(TEXTS, LABELS)
    text = "a lovely qqq film"
    documents, _ = model.documents_of(model.encode([text]))
    with torch.inference_mode():
        features = model.module_.features(documents.batch(np.zeros(1, np.int64)))
    hidden = next(iter(lm.hidden_states([text])))
    np.testing.assert_allclose(features[0], hidden[-1], atol=1e-6)


def test_all_is_trained(lm: LSTM) -> None:
    model = LSTMClassifier(**TINY, start_from=lm).fit(TEXTS, LABELS)
    theirs = lm.module_.body.state_dict()
    for name, tensor in states(model).items():
        if name.startswith("encoder.encoder.layers"):
            assert not torch.equal(tensor, theirs[name.removeprefix("encoder.encoder.")])


def test_gradual_unfreezing_goes_down_layer_by_layer(lm: LSTM) -> None:
    seen = []
    for epochs in (1, 2, 3, 4):
        options = {**TINY, "epochs": epochs, "valid_share": 0.0}
        model = LSTMClassifier(**options, start_from=lm, unfreeze="gradual").fit(TEXTS, LABELS)
        moved = {
            name.split(".weight")[0]
            for name, tensor in states(model).items()
            if name.startswith("encoder.encoder.layers")
            and "weight" in name
            and not torch.equal(tensor, lm.module_.body.state_dict()[name.removeprefix("encoder.encoder.")])
        }
        matrix = model.module_.words.tuned
        assert matrix is not None
        old = lm.module_.word_vectors()
        if not torch.equal(matrix.detach()[2 : len(old)], old[2:]):
            moved.add("words")
        seen.append(moved)
    layer = "encoder.encoder.layers."
    assert seen == [set(), {f"{layer}1"}, {f"{layer}0", f"{layer}1"}, {f"{layer}0", f"{layer}1", "words"}]


def test_layers_have_rates_of_their_own() -> None:
    parts = [(name, [torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(2))]) for name in "abc"]
    groups = layered_groups([weights for _, weights in parts], weight_decay=0.1, layer_rate=2.0)
    rates = {parameter: group["scale"] for group in groups for parameter in group["params"]}
    assert [rates[parameter] for _, part in parts for parameter in part] == [0.25, 0.25, 0.5, 0.5, 1, 1]
    assert {(group["params"][0].ndim, group["weight_decay"]) for group in groups} == {(2, 0.1), (1, 0.0)}
    train_only(parts, 2)
    assert [parameter.requires_grad for _, part in parts for parameter in part] == [False] * 2 + [True] * 4


def test_a_lower_rate_moves_a_layer_less(lm: LSTM) -> None:
    moves = []
    for layer_rate in (1.0, 50.0):
        options = {**TINY, "optimizer": "sgd", "lr": 0.1, "valid_share": 0.0, "clip_norm": None}
        model = LSTMClassifier(**options, start_from=lm, layer_rate=layer_rate).fit(TEXTS, LABELS)
        name = "layers.0.weight_input"
        own = states(model)[f"encoder.encoder.{name}"]
        moves.append(float((own - lm.module_.body.state_dict()[name]).norm()))
    assert moves[1] < moves[0] / 100


def test_the_language_model_is_tuned_first(lm: LSTM) -> None:
    before = lm.digest
    model = LSTMClassifier(**TINY, start_from=lm, lm_epochs=3, unfreeze="none").fit(TEXTS, LABELS)
    report = model.fit_report_["language_model"]
    assert report["digest"] == before
    assert report["tuned"]["epochs"] == 3
    assert report["tuned"]["validation_perplexity"] > 1
    assert lm.digest == before
    assert not torch.equal(
        states(model)["encoder.encoder.layers.0.weight_input"], lm.module_.body.state_dict()["layers.0.weight_input"]
    )


@pytest.mark.parametrize(("given", "used"), [(None, 5.0), (0.5, 0.5)])
def test_it_is_tuned_at_a_share_of_its_own_rate(given: float | None, used: float) -> None:
    lm = LSTM(hidden=8, embedding=6, epochs=1, batch=4, optimizer="sgd", lr=20.0).fit(Corpus.read(TEXTS, PIPELINE))
    model = LSTMClassifier(**{**TINY, "epochs": 1}, start_from=lm, lm_epochs=1, lm_lr=given).fit(TEXTS, LABELS)
    assert model.fit_report_["language_model"]["tuned"]["lr"] == used


def test_it_learns_with_everything_on(lm: LSTM, tmp_path: Path) -> None:
    model = LSTMClassifier(
        epochs=40,
        batch=8,
        lr=0.03,
        start_from=lm,
        lm_epochs=2,
        unfreeze="gradual",
        layer_rate=1.3,
        schedule="slanted-triangular",
        pooling="concat",
        dense=8,
        dropout=0.1,
        dropout_input=0.0,
    ).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) > 0.9
    padding_and_batches_change_nothing(model)
    saved_and_loaded_is_the_same(model, tmp_path)


@pytest.mark.parametrize("dense", [None, 5])
def test_the_whole_head_is_one_part(lm: LSTM, dense: int | None) -> None:
    model = LSTMClassifier(**TINY, start_from=lm, unfreeze="none", pooling="last", dense=dense)
    module = model.fit(TEXTS, LABELS).module_
    parts = module.parts()
    assert [name for name, _ in parts] == ["words", "layer 1", "layer 2", "output"]
    train_only(parts, 1)
    trained = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert trained == {"weight", "bias"} | ({"encoder.dense.weight", "encoder.dense.bias"} if dense else set())
    groups = layered_groups([weights for _, weights in parts], weight_decay=0.0, layer_rate=2.0)
    scales = {id(weight): group["scale"] for group in groups for weight in group["params"]}
    assert [scales[id(weights[0])] for _, weights in parts] == [0.125, 0.25, 0.5, 1.0]
    assert {scales[id(weight)] for weight in parts[-1][1]} == {1.0}


def test_a_dense_layer_learns_while_all_below_is_frozen(lm: LSTM) -> None:
    def after(epochs: int) -> torch.Tensor:
        options = {**TINY, "epochs": epochs, "averaging": "none", "valid_share": 0.0}
        model = LSTMClassifier(**options, start_from=lm, unfreeze="none", dense=5)
        return model.fit(TEXTS, LABELS).module_.encoder.dense.weight.detach()  # type: ignore[union-attr]

    assert not torch.equal(after(1), after(3))


def test_a_language_model_over_a_representation_is_tuned_too(lm: LSTM) -> None:
    words = [word for word in lm.vocabulary_.words if not word.startswith("<")]
    vectors = Vectors().fit(dict(zip(words, np.random.default_rng(1).normal(size=(len(words), 5)), strict=True)))
    over = LSTM(hidden=8, epochs=1, batch=4, representation=vectors).fit(Corpus.read(TEXTS[:12], PIPELINE))
    model = LSTMClassifier(**TINY, start_from=over, lm_epochs=1).fit(TEXTS, LABELS)
    assert model.fit_report_["language_model"]["tuned"]["epochs"] == 1


def test_words_that_join_do_not_change_the_kind_of_softmax() -> None:
    small = LSTM(hidden=8, embedding=6, epochs=1, batch=4, softmax_head=8).fit(Corpus.read(TEXTS[:2], PIPELINE))
    assert len(small.vocabulary_) <= 16
    model = LSTMClassifier(**TINY, start_from=small, lm_epochs=1).fit(TEXTS, LABELS)
    assert len(model.vocabulary_) > 16


def test_of_a_budget_the_language_model_gets_half(lm: LSTM) -> None:
    model = LSTMClassifier(**{**TINY, "epochs": 10**5}, start_from=lm, lm_epochs=10**5)
    report = model.fit(TEXTS, LABELS, run=RunOptions(budget_seconds=3.0)).fit_report_
    assert report["seconds"] < 9
    assert report["language_model"]["tuned"]["steps"] > 5
    assert report["steps"] > 5


@pytest.mark.parametrize("option", [{"forget_bias": 2.0}, {"embedding": 7}, {"embedding_range": 0.1}])
def test_what_the_language_model_decides_is_refused(lm: LSTM, option: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError, match=f"{next(iter(option))}=.* has no effect"):
        LSTMClassifier(**TINY, start_from=lm, **option).fit(TEXTS, LABELS)


def test_dropout_between_layers_needs_two_in_the_language_model() -> None:
    single = LSTM(hidden=8, embedding=6, epochs=1, batch=4).fit(Corpus.read(TEXTS[:12], PIPELINE))
    with pytest.raises(HyperParameterError, match=r"dropout_hidden=0\.5 has no effect"):
        LSTMClassifier(**TINY, start_from=single, dropout_hidden=0.5).fit(TEXTS, LABELS)


def test_a_folder_is_as_good_and_the_classifier_does_not_need_it_afterwards(lm: LSTM, tmp_path: Path) -> None:
    lm.save(tmp_path / "lm")
    of_folder = LSTMClassifier(**TINY, start_from=str(tmp_path / "lm")).fit(TEXTS, LABELS)
    of_model = LSTMClassifier(**TINY, start_from=lm).fit(TEXTS, LABELS)
    assert np.array_equal(of_folder.predict_proba(TEXTS), of_model.predict_proba(TEXTS))
    of_folder.save(tmp_path / "one")
    (tmp_path / "lm").rename(tmp_path / "elsewhere")
    loaded = load(tmp_path / "one")
    assert np.array_equal(loaded.predict_proba(TEXTS), of_folder.predict_proba(TEXTS))  # type: ignore[attr-defined]
    of_model.save(tmp_path / "two")
    member = load(tmp_path / "two").start_from  # type: ignore[attr-defined]
    assert member.digest == lm.digest


def test_equal_seeds_give_equal_bytes(lm: LSTM) -> None:
    options = {**TINY, "epochs": 2, "lm_epochs": 1, "unfreeze": "gradual"}
    seeds_decide(lambda seed: LSTMClassifier(**options, start_from=lm, seed=seed).fit(TEXTS, LABELS))


def test_layer_norm_and_a_narrow_last_layer_are_taken_over(tmp_path: Path) -> None:
    lm = LSTM(hidden=8, embedding=6, layers=2, layer_norm=True, projection="last-layer", epochs=1, batch=4)
    lm.fit(Corpus.read(TEXTS[:12], PIPELINE))
    model = LSTMClassifier(**TINY, start_from=lm).fit(TEXTS, LABELS)
    assert model.units_ == (8, 6)
    saved_and_loaded_is_the_same(model, tmp_path)


def test_small_pieces(lm: LSTM) -> None:
    grown = grown_vocabulary(Vocabulary(["x", "y"], [1, 0, 2, 5, 6]), Vocabulary(["y", "z"], [3, 0, 9, 4, 1]))
    assert grown.words[3:] == ("x", "y", "z")
    assert grown.counts.tolist() == [3, 0, 9, 0, 4, 1]
    more = Vocabulary([*lm.vocabulary_.words, "new"])
    assert torch.equal(first_vectors(lm, more)[-1], lm.module_.word_vectors()[0])
    documents = after_sentence_end(np.array([5, 6, 7]), np.array([0, 2, 2, 3]))
    assert documents.ids.tolist() == [2, 5, 6, 2, 2, 7]
    assert documents.sentence_offsets.tolist() == [0, 3, 4, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, "reads one way only"),
        ({"hidden": 9}, "hidden=9, but the language model in start_from has 8"),
        ({"layers": 1}, "layers=1, but the language model in start_from has 2"),
        ({"lm_lr": 0.5}, "lm_lr=0.5 has no effect"),
        ({"lowercase": False}, "uses lowercase=True"),
        ({"tokenizer": "space"}, "uses tokenizer=word"),
        ({"representation": Vectors().fit({"a": [1.0], "b": [2.0]})}, "both define the word vectors"),
    ],
)
def test_contradictions_are_refused(lm: LSTM, options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        LSTMClassifier(**TINY, start_from=lm, **options).fit(TEXTS, LABELS)


def test_all_that_reads_otherwise_is_named_at_once(lm: LSTM) -> None:
    with pytest.raises(HyperParameterError, match="uses tokenizer=word, lowercase=True: set the same here"):
        LSTMClassifier(**TINY, start_from=lm, tokenizer="space", lowercase=False).fit(TEXTS, LABELS)


def test_divergence_of_the_tuning_says_whose_it_is(lm: LSTM) -> None:
    with pytest.raises(NlmkitError, match=r"^tuning the language model, with lr=lm_lr .*: training diverged"):
        LSTMClassifier(**TINY, start_from=lm, lm_epochs=2, lm_lr=1e4).fit(TEXTS, LABELS)


def test_notes_of_the_tuning_are_the_classifiers(lm: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divergence, "notes", lambda *facts: [f"a note on {facts[-1]}"])
    model = LSTMClassifier(**TINY, start_from=lm, lm_epochs=1).fit(TEXTS, LABELS)
    assert [note for note in model.fit_report_["notes"] if "a note" in note] == [
        "tuning the language model (half of any budget): a note on words",
        "a note on classes",
    ]
    assert not any("epochs=" in note for note in model.fit_report_["notes"])


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_an_interrupted_tuning_says_that_nothing_is_kept(
    lm: LSTM, number: int, kind: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "fine_tuned", lambda *_: signal.raise_signal(number))
    run = RunOptions(checkpoint=tmp_path / "run")
    with pytest.raises(kind, match="while tuning the language model, for which no checkpoint is kept"):
        LSTMClassifier(**TINY, start_from=lm, lm_epochs=1).fit(TEXTS, LABELS, run=run)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert not (tmp_path / "run").exists()


def test_other_models_are_refused(lm: LSTM) -> None:
    with pytest.raises(HyperParameterError, match="is of type ngram: expected a fitted lstm"):
        LSTMClassifier(**TINY, start_from=NGram(order=2).fit(["a b"])).fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="is not fitted"):
        LSTMClassifier(**TINY, start_from=LSTM()).fit(TEXTS, LABELS)
    zoneout = LSTM(hidden=8, embedding=6, epochs=1, batch=4, zoneout=0.1).fit(Corpus.read(TEXTS[:12], PIPELINE))
    with pytest.raises(HyperParameterError, match=r"zoneout=0\.1"):
        LSTMClassifier(**TINY, start_from=zoneout).fit(TEXTS, LABELS)
