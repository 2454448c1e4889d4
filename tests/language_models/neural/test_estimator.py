"""What the estimator does around its module: reports, saved states and their damage, warm starts, missing torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlmkit import (
    Corpus,
    DataError,
    HyperParameterError,
    NlmkitError,
    NotFittedError,
    SavedModelError,
    TextPipeline,
    load,
)
from nlmkit.core.run import RunOptions
from nlmkit.language_models.neural import training
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.language_models.neural.training import train
from nlmkit.language_models.ngram.model import NGram
from nlmkit.saving.state import FittedState

pytestmark = pytest.mark.slow

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 3
VALID = ["a cat sings", "the dog sees the bird"]
TINY: dict[str, Any] = {"hidden": 6, "embedding": 4, "epochs": 2, "batch": 4, "lr": 0.02}
MODELS = (LSTM, GRU, RNNLM, NNLM)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def lm() -> LSTM:
    return LSTM(**TINY).fit(TRAIN, valid=VALID)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit takes one step at a rate that changes no float32."""

    def no_training(module: Any, events: Any, valid: Any, options: Any, *rest: Any, **named: Any) -> Any:
        weights = {name: value.clone() for name, value in module.state_dict().items()}
        result = train(module, events, valid, options, *rest, **named)
        module.load_state_dict(weights)
        return result

    monkeypatch.setattr(training, "train", no_training)


# ------------------------------------------------------------------------------------------------------- reports


def test_the_fit_report_tells_of_the_training(lm: LSTM) -> None:
    report = lm.fit_report_
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["sentences"], report["events"]) == (15, 15 + sum(len(line.split()) for line in TRAIN))
    assert report["steps"] > 0
    assert report["seconds"] > 0
    assert report["history"][-1]["ends_epoch"]
    assert report["validation_perplexity"] == min(entry["perplexity"] for entry in report["history"])
    assert report["unknown_rule"] == "once-seen-0.1"
    assert report["parameters"] == sum(report["parameters_by_layer"].values())
    assert report["notes"] == []


def test_without_validation_text_the_report_says_that_nothing_stopped_it() -> None:
    report = LSTM(**TINY).fit(TRAIN).fit_report_
    assert (report["history"], report["validation_perplexity"], report["weights"]) == ([], None, "last")
    assert any("no validation text" in note and "last weights" in note for note in report["notes"])


def test_the_clock_is_no_part_of_the_model(lm: LSTM) -> None:
    kept = lm.fitted_state().metadata["fit_report"]
    assert "seconds" not in json.dumps(kept)
    assert kept["history"][0]["perplexity"] == lm.fit_report_["history"][0]["perplexity"]
    slower = LSTM(**TINY).fit(TRAIN, valid=VALID)
    slower.fit_report_["seconds"] += 60
    assert slower.fitted_state().metadata == lm.fitted_state().metadata
    assert slower.digest == lm.digest


@pytest.mark.parametrize(
    ("options", "text", "rule"),
    [
        ({}, TRAIN, "once-seen-0.1"),
        ({"unknown_rate": 0.25}, TRAIN, "once-seen-0.25"),
        ({}, [*TRAIN, "the <unk> sings"], "trained"),
        ({"min_count": 4}, TRAIN, "trained"),
    ],
)
def test_the_unknown_rule_says_how_unk_was_learnt(options: dict[str, Any], text: list[str], rule: str) -> None:
    lm = NNLM(**TINY, order=2, **options).fit(text)
    assert lm.unknown_rule == lm.fit_report_["unknown_rule"] == rule
    assert f"|unk:{rule}|" in lm.report(VALID).signature


def test_once_seen_words_stand_in_for_unknown_ones() -> None:
    text = [*TRAIN, "a rare word sings", "an odd thing sees the cat", "some strange bird sees a fish"] * 1
    never, often = (NNLM(**{**TINY, "epochs": 20}, order=2, unknown_rate=rate).fit(text) for rate in (0.0, 0.9))
    unknown = [lm.next_log_probs(lm.advance(lm.start(), lm.vocabulary_.id("a")))[0] for lm in (never, often)]
    assert unknown[0] < unknown[1] - 0.5


def test_summary_is_a_line_of_the_class_and_a_table_of_the_fitted(lm: LSTM) -> None:
    assert LSTM.summary() == LSTM().summary() == (LSTM.__doc__ or "").splitlines()[0]
    lines = lm.summary().splitlines()
    assert lines[0] == LSTM.summary()
    assert lines[-1].split() == ["total", f"{lm.fit_report_['parameters']:,}"]
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines[2:]] == [
        "words",
        "lstm 1",
        "projection",
        "output",
        "total",
    ]


# ----------------------------------------------------------------------------------------------------- the texts


@pytest.mark.parametrize("text", [[], ["", ""]])
def test_a_text_without_words_is_refused(text: list[str]) -> None:
    for fit, what in (
        (lambda: LSTM(**TINY).fit(text), "training"),
        (lambda: LSTM(**TINY).fit(TRAIN, valid=text), "validation"),
    ):
        with pytest.raises(DataError, match=f"the {what} text has no words"):
            fit()


def test_validation_text_must_be_read_like_the_training_text() -> None:
    characters = Corpus.read(VALID, TextPipeline(tokenizer="char"))
    with pytest.raises(DataError, match=r"validation text was tokenized with tok:char.*expected tok:space"):
        LSTM(**TINY).fit(TRAIN, valid=characters)


def test_a_text_shorter_than_a_batch_is_enough() -> None:
    lm = LSTM(**{**TINY, "batch": 64}).fit(["a b"])
    assert np.isfinite(lm.log_probs(["a b c"])).all()
    assert lm.fit_report_["batch"] == 3


def test_run_options_reach_the_training(tmp_path: Path) -> None:
    log, folder = tmp_path / "training.jsonl", tmp_path / "checkpoint"
    LSTM(**TINY).fit(TRAIN, valid=VALID, run=RunOptions(log=log, checkpoint=folder, device="cpu"))
    assert len(log.read_text().splitlines()) >= 2
    with pytest.raises(HyperParameterError, match="device"):
        LSTM(**TINY).fit(TRAIN, run=RunOptions(device="cuda:999"))


def test_the_network_can_be_moved(lm: LSTM) -> None:
    assert lm.to("cpu") is lm
    with pytest.raises(HyperParameterError, match="device=cuda:999"):
        lm.to("cuda:999")
    with pytest.raises(NotFittedError):
        LSTM().to("cpu")


# ------------------------------------------------------------------------------------------------ saved and damaged


def restored(
    lm: NeuralLanguageModel, arrays: dict[str, Any], metadata: Any = None, **changed: Any
) -> NeuralLanguageModel:
    """A model restored from changed arrays, metadata or hyper-parameters."""
    again = type(lm)(**{**lm.get_params(), **changed})
    again.vocabulary_, again.pipeline_ = lm.vocabulary_, lm.pipeline_
    again.restore(FittedState(arrays, lm.fitted_state().metadata if metadata is None else metadata))
    return again


def state_arrays(lm: NeuralLanguageModel) -> dict[str, Any]:
    return {name: array.copy() for name, array in lm.fitted_state().arrays.items()}


def test_arrays_are_the_module_s_weights_by_name(lm: LSTM) -> None:
    arrays = lm.fitted_state().arrays
    weights = dict(lm.module_.named_parameters())
    assert {name for name, array in arrays.items() if array.dtype == np.float32} == set(weights)
    for name, weight in weights.items():
        assert np.array_equal(arrays[name], weight.detach().numpy())
    again = restored(lm, state_arrays(lm))
    assert np.array_equal(again.log_probs(VALID), lm.log_probs(VALID))
    assert not again.module_.training


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(lm: LSTM, value: float) -> None:
    for name in dict(lm.module_.named_parameters()):
        arrays = state_arrays(lm)
        arrays[name].flat[-1] = value
        with pytest.raises(SavedModelError, match=f"{name}.*NaN or infinity"):
            restored(lm, arrays)


def test_missing_superfluous_and_misshapen_arrays_are_refused(lm: LSTM) -> None:
    for name in state_arrays(lm):
        without = state_arrays(lm)
        del without[name]
        with pytest.raises(SavedModelError, match=r"missing|length"):
            restored(lm, without)
        for wrong in (lambda array: array[:-1], lambda array: array[None], lambda array: array.astype(np.float64)):
            arrays = state_arrays(lm)
            arrays[name] = wrong(arrays[name])
            with pytest.raises(SavedModelError, match=f"{name}.*has (dtype|shape)"):
                restored(lm, arrays)
    with pytest.raises(SavedModelError, match="extra belong to no part"):
        restored(lm, {**state_arrays(lm), "extra": np.zeros(3, np.float32)})


def test_a_word_order_that_is_none_is_refused(lm: LSTM) -> None:
    for damage in (np.zeros_like, lambda rank: rank + 1000, lambda rank: -rank):
        arrays = state_arrays(lm)
        arrays["words.rank"] = damage(arrays["words.rank"])
        with pytest.raises(SavedModelError):
            restored(lm, arrays)


def test_hyper_parameters_that_contradict_the_arrays_are_refused_before_memory_is_claimed(lm: LSTM) -> None:
    for changed in ({"hidden": 65536}, {"embedding": 65536}, {"hidden": 7}, {"layers": 2}, {"tied": False}):
        with pytest.raises(SavedModelError):
            restored(lm, state_arrays(lm), **changed)


@pytest.mark.parametrize("metadata", [{}, {"fit_report": None}, {"fit_report": [1]}])
def test_metadata_without_a_fit_report_are_refused(lm: LSTM, metadata: dict[str, Any]) -> None:
    with pytest.raises(SavedModelError, match="fit_report"):
        restored(lm, state_arrays(lm), metadata)


# ---------------------------------------------------------------------------------------------------- warm starts

MORE = ["the zebra sees the cat", "a zebra and an okapi sing", "the dog sings"] * 2
OLD_WORDS = ["the dog sees a bird", "", "a cat sings and sings"]


@pytest.mark.parametrize("cls", MODELS)
@pytest.mark.usefixtures("untrained")
def test_a_warm_start_without_new_words_keeps_every_score(cls: type[NeuralLanguageModel]) -> None:
    first = cls(**TINY).fit(TRAIN, valid=VALID)
    second = cls(**TINY, start_from=first).fit(list(reversed(TRAIN)), valid=VALID)
    assert second.vocabulary_ == first.vocabulary_
    assert np.array_equal(second.log_probs(OLD_WORDS), first.log_probs(OLD_WORDS))
    assert second.fit_report_["started_from"] == {"digest": first.digest, "new_words": 0}


@pytest.mark.parametrize(
    ("cls", "options"), [(LSTM, {}), (LSTM, {"tied": False}), (NNLM, {"order": 3}), (GRU, {"softmax": "sampled"})]
)
@pytest.mark.usefixtures("untrained")
def test_a_warm_start_with_new_words_keeps_ids_vectors_and_what_old_words_are_to_each_other(
    cls: type[NeuralLanguageModel], options: dict[str, Any]
) -> None:
    first = cls(**TINY, **options).fit(TRAIN)
    second = cls(**TINY, **options, start_from=first).fit(MORE)
    old, new = first.vocabulary_, second.vocabulary_
    assert new.words == (*old.words, "zebra", "an", "okapi", "sing")
    assert second.fit_report_["started_from"]["new_words"] == 4
    assert new.counts[new.id("cat")] == old.counts[old.id("cat")] + 2
    assert new.counts[new.id("zebra")] == 4
    assert new.counts[2] == len(TRAIN) + len(MORE)
    assert torch.equal(second.module_.word_vectors()[: len(old)], first.module_.word_vectors())
    # The old words' probabilities relative to each other are what they were; new words take something from all alike.
    before, after = (np.concatenate(list(lm.distributions(OLD_WORDS))) for lm in (first, second))
    share = np.exp(after[:, len(old) :]).sum(axis=1, keepdims=True)
    kept = np.delete(np.arange(len(old)), 1)
    np.testing.assert_allclose(after[:, kept] - np.log1p(-share), before[:, kept], rtol=0, atol=1e-5)
    assert (share > 0).all()
    assert np.isfinite(second.log_probs(MORE)).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tied": False},
        {"softmax": "sampled", "softmax_samples": 4},
        {"softmax": "adaptive", "softmax_head": 1},
        {"softmax": "adaptive", "softmax_head": 3, "tied": False},
        {"softmax": "class-factored"},
        {"softmax": "class-factored", "softmax_classes": 4, "tied": False},
    ],
)
def test_a_warm_started_model_can_be_saved_and_started_from_again(options: dict[str, Any], tmp_path: Path) -> None:
    LSTM(**TINY, **options).fit(TRAIN).save(tmp_path / "first")
    second = LSTM(**TINY, **options, start_from=str(tmp_path / "first")).fit(MORE)
    second.save(tmp_path / "second")
    shutil.rmtree(tmp_path / "first")  # a loaded model needs it no more
    loaded = load(tmp_path / "second")
    assert isinstance(loaded, LSTM)
    assert np.array_equal(loaded.log_probs(MORE), second.log_probs(MORE))
    third = LSTM(**TINY, **options, start_from=str(tmp_path / "second")).fit(["the gnu sings"])
    assert third.vocabulary_.words == (*second.vocabulary_.words, "gnu")
    assert np.isfinite(third.log_probs(["the gnu sees a zebra"])).all()


def test_a_model_that_is_started_from_travels_with_the_other(lm: LSTM, tmp_path: Path) -> None:
    second = LSTM(**TINY, start_from=lm).fit(MORE)
    assert second.start_from is lm
    second.save(tmp_path / "model")
    shutil.move(tmp_path / "model", tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    assert loaded.digest == second.digest
    again = LSTM(**loaded.get_params()).fit(MORE)
    assert np.array_equal(again.log_probs(MORE), second.log_probs(MORE))


def test_training_goes_on_from_the_old_weights() -> None:
    first = LSTM(**{**TINY, "epochs": 40}).fit(TRAIN)
    fresh, warm = (LSTM(**{**TINY, "epochs": 1}, start_from=start).fit(TRAIN) for start in (None, first))
    assert abs(warm.score(TRAIN) - first.score(TRAIN)) < 0.5 * (first.score(TRAIN) - fresh.score(TRAIN))


def test_limits_of_a_warm_start_apply_to_new_words(lm: LSTM) -> None:
    second = LSTM(**TINY, start_from=lm, min_count=4).fit(MORE)
    assert second.vocabulary_.words == (*lm.vocabulary_.words, "zebra")
    assert second.unknown_rule == "trained"


def test_a_start_that_does_not_suit_is_refused(lm: LSTM, tmp_path: Path) -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        (GRU(**TINY).fit(TRAIN), HyperParameterError, "gru"),
        (NGram(order=2).fit(TRAIN), HyperParameterError, "ngram"),
        (LSTM(**{**TINY, "hidden": 9}).fit(TRAIN), HyperParameterError, "fitted with hidden=9: set the same"),
        (LSTM(**TINY, layers=2, tied=False).fit(TRAIN), HyperParameterError, "with layers=2, tied=False: set"),
        (LSTM(**TINY), NotFittedError, "not fitted"),
        (str(tmp_path / "nothing"), SavedModelError, "nothing"),
    ]
    for start, error, reason in cases:
        with pytest.raises(error, match=reason):
            LSTM(**TINY, start_from=start).fit(MORE)
    with pytest.raises(DataError, match=r"training text was tokenized with tok:char.*expected tok:space"):
        LSTM(**TINY, start_from=lm).fit(Corpus.read(MORE, TextPipeline(tokenizer="char")))


def test_new_text_is_read_as_the_old_was() -> None:
    first = LSTM(**TINY).fit(Corpus.read(TRAIN, TextPipeline(tokenizer="char")))
    second = LSTM(**TINY, start_from=first).fit(MORE)
    assert second.pipeline_ == first.pipeline_
    assert set(second.vocabulary_.words) - set(first.vocabulary_.words) == {"z", "k", "p"}


# --------------------------------------------------------------------------------------------------- without torch


@pytest.mark.parametrize("cls", MODELS)
def test_without_torch_one_line_says_how_to_get_it(
    cls: type[NeuralLanguageModel], lm: LSTM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for use in (lambda: cls(**TINY).fit(TRAIN), lambda: restored(lm, {})):
        with pytest.raises(NlmkitError, match=r"needs PyTorch: pip install 'nlmkit\[neural\]'"):
            use()


@pytest.mark.parametrize("name", ["lstm", "gru", "rnnlm", "nnlm"])
def test_a_component_s_declaration_imports_nothing_heavy(name: str) -> None:
    code = (
        "import sys, json; from nlmkit.core import registry; cls = registry.get(sys.argv[1]); "
        "cls().params_as_json(); cls.hyper_parameters(); cls.summary(); "
        "print(json.dumps(sorted({'torch', 'numpy', 'safetensors'} & set(sys.modules))))"
    )
    found = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []


# ------------------------------------------------------------------------------------------- without effect


@pytest.mark.parametrize(
    ("options", "text", "noted"),
    [
        ({"unknown_rate": 0.3}, [*TRAIN, "the <unk> sings"], True),
        ({"unknown_rate": 0.3, "min_count": 4}, TRAIN, True),
        ({"unknown_rate": 0.3}, TRAIN, False),
        ({}, [*TRAIN, "the <unk> sings"], False),
    ],
)
def test_a_rate_of_unknown_words_that_could_not_act_is_noted(
    options: dict[str, Any], text: list[str], noted: bool
) -> None:
    notes = NNLM(**TINY, order=2, **options).fit(text, valid=VALID).fit_report_["notes"]
    assert notes == (["unknown_rate=0.3 had no effect: the training text contains <unk>"] if noted else [])


def test_epochs_beside_a_budget_are_noted() -> None:
    small = {**TINY, "order": 2, "epochs": 3}
    notes = NNLM(**small).fit(TRAIN, valid=VALID, run=RunOptions(budget_seconds=0.2)).fit_report_["notes"]
    assert "epochs=3 had no effect: the budget decided how long to train" in notes
    del small["epochs"]
    notes = NNLM(**small).fit(TRAIN, valid=VALID, run=RunOptions(budget_seconds=0.2)).fit_report_["notes"]
    assert not any("epochs" in note for note in notes)
