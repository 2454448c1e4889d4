"""The hybrid model: what it mixes, its weights, training, saved form and refusals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlmkit import Cache, DynamicEvaluation, Mixture, NGram, load
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.language_models.base import Context, LanguageModel
from nlmkit.language_models.hybrid.model import Hybrid
from nlmkit.language_models.hybrid.module import LARGEST_ID, HybridModule, _contexts
from nlmkit.language_models.neural import scoring
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID
from nlmkit.training.distributed import Processes

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 4
VALID = ["a cat sings", "the dog sees the bird"]
TEST = ["the cat sings", "", "a zebra sees the bird", "the dog"]
TINY: dict[str, Any] = {
    "hidden": 6,
    "embedding": 4,
    "epochs": 3,
    "batch": 3,
    "bptt": 5,
    "lr": 0.03,
    "order": 3,
    "gate_units": 5,
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> Hybrid:
    return Hybrid(**TINY).fit(TRAIN, valid=VALID)


# ------------------------------------------------------------------------------------------------ what it mixes


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_probabilities_are_the_weighted_sum(model: Hybrid, context: Context) -> None:
    """Weights times the softmax of the network and the n-gram models, each from its own part."""
    corpus = model.encode(TEST)
    events, order = model._events(corpus, context)
    features = torch.from_numpy(scoring.features(model.module_, events, order.offsets, context))
    with torch.inference_mode():
        parts = model.module_.output.parts(features)
        softmax = model.module_.output.neural.all_log_probs(parts.neural).numpy().astype(float)
    weights = model.weights(TEST, context=context)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert weights.shape == (corpus.events, 1 + TINY["order"])
    table = model.ngram_.table_
    found = np.concatenate(list(model.distributions(TEST, context=context)))
    for number, words in enumerate(parts.context.numpy().astype(int).tolist()):
        history = tuple(word for word in words if word >= 0)[::-1]
        own = weights[number, 0] * np.exp(softmax[number])
        for k in range(TINY["order"]):
            own += weights[number, k + 1] * np.exp(table.distribution(history[max(0, len(history) - k) :]))
        np.testing.assert_allclose(np.exp(found[number]), own, rtol=1e-5, atol=1e-9)
        assert own.sum() == pytest.approx(1, abs=1e-6)


def test_contexts_begin_anew_after_each_sentence() -> None:
    ids = torch.tensor([[EOS_ID, 5], [3, EOS_ID], [4, 6], [7, 7]])
    before = torch.tensor([[8, 9], [9, BOS_ID], [3, -1]])
    found = _contexts(ids, before)
    assert found[:, 0].tolist() == [[BOS_ID, -1, -1], [3, BOS_ID, -1], [4, 3, BOS_ID], [7, 4, 3]]
    assert found[:, 1].tolist() == [[5, 9, BOS_ID], [BOS_ID, -1, -1], [6, BOS_ID, -1], [7, 6, BOS_ID]]


def test_state_keeps_what_one_call_after_another_reads(model: Hybrid) -> None:
    module = model.module_
    ids = torch.from_numpy(model._events(model.encode(TEST), "stream")[0].astype(np.int64))[:, None]
    with torch.inference_mode():
        whole = module(ids, module.initial_state(1))
        state, rows = module.initial_state(1), []
        for begin in (slice(0, 2), slice(2, 3), slice(3, len(ids))):
            part = module(ids[begin], state)
            rows.append(part.features)
            raw, read = module.read(ids[begin], state)
            torch.testing.assert_close(raw, part.raw)
            state = part.state
            for one, two in zip(read, state, strict=True):
                torch.testing.assert_close(one, two)
    torch.testing.assert_close(torch.cat(rows), whole.features)


def test_ngram_model_is_kneser_ney_of_the_training_text(model: Hybrid) -> None:
    expected = NGram(order=3, precision="float32").fit(TRAIN)
    np.testing.assert_array_equal(model.ngram_.log_probs(TEST), expected.log_probs(TEST))
    assert model.fit_report_["ngrams"]["ngrams"] == expected.fit_report_["ngrams"]


@pytest.mark.parametrize("softmax", ["adaptive", "class-factored", "sampled"])
def test_other_output_layers(softmax: str) -> None:
    own = {"adaptive": {"softmax_head": 4}, "sampled": {"softmax_samples": 4, "full_after": 0.5}}
    values = own.get(softmax, {})
    lm = Hybrid(**{**TINY, "softmax": softmax, "tied": False, **values}).fit(TRAIN, valid=VALID)
    expected = LanguageModel.log_probs(lm, TEST)
    np.testing.assert_allclose(lm.log_probs(TEST), expected, atol=1e-5)
    assert lm.fit_report_["history"][-1]["loss"] < lm.fit_report_["history"][0]["loss"]


def test_events_have_the_weight_of_the_softmax(model: Hybrid) -> None:
    log_probs, details = model.log_probs_and_details(TEST, context="stream")
    np.testing.assert_allclose(log_probs, model.log_probs(TEST, context="stream"), atol=1e-6)
    np.testing.assert_array_equal(details["softmax_weight"], model.weights(TEST, context="stream")[:, 0])
    assert len(model.weights([])) == 0


def test_inspection(model: Hybrid) -> None:
    found = model.inspect("the cat sings")
    np.testing.assert_allclose(found.log_probs, model.log_probs(["the cat sings"]), atol=1e-6)
    assert found.layers[0]["forget"].shape == (4, 6)


def test_orders_without_ngrams() -> None:
    """No sentence of the text is as long as the longest n-grams."""
    lm = Hybrid(**{**TINY, "order": 6}).fit(["a", "b", "a", ""])
    assert lm.ngram_.fit_report_["ngrams"][-1] == 0
    np.testing.assert_allclose(lm.log_probs(["a b a"]), LanguageModel.log_probs(lm, ["a b a"]), atol=1e-5)
    assert np.exp(lm.next_log_probs(lm.start())).sum() == pytest.approx(1, abs=1e-6)


# ----------------------------------------------------------------------------------------------------- training


def test_first_loss_is_that_of_equal_weights() -> None:
    """The logged loss is −ln p of the mixture, without the share of the softmax alone."""
    values = {**TINY, "epochs": 1, "batch": 1, "bptt": 1000, "unknown_rate": 0.0}
    values |= {"dropout_input": 0.0, "dropout_output": 0.0, "lr": 1e-12}
    lm = Hybrid(**values).fit(TRAIN, valid=VALID)
    np.testing.assert_allclose(lm.weights(TEST), 0.25, atol=1e-6)
    log_probs = LeftOutOf(lm).mixture()
    assert lm.fit_report_["history"][-1]["loss"] == pytest.approx(-log_probs.mean(), abs=1e-5)


class LeftOutOf:
    """The training text as a fitted model sees it, with equal weights and each event left out of the n-grams."""

    def __init__(self, lm: Hybrid) -> None:
        from nlmkit.language_models.hybrid.estimation import estimate
        from nlmkit.language_models.neural.estimator import TrainingTexts

        self.lm = lm
        self.corpus = lm.encode(TRAIN)
        self.events = self.corpus.event_ids(lm.vocabulary_)
        texts = TrainingTexts(self.events, None, lm.vocabulary_, lm.pipeline_)
        self.left_out = estimate(lm.order, texts, RunOptions(progress=None))[1]

    def mixture(self) -> np.ndarray:
        module = self.lm.module_
        features = torch.from_numpy(scoring.features(module, self.events, np.array([0, len(self.events)]), "stream"))
        with torch.inference_mode():
            neural = module.output.parts(features).neural
            softmax = module.output.neural.log_probs(neural, torch.from_numpy(self.events.astype(np.int64)))
        probs = np.exp(np.concatenate([softmax.numpy()[:, None], self.left_out.log_probs], axis=1))
        found: np.ndarray = np.log(probs.mean(axis=1))
        return found


def test_windows_have_the_probabilities_of_their_targets() -> None:
    """In random windows and several columns, each target comes with its own row."""
    from nlmkit.language_models.hybrid.left_out import LeftOut
    from nlmkit.language_models.hybrid.task import HybridTask
    from nlmkit.language_models.neural.settings import LanguageModelSettings

    lm = Hybrid(**TINY, bptt_random=True).fit(TRAIN)
    events = lm.encode(TRAIN).event_ids(lm.vocabulary_)
    numbers = np.arange(len(events))
    left_out = LeftOut(
        np.stack([events, numbers, numbers], axis=1).astype(np.float32), np.zeros((len(events), 2, 3), np.float16)
    )
    settings = LanguageModelSettings.of(lm)
    task = HybridTask(
        lm.module_, events, None, settings, lm.vocabulary_, Processes(device="cpu"), left_out=left_out, alone=0.5
    )
    for number in (0, 1):
        windows = task.epoch(number)
        seen = []
        for index in range(len(windows)):
            data = windows[index].data
            same = data.beside[0][:, 0].long() == data.targets.flatten()
            assert same.logical_or(data.targets.flatten() == UNK_ID).all()
            seen += data.beside[0][:, 1].long().tolist()
        assert sorted(seen) == numbers[: len(seen)].tolist()


def test_ngrams_are_counted_by_workers(model: Hybrid) -> None:
    again = Hybrid(**TINY).fit(TRAIN, valid=VALID, run=RunOptions(workers=2))
    assert again.digest == model.digest


def test_starts_from_another(model: Hybrid) -> None:
    """Weights continue from the other's; the n-grams are those of the new text, over the words of both."""
    lm = Hybrid(**{**TINY, "epochs": 1, "lr": 1e-9}, start_from=model).fit([*VALID, "a zebra sings"])
    assert "zebra" in lm.vocabulary_
    assert lm.ngram_.vocabulary_ == lm.vocabulary_
    old = model.module_.output.gate.out.weight
    torch.testing.assert_close(lm.module_.output.gate.out.weight, old, atol=1e-6, rtol=0)
    with pytest.raises(HyperParameterError, match="order=3"):
        Hybrid(**{**TINY, "order": 2}, start_from=model).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="cell=lstm"):
        Hybrid(**TINY, cell="gru", start_from=model).fit(TRAIN)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"noising": 0.1, "noising_scheme": "kneser-ney"}, "noising_scheme"),
        ({"label_smoothing": 0.1}, "label_smoothing=0.1 has no effect: it needs a model without n-grams"),
        ({"cell": "gru", "forget_bias": 0.5}, "forget_bias=0.5 has no effect: it needs cell=lstm"),
        ({"order": 1}, "order"),
        ({"ngram_dropout": 1.0}, "ngram_dropout"),
    ],
)
def test_options_without_effect_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        Hybrid(**{**TINY, **values}).fit(TRAIN)


def test_too_many_words_are_refused(model: Hybrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.language_models.hybrid.module.LARGEST_ID", 5)
    assert LARGEST_ID == 2**24
    with pytest.raises(HyperParameterError, match="at most 5 words"):
        HybridModule(model.module_, 3, 0)


# ------------------------------------------------------------------------------------------------ in other models


def test_members_of_other_models(model: Hybrid) -> None:
    mixture = Mixture(models=(model, NGram(order=2).fit(TRAIN))).fit(valid=VALID)
    np.testing.assert_allclose(mixture.log_probs(TEST), LanguageModel.log_probs(mixture, TEST), atol=1e-5)
    cache = Cache(model=model, method="neural", window=10, theta=0.3, weight=0.1).fit()
    np.testing.assert_allclose(cache.log_probs(TEST), LanguageModel.log_probs(cache, TEST), atol=1e-5)
    dynamic = DynamicEvaluation(model=model, rule="sgd", lr=0.1, decay=0.0).fit()
    np.testing.assert_allclose(dynamic.log_probs(TEST), LanguageModel.log_probs(dynamic, TEST), atol=1e-5)
    assert dynamic.log_probs(TEST).sum() != model.log_probs(TEST).sum()


# -------------------------------------------------------------------------------------------------------- saving


def test_saved_with_its_ngrams(model: Hybrid, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, Hybrid)
    np.testing.assert_array_equal(again.log_probs(TEST), model.log_probs(TEST))
    assert again.digest == model.digest
    assert again.unknown_rule == "once-seen-0.1+uniform-share"
    table = again.ngram_.table_
    assert not table.log_probs[1].flags.owndata  # mapped, not read


def test_damaged_ngrams_are_refused(model: Hybrid) -> None:
    from nlmkit.saving.state import FittedState

    state = model.fitted_state()

    def restored(members: dict[str, Any]) -> None:
        again = Hybrid(**TINY)
        again.restore_text(model.vocabulary_, model.pipeline_)
        again.restore(FittedState(state.arrays, state.metadata, members))

    restored({"ngram_": model.ngram_})
    with pytest.raises(SavedModelError, match="n-gram model of order 3 is missing"):
        restored({})
    with pytest.raises(SavedModelError, match="n-gram model of order 3 is missing"):
        restored({"ngram_": NGram(order=2).fit(TRAIN)})
    with pytest.raises(SavedModelError, match="another vocabulary"):
        restored({"ngram_": NGram(order=3).fit(VALID)})
    with pytest.raises(SavedModelError, match="plain table"):
        restored({"ngram_": model.ngram_.converted("packed")})


def test_trained_unknown_word() -> None:
    lm = Hybrid(**{**TINY, "epochs": 1}).fit([*TRAIN, "the <unk> sings"])
    assert lm.unknown_rule == "trained"
    assert math.isfinite(lm.log_probs(["a zebra"]).sum())


def test_no_events_have_no_log_probabilities() -> None:
    model = Hybrid(**TINY).fit(TRAIN)
    module = model.module_
    with scoring.scoring(module):
        features = module(torch.zeros(1, 1, dtype=torch.int64), module.initial_state(1)).features.flatten(0, 1)[:0]
        assert module.output.log_probs(features, torch.zeros(0, dtype=torch.int64)).shape == (0,)
