"""Presets: published settings in place of the defaults, and what is given beside them."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from nlmkit.core.component import Component
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.capabilities import refuse
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM

MODELS = (LSTM, GRU, RNNLM, NNLM)
EVERY = [(cls, preset) for cls in MODELS for preset in cls.presets]


@pytest.mark.parametrize(("cls", "preset"), EVERY)
def test_a_preset_sets_what_it_says_and_nothing_else(cls: type[NeuralLanguageModel], preset: str) -> None:
    values = cls(preset=preset).get_params()
    assert values == cls().get_params() | cls.presets[preset] | {"preset": preset}


@pytest.mark.parametrize(("cls", "preset"), EVERY)
def test_presets_can_be_chosen_by_name(cls: type[NeuralLanguageModel], preset: str) -> None:
    assert preset in cls.hyper_parameters()["preset"].choices
    assert len(cls.hyper_parameters()["preset"].choices) == len(cls.presets)


@pytest.mark.parametrize(("cls", "preset"), EVERY)
def test_no_preset_contradicts_itself(cls: type[NeuralLanguageModel], preset: str) -> None:
    refuse(cls(preset=preset))
    refuse(cls(**cls(preset=preset).params_as_json()))


@pytest.mark.parametrize(("cls", "preset"), EVERY)
def test_the_help_names_where_a_preset_was_published(cls: type[NeuralLanguageModel], preset: str) -> None:
    about = cls.hyper_parameters()["preset"].help
    if preset not in ("none", "auto"):
        assert re.search(rf"[(; ]({preset}|{preset}, .*|.*, {preset}): \w+ et al\. \d{{4}}", about), about
    assert "awd: Merity et al. 2018" in LSTM.hyper_parameters()["preset"].help


def test_the_lstm_has_the_published_recipes() -> None:
    medium = LSTM(preset="medium")
    assert (medium.embedding, medium.hidden, medium.layers, medium.tied) == (650, 650, 2, False)
    assert (medium.dropout_input, medium.dropout_hidden, medium.dropout_output, medium.locked) == (0.5, 0.5, 0.5, False)
    # Rate 1 and a norm of 5 for a loss summed over 35 steps; divided by 1.2 where it decays.
    assert (medium.lr / 35, medium.clip_norm * 35, 1 / medium.decay) == pytest.approx((1, 5, 1.2))
    assert (medium.optimizer, medium.schedule, medium.epochs, medium.batch) == ("sgd", "plateau", 39, 20)
    small = LSTM(preset="small")
    assert (small.hidden, small.layers, small.bptt, small.dropout_output, small.decay) == (200, 2, 20, 0.0, 0.5)
    awd = LSTM(preset="awd")
    assert (awd.embedding, awd.hidden, awd.layers, awd.tied, awd.projection) == (400, 1150, 3, True, "last-layer")
    assert (awd.dropout_input, awd.dropout_hidden, awd.dropout_output, awd.dropout_embedding) == (0.4, 0.25, 0.4, 0.1)
    assert (awd.weight_drop, awd.ar, awd.tar, awd.weight_decay, awd.averaging) == (0.5, 2, 1, 1.2e-6, "nt-asgd")
    assert (awd.lr, awd.clip_norm, awd.bptt, awd.bptt_random, awd.batch) == (30, 0.25, 70, True, 20)


def test_other_cells_take_sizes_and_regularisation_only() -> None:
    assert GRU(preset="medium").hidden == 650
    assert GRU(preset="medium").optimizer == GRU().optimizer
    assert GRU(preset="awd").lr == GRU().lr
    assert RNNLM(preset="small").epochs == RNNLM().epochs
    assert NNLM(preset="bengio").embedding == 30


def test_the_default_is_the_measured_recipe() -> None:
    lm = LSTM()
    assert (lm.layers, lm.hidden, lm.embedding, lm.tied) == (1, 512, 256, True)
    assert (lm.dropout_input, lm.dropout_output, lm.locked) == (0.35, 0.35, True)
    assert (lm.optimizer, lm.lr, lm.schedule, lm.epochs) == ("adamw", 4e-3, "one-cycle", 10)
    assert (lm.batch, lm.bptt, lm.clip_norm, lm.softmax) == (64, 35, 0.5, "auto")


def test_given_values_win_even_when_they_are_the_default() -> None:
    lm = LSTM(preset="medium", hidden=512, dropout_input=0.1)
    assert (lm.hidden, lm.dropout_input, lm.embedding) == (512, 0.1, 650)


@pytest.mark.parametrize(("cls", "preset"), EVERY)
def test_resolved_values_survive_json_whatever_presets_become(
    cls: type[NeuralLanguageModel], preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = cls(preset=preset, seed=7)
    saved = lm.params_as_json()
    assert all(saved[name] == value for name, value in cls.presets[preset].items())
    monkeypatch.setattr(cls, "presets", {name: {"hidden": 3} for name in cls.presets})
    assert cls(**saved).get_params() == lm.get_params()


def test_another_preset_replaces_the_values_of_the_one_before() -> None:
    lm = LSTM(preset="medium", dropout_hidden=0.1)
    lm.preset = "awd"
    assert lm.get_params() == LSTM(preset="awd", dropout_hidden=0.1).get_params()
    lm.preset = "none"
    assert lm.get_params() == LSTM(preset="none", dropout_hidden=0.1).get_params()


@pytest.mark.parametrize("values", [{"preset": "small", "hidden": 9}, {"hidden": 9, "preset": "small"}])
def test_set_params_lets_given_values_win_in_any_order(values: dict[str, Any]) -> None:
    lm = LSTM().set_params(**values)
    assert (lm.hidden, lm.embedding) == (9, 200)


def test_a_copy_resolves_presets_like_its_original() -> None:
    for duplicate in (copy.copy(LSTM(preset="small")), copy.deepcopy(LSTM(preset="small"))):
        assert duplicate == LSTM(preset="small")
        duplicate.preset = "medium"
        assert duplicate == LSTM(preset="medium")


def test_unknown_presets_are_refused_with_a_suggestion() -> None:
    with pytest.raises(HyperParameterError, match="did you mean medium"):
        LSTM(preset="medum")
    with pytest.raises(HyperParameterError, match="preset must be one of auto, none, bengio"):
        NNLM(preset="awd")
    lm = LSTM(preset="small")
    with pytest.raises(HyperParameterError):
        lm.preset = "large"
    assert lm == LSTM(preset="small")


def test_unknown_names_are_still_refused() -> None:
    with pytest.raises(HyperParameterError, match="did you mean dropout_hidden"):
        LSTM(dropout_hiden=0.1)
    assert isinstance(LSTM(), Component)
