"""Softmax temperature: its arithmetic, what is fitted on validation text, what is refused, and its saved form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import language_models as toy_models
from toys.language_models import Bigram
from toys.plugin_packages import write_package

from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined import temperature as room
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.combined.temperature import Temperature
from nlmkit.language_models.combined.tempering import HIGHEST, LOWEST, fit_temperature, tempered
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.ngram.model import NGram
from nlmkit.saving import load_folder, save_folder
from nlmkit.testing import conformance
from nlmkit.text import BOS_ID

TRAIN = ["a b a c", "b a", "", "c a a b", "b b"]
VALID = ["a b", "c c c b a", "", "c c", "b c"]
TEST = ["b a c", "", "a z b", "c c a"]
CONTEXTS: Any = pytest.mark.parametrize("context", ["sentence", "stream"])

test_temperature_conforms = pytest.mark.slow(
    conformance(
        Temperature(model=NGram(order=2)),
        Temperature(model=NGram(order=3), temperature=1.0),
        tolerance=0,
        sum_tolerance=1e-12,
    )
)
test_neural_temperature_conforms = pytest.mark.slow(conformance(Temperature(model=LSTM(**LSTM.conformance_settings))))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("toys")
    write_package(folder, "toy-models", groups=toy_models.GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(scope="module")
def lstm() -> LSTM:
    return LSTM(hidden=8, embedding=6, epochs=12, batch=2, lr=0.05).fit(TRAIN * 3)


def by_hand(model: LanguageModel, temperature: float, text: list[str], context: Any) -> list[float]:
    """Log-probabilities from the model's distributions, in plain Python."""
    ids = model.encode(text).event_ids(model.vocabulary_).tolist()
    rows = np.concatenate([*model.distributions(text, context=context)]).tolist()
    values = []
    for row, word_id in zip(rows, ids, strict=True):
        powers = [math.exp(value / temperature) for value in row]
        values.append(math.log(powers[word_id] / math.fsum(powers)))
    return values


@CONTEXTS
@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_log_probs_are_those_of_the_formula(lstm: LSTM, temperature: float, context: Any) -> None:
    for model, tolerance in ((Bigram(alpha=0.1).fit(TRAIN), 1e-13), (lstm, 1e-5)):
        hot = Temperature(model=model, temperature=temperature).fit()
        found = hot.log_probs(TEST, context=context)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, by_hand(model, temperature, TEST, context), rtol=0, atol=tolerance)
        assert abs(found - model.log_probs(TEST, context=context)).max() > 0.01


@CONTEXTS
def test_batch_distributions_and_state_machine_agree(lstm: LSTM, context: Any) -> None:
    cached = Cache(model=Bigram(alpha=0.1).fit(TRAIN), weight=0.3, decay=0.9).fit()
    for model, tolerance in ((NGram(order=3).fit(TRAIN), 0), (cached, 0), (lstm, 1e-5)):
        hot = Temperature(model=model, temperature=1.3).fit()
        found = hot.log_probs(TEST, context=context)
        np.testing.assert_allclose(LanguageModel.log_probs(hot, TEST, context=context), found, rtol=0, atol=tolerance)
        rows = np.concatenate([*hot.distributions(TEST, context=context)])
        assert rows.dtype == np.float64
        events = hot.encode(TEST).event_ids(hot.vocabulary_)
        np.testing.assert_allclose(rows[np.arange(len(rows)), events], found, rtol=0, atol=tolerance)
        np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-6)
        assert (rows[:, BOS_ID] == -np.inf).all()


@CONTEXTS
def test_a_temperature_of_one_changes_no_bit(lstm: LSTM, context: Any) -> None:
    for model in (NGram(order=2, smoothing="mle").fit(TRAIN), lstm):
        same = Temperature(model=model, temperature=1.0).fit()
        np.testing.assert_array_equal(same.log_probs(TEST, context=context), model.log_probs(TEST, context=context))
        state = same.advance(same.start(), 3)
        np.testing.assert_array_equal(same.next_log_probs(state), model.next_log_probs(state))
        pairs = zip(same.distributions(TEST, context=context), model.distributions(TEST, context=context), strict=True)
        for found, expected in pairs:
            np.testing.assert_array_equal(found, expected)


def test_a_temperature_sharpens_and_flattens() -> None:
    row = np.log([[0.5, 0.3, 0.2]])
    np.testing.assert_allclose(np.exp(tempered(row, 0.5)), [[0.25, 0.09, 0.04]] / np.float64(0.38), rtol=1e-14)
    np.testing.assert_allclose(tempered(row, 0.01)[0, 0], 0, atol=1e-20)
    np.testing.assert_allclose(np.exp(tempered(row, 1e6)), 1 / 3, rtol=1e-5)
    with_zero = np.array([[-np.inf, math.log(0.25), math.log(0.75)]])
    assert tempered(with_zero, 3.0)[0, 0] == -np.inf
    np.testing.assert_array_equal(with_zero, [[-np.inf, math.log(0.25), math.log(0.75)]])  # not written to


def test_blocks_of_a_neural_model_change_nothing(lstm: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Temperature(model=lstm).fit(valid=VALID)
    monkeypatch.setattr(room, "BLOCK_LOGITS", 1)
    found = Temperature(model=lstm).fit(valid=VALID)
    assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-5)
    np.testing.assert_allclose(found.log_probs(TEST), expected.log_probs(TEST), rtol=0, atol=1e-5)


# ------------------------------------------------------------------------------------------------ fitting


@CONTEXTS
def test_the_best_temperature_is_found(lstm: LSTM, context: Any) -> None:
    models = [Bigram(alpha=0.1).fit(TRAIN), Bigram(alpha=9).fit(TRAIN), lstm]
    for model in models:
        hot = Temperature(model=model, context=context).fit(valid=VALID)
        report = hot.fit_report_
        best = hot.perplexity(VALID, context=context)
        assert report["temperature"] == hot.temperature_ != 1
        assert report["validation_perplexity"] == pytest.approx(best, rel=1e-6)
        before = report["validation_perplexity_without_temperature"]
        assert before == pytest.approx(model.perplexity(VALID, context=context), rel=1e-6)
        assert best < before
        for factor in (0.8, 0.97, 1.03, 1.25):
            other = Temperature(model=model, temperature=hot.temperature_ * factor).fit()
            assert other.perplexity(VALID, context=context) > best
        assert report["passes"] < 12


def test_both_ways_and_to_the_bounds() -> None:
    def fit(row: list[float], ids: list[int]) -> Any:
        rows = np.log(np.array([row] * len(ids)))
        return fit_temperature(lambda: [(rows[:2], np.array(ids[:2])), (rows[2:], np.array(ids[2:]))])

    # With two words, p^β / (p^β + q^β) is the share seen in the text at ln(share / (1 − share)) = β ln(p / q).
    found = fit([0.9, 0.1], [0, 1, 0, 0])
    assert found.value == pytest.approx(math.log(9) / math.log(3), rel=1e-6)
    assert found.log_prob == pytest.approx(0.75 * math.log(0.75) + 0.25 * math.log(0.25), abs=1e-12)
    assert found.log_prob_before == pytest.approx(0.75 * math.log(0.9) + 0.25 * math.log(0.1), abs=1e-12)
    assert fit([0.6, 0.4], [0, 1, 0, 0]).value == pytest.approx(math.log(1.5) / math.log(3), rel=1e-6)
    sure = fit([0.6, 0.4], [0, 0, 0, 0])
    assert (sure.value, sure.at_bound) == (LOWEST, True)
    wrong = fit([0.6, 0.4], [1, 1, 1, 0])
    assert (wrong.value, wrong.at_bound) == (HIGHEST, True)
    assert fit([0.5, 0.5], [0, 1, 1, 0]).value == 1  # which no temperature changes


def test_impossible_events_are_left_out_and_told() -> None:
    model = NGram(order=1, smoothing="mle").fit(["a a a b"])
    hot = Temperature(model=model).fit(valid=["b a z a b"])
    assert hot.fit_report_["notes"] == ["1 validation events have probability zero at any temperature"]
    assert hot.fit_report_["validation_perplexity"] is None
    possible = Temperature(model=model).fit(valid=["b a a b"])
    assert hot.temperature_ == pytest.approx(possible.temperature_, rel=1e-6)
    assert not np.isnan(hot.log_probs(["b a z a b"])).any()
    with pytest.raises(DataError, match="holds only events that the model gives probability zero"):
        fit_temperature(lambda: [(np.array([[-np.inf, 0.0]]), np.array([0]))])


def test_what_is_given_is_not_fitted() -> None:
    model = Bigram(alpha=0.1).fit(TRAIN)
    given = Temperature(model=model, temperature=1.25).fit()
    assert given.fit_report_ == {"model": "toy-bigram", "temperature": 1.25, "notes": []}
    told = Temperature(model=model, temperature=1.25).fit(valid=VALID)
    assert told.temperature_ == 1.25
    assert told.fit_report_["validation_perplexity"] == pytest.approx(given.perplexity(VALID), rel=1e-12)
    assert Temperature(model=model).fit(valid=VALID).temperature is None


def test_a_model_that_is_not_fitted_is_copied_and_fitted() -> None:
    unfitted = NGram(order=2)
    hot = Temperature(model=unfitted).fit(iter(TRAIN), valid=iter(VALID))
    assert hot.model is unfitted
    assert not unfitted.is_fitted
    assert hot.model_.digest == NGram(order=2).fit(TRAIN, valid=VALID).digest


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda: Temperature(), {"valid": VALID}, "a temperature requires a model (--model PATH)"),
        (
            lambda: Temperature(model=Bigram().fit(TRAIN)),
            {},
            "requires validation text: add --valid FILE, or set the value",
        ),
        (lambda: Temperature(model=Bigram()), {"valid": VALID}, "toy-bigram is not fitted: give training text"),
        (
            lambda: Temperature(model=Bigram().fit(TRAIN)),
            {"data": TRAIN, "valid": VALID},
            "every model is fitted already",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(make: Any, arguments: dict[str, Any], message: str) -> None:
    hot = make()
    with pytest.raises(HyperParameterError) as caught:
        hot.fit(**arguments)
    assert message in str(caught.value)
    assert not hot.is_fitted
    with pytest.raises(NotFittedError):
        hot.start()


def test_bad_values_and_texts_are_refused() -> None:
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(HyperParameterError, match="temperature"):
            Temperature(temperature=wrong)
    with pytest.raises(NotNormalizedError, match=r"model 1, ngram, returns scores that are not probabilities"):
        Temperature(model=NGram(smoothing="stupid-backoff")).fit(TRAIN, valid=VALID)
    with pytest.raises(DataError, match="the validation text has no event"):
        Temperature(model=Bigram().fit(TRAIN)).fit(valid=[])


# ------------------------------------------------------------------------------------------------ reports and stacks


def test_the_report_names_the_temperature() -> None:
    model = Bigram().fit(TRAIN)
    hot = Temperature(model=model, temperature=1.25).fit()
    report = hot.report(TEST)
    assert not report.adapted
    assert report.labels == {"temperature": "1.25"}
    assert "|temperature:1.25|" in report.signature
    assert report.unknown_rule == model.unknown_rule
    assert Temperature(model=hot, temperature=0.5).fit().report_labels == {
        "temperature": "0.5",
        "temperature.model": "1.25",
    }
    cached = Temperature(model=Cache(model=model, weight=0.1, decay=1.0).fit(), temperature=1.25).fit()
    assert cached.report(TEST).adapted
    assert list(cached.report_labels) == ["temperature", "cache"]


def test_hidden_states_pass_through(lstm: LSTM) -> None:
    hot = Temperature(model=lstm, temperature=1.25).fit()
    cache = Cache(model=hot, method="neural", weight=0.25, theta=0.5).fit()
    expected = np.concatenate([*lstm.hidden_states(TEST, context="stream")])
    np.testing.assert_array_equal(np.concatenate([*hot.hidden_states(TEST, context="stream")]), expected)
    machine = LanguageModel.log_probs(cache, TEST, context="stream")
    np.testing.assert_allclose(machine, cache.log_probs(TEST, context="stream"), rtol=0, atol=1e-5)
    assert not hasattr(Temperature(model=NGram()), "hidden_states")
    assert not hasattr(Temperature(), "hidden_states")


def test_the_models_details_are_kept() -> None:
    model = NGram(order=2).fit(TRAIN)
    hot = Temperature(model=model, temperature=2.0).fit()
    np.testing.assert_array_equal(hot.event_details(TEST)["ngram_length"], model.event_details(TEST)["ngram_length"])


# ------------------------------------------------------------------------------------------------ saving


@pytest.mark.parametrize(
    "make",
    [
        lambda: Temperature(model=NGram(order=3).fit(TRAIN)).fit(valid=VALID),
        lambda: Temperature(model=NGram(order=3)).fit(TRAIN, valid=VALID),
        lambda: Temperature(model=LSTM(**LSTM.conformance_settings)).fit(TRAIN, valid=VALID),
        lambda: Mixture(models=(NGram(order=1), Temperature(model=NGram(order=2)))).fit(TRAIN, valid=VALID),
    ],
)
def test_a_loaded_model_is_the_saved_one(make: Any, tmp_path: Path) -> None:
    hot = make()
    hot.save(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded: Any = load(tmp_path / "moved")
    assert type(loaded) is type(hot)
    assert loaded == hot
    assert loaded.digest == hot.digest
    for context in ("sentence", "stream"):
        np.testing.assert_array_equal(loaded.log_probs(TEST, context=context), hot.log_probs(TEST, context=context))
    assert loaded.report(TEST) == hot.report(TEST)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"temperature": 1e9}, "temperature is 1000000000.0"),
        ({"temperature": "x"}, "temperature is 'x'"),
        ({"temperature": True}, "temperature is True"),
        ({"fit_report": []}, "fit_report is missing from its metadata"),
    ],
)
def test_a_damaged_model_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    Temperature(model=NGram(order=2).fit(TRAIN)).fit(valid=VALID).save(tmp_path / "model")
    place = tmp_path / "model" / "manifest.json"
    manifest = json.loads(place.read_text(encoding="utf-8"))
    manifest["metadata"] |= changes
    place.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(SavedModelError) as caught:
        load(tmp_path / "model")
    assert message in str(caught.value)
    assert str(tmp_path / "model") in str(caught.value)


def test_a_temperature_without_its_model_is_refused(tmp_path: Path) -> None:
    Temperature(model=NGram(order=2)).fit(TRAIN, valid=VALID).save(tmp_path / "model")
    found = load_folder(tmp_path / "model")
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    del manifest["members"]["model_"]
    arrays = {name: array for name, array in found.arrays.items() if not name.startswith("members/model_/")}
    save_folder(tmp_path / "model", manifest, arrays=arrays, vocabulary=found.vocabulary)
    with pytest.raises(SavedModelError, match="the saved model is damaged: the rescaled model is missing"):
        load(tmp_path / "model")
