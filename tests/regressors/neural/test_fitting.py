"""The neural regressors: what they learn, in which unit, how they are saved, interrupted and resumed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.classifiers import ODD, TEXTS
from toys.numbers import NUMBERS, WORTH

from nlmkit import LSTM, Corpus, HyperParameterError, RunOptions, SavedModelError, TextPipeline, load
from nlmkit.documents.neural.scoring import outputs_of
from nlmkit.regressors.neural.cnn_regressor import CNNRegressor
from nlmkit.regressors.neural.lstm_regressor import LSTMRegressor
from nlmkit.representations.lsa.model import LSA
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.interruption import Terminated
from nlmkit.training.records import read_log

pytestmark = pytest.mark.slow

TINY: dict[str, Any] = {"embedding": 12, "batch": 8, "lr": 0.01, "dropout_input": 0.0}
REGRESSORS: dict[str, Any] = {
    "cnn-regressor": (CNNRegressor, {**TINY, "maps": 6, "dropout_word": 0.0}),
    "lstm-regressor": (LSTMRegressor, {**TINY, "hidden": 8}),
}


def make(name: str, **options: Any) -> Any:
    cls, settings = REGRESSORS[name]
    return cls(**{**settings, **options})


@pytest.fixture(scope="module", params=REGRESSORS)
def fitted(request: pytest.FixtureRequest) -> Any:
    return make(request.param, epochs=40).fit(TEXTS, NUMBERS)


def test_it_learns(fitted: Any) -> None:
    assert fitted.score(TEXTS, NUMBERS) > 0.9
    best, worst = (fitted.predict([f"a {word} film , i say ."])[0] for word in ("fine", "awful"))
    assert best > 7
    assert worst < 4


def test_predictions_are_in_the_numbers_unit(fitted: Any) -> None:
    documents, extra = fitted.documents_of(fitted.encode(TEXTS))
    own = outputs_of(fitted.module_, documents, extra=extra)
    assert own.shape == (len(TEXTS), 1)
    np.testing.assert_allclose(
        fitted.predict(TEXTS), np.mean(NUMBERS) + np.std(NUMBERS) * own[:, 0], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("name", REGRESSORS)
def test_another_unit_gives_the_same_network(name: str) -> None:
    """Targets are standardized: ten times the number minus 7 is learned with the very same weights."""
    one = make(name, epochs=3).fit(TEXTS, NUMBERS)
    other = make(name, epochs=3).fit(TEXTS, [2.0**10 * number - 7 for number in NUMBERS])
    for key, tensor in one.module_.state_dict().items():
        torch.testing.assert_close(tensor, other.module_.state_dict()[key], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(other.predict(ODD), 2.0**10 * one.predict(ODD) - 7, rtol=1e-4)


def test_padding_and_batches_change_nothing(fitted: Any) -> None:
    texts = [*ODD, *TEXTS[:5]]
    alone = np.concatenate([fitted.predict([text]) for text in texts])
    np.testing.assert_allclose(fitted.predict(texts), alone, rtol=0, atol=1e-5 * fitted.target_scale_)
    np.testing.assert_allclose(fitted.predict(texts[::-1])[::-1], alone, rtol=0, atol=1e-5 * fitted.target_scale_)


def test_saved_and_loaded_it_is_the_same(fitted: Any, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    assert type(loaded) is type(fitted)
    assert loaded.digest == fitted.digest
    assert np.array_equal(loaded.predict([*ODD, *TEXTS]), fitted.predict([*ODD, *TEXTS]))


def test_a_saved_network_with_two_outputs_is_refused(fitted: Any) -> None:
    state = fitted.fitted_state()
    arrays = {**state.arrays, "bias": np.zeros(2, np.float32)}
    copy = type(fitted)(**fitted.get_params(deep=False))
    copy.vocabulary_, copy.pipeline_ = fitted.vocabulary_, fitted.pipeline_
    with pytest.raises(SavedModelError, match="bias"):
        copy.restore(type(state)(arrays, state.metadata))


def test_the_report_names_the_best_rmse_in_the_numbers_unit(fitted: Any) -> None:
    report = fitted.fit_report_
    best = min(report["history"], key=lambda found: found["validation_loss"])
    assert report["validation_rmse"] == best["rmse"]
    assert report["weights"].startswith(f"best on held-out texts, step {best['step']}")
    # The loss is the mean square in standard units.
    assert best["rmse"] == pytest.approx(fitted.target_scale_ * np.sqrt(best["validation_loss"]), rel=1e-9)
    assert report["held_out"] == {"texts": 4, "chosen": "0.1 of the training texts, seed 1"}
    assert json.loads(json.dumps(report, allow_nan=False)) == report


@pytest.mark.parametrize("name", REGRESSORS)
def test_held_out_texts_given_are_measured_by_the_saved_weights(name: str) -> None:
    model = make(name, epochs=8).fit(TEXTS[:24], NUMBERS[:24], valid=(TEXTS[24:], NUMBERS[24:]))
    errors = model.predict(TEXTS[24:]) - np.array(NUMBERS[24:])
    assert model.fit_report_["held_out"] == {"texts": 12, "chosen": "given"}
    assert model.fit_report_["validation_rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-6)


def test_huber_is_moved_less_by_an_outlier() -> None:
    texts, numbers = [*TEXTS, "a poor thing , i say ."], [*NUMBERS, 300.0]
    options: dict[str, Any] = {"epochs": 30, "valid_share": 0.0, "dropout": 0.0, "max_norm": None}
    squared, huber = (
        make("cnn-regressor", **options, **loss).fit(texts, numbers)
        for loss in ({}, {"loss": "huber", "huber_delta": 0.02})
    )
    known = [np.abs(model.predict(TEXTS) - NUMBERS).mean() for model in (squared, huber)]
    assert known[1] < known[0]


@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_within_an_epoch_saves_and_resuming_gives_the_same_bytes(
    name: str, number: int, kind: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make(name, epochs=4).fit(TEXTS, NUMBERS, run=RunOptions(log=tmp_path / "whole.jsonl"))
    run = {"checkpoint": tmp_path / "run", "log": tmp_path / "log.jsonl"}
    step = GradientStepper.step

    def interrupted(self: Any, moment: Any) -> float:
        if moment.step == 6:  # in the second epoch of four steps
            signal.raise_signal(number)
        return step(self, moment)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStepper, "step", interrupted)
        with pytest.raises(kind):
            make(name, epochs=4).fit(TEXTS, NUMBERS, run=RunOptions(**run))
    resumed = make(name, epochs=4).fit(TEXTS, NUMBERS, run=RunOptions(**run, resume=True))
    assert resumed.digest == whole.digest
    lines = [
        [(record.step, record.metrics, record.validation) for record in read_log(tmp_path / file)]
        for file in ("log.jsonl", "whole.jsonl")
    ]
    assert lines[0] == lines[1]
    assert {metric for _, _, validation in lines[0] for metric in validation} == {"loss", "rmse"}
    with pytest.raises(SavedModelError, match="belongs to another run"):
        make(name, epochs=4).fit(TEXTS, NUMBERS[::-1], run=RunOptions(checkpoint=run["checkpoint"], resume=True))


def test_equal_seeds_give_equal_bytes() -> None:
    one, two, other = (make("cnn-regressor", epochs=2, seed=seed).fit(TEXTS, NUMBERS) for seed in (1, 1, 2))
    assert one.digest == two.digest
    assert not np.array_equal(one.predict(ODD), other.predict(ODD))


def test_highlights_add_up_to_what_the_words_bring() -> None:
    model = make("cnn-regressor", epochs=40).fit(TEXTS, NUMBERS)
    for text in ("a fine film", "an awful day , i say", ""):
        found = model.highlights(text)
        assert [word for word, _ in found] == model.encode([text]).sentence(0)
        _, vectors, batch = model.embed_one(text)
        with torch.inference_mode():
            pooled = model.module_.encoder.pool_indices(vectors, batch, model.module_.generator)
            of_words = (pooled.begins[0] < batch.ids.shape[1]) & (pooled.begins[0] + pooled.widths > 0)
            added = (pooled.values[0] * model.module_.weight[0])[of_words].sum() * model.target_scale_
        assert sum(value for _, value in found) == pytest.approx(float(added) if found else 0.0, abs=1e-4)
    found = dict(model.highlights("a fine song , i say ."))
    assert max(found, key=lambda word: found[word]) == "fine"


def test_it_starts_from_a_language_model_and_from_a_representation(tmp_path: Path) -> None:
    text = Corpus.read(TEXTS[:12], TextPipeline(tokenizer="word", lowercase=True))
    lm = LSTM(hidden=8, embedding=6, epochs=1, batch=4).fit(text)
    options: dict[str, Any] = {"epochs": 3, "batch": 8, "lr": 0.01}
    model = LSTMRegressor(**options, start_from=lm, lm_epochs=1, unfreeze="gradual").fit(TEXTS, NUMBERS)
    assert model.units_ == (8,)
    assert model.fit_report_["language_model"]["tuned"]["epochs"] == 1
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").digest == model.digest
    unfitted = LSA(dimension=3, min_count=1)
    over = make("cnn-regressor", epochs=2, representation=unfitted, embedding=300).fit(TEXTS, NUMBERS)
    assert not unfitted.is_fitted
    assert over.representation_.is_fitted
    assert over.module_.words.width == 3
    with pytest.raises(HyperParameterError, match="reads one way only"):
        LSTMRegressor(**options, start_from=lm, bidirectional=True).fit(TEXTS, NUMBERS)


def test_augmented_copies_keep_the_number() -> None:
    model = make("cnn-regressor", epochs=1, augment=2, augment_operations=("swap",)).fit(TEXTS, NUMBERS)
    assert {len(text.split()) for text in TEXTS} == {7}
    assert model.fit_report_["words"] == 3 * 7 * (len(TEXTS) - model.fit_report_["held_out"]["texts"])
    assert set(WORTH) <= set(model.vocabulary_.words)
