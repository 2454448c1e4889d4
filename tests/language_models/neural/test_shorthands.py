"""``dropout``: one rate for several, resolved like a preset."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from nlmkit import load
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM

RECURRENT = (LSTM, GRU, RNNLM)
MODELS = (*RECURRENT, NNLM)
TINY: dict[str, Any] = {"hidden": 6, "embedding": 4, "epochs": 1, "batch": 4}
TRAIN = ["the cat sees the dog", "the dog sees a cat"] * 2

torch.set_num_threads(1)


def rates(lm: NeuralLanguageModel) -> tuple[Any, ...]:
    return tuple(getattr(lm, name, None) for name in ("dropout_input", "dropout_output", "dropout_hidden"))


def layers_of(lm: NeuralLanguageModel) -> list[float]:
    """Rates of the fitted network itself."""
    parts = [lm.module_.dropout_input, lm.module_.dropout_output, getattr(lm.module_.body, "dropout_hidden", None)]
    return [part.rate for part in parts if part is not None]


@pytest.mark.parametrize("cls", MODELS)
def test_the_network_has_the_rate_and_keeps_it_when_loaded(cls: type[NeuralLanguageModel], tmp_path: Path) -> None:
    lm = cls(**TINY, dropout=0.4, **({} if cls is NNLM else {"layers": 2})).fit(TRAIN)
    assert layers_of(lm) == [0.4] * (2 if cls is NNLM else 3)
    lm.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, cls)
    assert again.get_params() == lm.get_params()
    assert layers_of(again) == layers_of(lm)
    assert again.digest == lm.digest


@pytest.mark.parametrize("cls", MODELS)
def test_without_it_the_defaults_stand(cls: type[NeuralLanguageModel]) -> None:
    declared = cls.hyper_parameters()
    assert cls().get_params() == {name: parameter.default for name, parameter in declared.items()}
    assert cls(dropout=0.0).get_params() == cls().get_params() | {
        "dropout": 0.0,
        "dropout_input": 0.0,
        "dropout_output": 0.0,
    }


def test_given_rates_win_over_it_and_it_wins_over_the_preset() -> None:
    assert rates(LSTM(dropout=0.4, dropout_input=0.1, layers=2)) == (0.1, 0.4, 0.4)
    assert rates(LSTM(dropout=0.4, dropout_input=0.35)) == (0.35, 0.4, 0.0)  # its default, but given
    assert rates(LSTM(dropout=0.3, preset="awd")) == (0.3, 0.3, 0.3)
    assert LSTM(dropout=0.3, preset="awd").weight_drop == 0.5
    assert rates(NNLM(dropout=0.3, dropout_output=0.0)) == (0.3, 0.0, None)


VARIANTS: list[dict[str, Any]] = [
    {"dropout": 0.4},
    {"dropout": 0.4, "layers": 2},
    {"dropout": 0.4, "dropout_input": 0.1},
    {"dropout": 0.4, "dropout_input": 0.1, "dropout_output": 0.2},
    {"dropout": 0.3, "preset": "awd"},
    {"dropout": 0.3, "preset": "awd", "dropout_hidden": 0.0},
    {"dropout": 0.3, "preset": "medium", "layers": 1},
]


@pytest.mark.parametrize("values", VARIANTS)
def test_a_copy_is_equal_and_goes_on_alike(values: dict[str, Any]) -> None:
    lm = LSTM(**values)
    copies = [LSTM(**lm.get_params()), LSTM().set_params(**lm.get_params()), LSTM(**lm.params_as_json())]
    copies += [copy.copy(lm), copy.deepcopy(lm)]
    for change in ({}, {"dropout": 0.2}, {"layers": 2}, {"layers": 1}, {"preset": "small"}, {"dropout": None}):
        lm.set_params(**change)
        for duplicate in copies:
            assert duplicate.set_params(**change).get_params() == lm.get_params()


@pytest.mark.parametrize("values", [{"preset": "awd"}, {"layers": 2}, {"dropout_input": 0.1}, {}])
@pytest.mark.parametrize("change", [{"dropout": 0.25}, {"layers": 3}, {"preset": "small"}])
def test_setting_one_later_is_as_setting_it_at_first(values: dict[str, Any], change: dict[str, Any]) -> None:
    before = {"dropout": 0.4, **values}
    later = LSTM(**before).set_params(**change)
    assert later.get_params() == LSTM(**{**before, **change}).get_params()


@pytest.mark.parametrize("order", [("dropout", "dropout_input", "layers"), ("layers", "dropout_input", "dropout")])
def test_set_params_lets_given_rates_win_in_any_order(order: tuple[str, ...]) -> None:
    for given in (0.1, LSTM().dropout_input):
        values = {"dropout": 0.2, "dropout_input": given, "layers": 2}
        assert rates(LSTM().set_params(**{name: values[name] for name in order})) == (given, 0.2, 0.2)


def test_taking_it_back_brings_back_the_preset_and_the_defaults() -> None:
    lm = LSTM(dropout=0.2, preset="awd")
    lm.dropout = None
    assert lm == LSTM(preset="awd")
    assert RNNLM(dropout=0.2).set_params(dropout=None) == RNNLM()


def test_setting_it_makes_a_fitted_model_forget() -> None:
    lm = NNLM(**TINY, order=2).fit(TRAIN)
    lm.dropout = 0.5
    assert not lm.is_fitted
    assert layers_of(lm.fit(TRAIN)) == [0.5, 0.5]


def test_it_is_refused_where_all_its_rates_are_given() -> None:
    with pytest.raises(HyperParameterError, match=r"dropout=0.4 has no effect: it needs dropout_input"):
        LSTM(**TINY, dropout=0.4, dropout_input=0.1, dropout_output=0.2).fit(TRAIN)
    with pytest.raises(HyperParameterError, match="dropout must be ≥ 0, < 1, not 1"):
        LSTM(dropout=1.0)
